import { MAX_TEXT_BYTES } from "./limits.ts";

/** Longer texts differ from span to span: keeping them would push out what repeats. */
const KEPT_BYTES = 64;
const SLOTS = 4096;

interface Kept {
  readonly bytes: Uint8Array;
  readonly text: string;
}

/**
 * Texts that were read before, found again by their bytes. Names, keys and most values of spans
 * repeat: this halves the time to decode one, and equal texts are one string in memory. A slot
 * holds the last text that fell into it, so hostile input can make it useless and nothing more.
 */
const slots: (Kept | undefined)[] = Array.from({ length: SLOTS });

/** The UTF-8 text from `start` to `end`; what is not UTF-8 becomes U+FFFD. */
export function readText(bytes: Buffer, start: number, end: number): string {
  const length = end - start;
  if (length > KEPT_BYTES) return longText(bytes, start, end);
  let hash = length;
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
  const slot = (hash ^ (hash >>> 15)) & (SLOTS - 1);
  const kept = slots[slot];
  if (kept !== undefined && isAt(kept.bytes, bytes, start, length)) return kept.text;
  const text = bytes.toString("utf8", start, end);
  slots[slot] = { bytes: new Uint8Array(bytes.subarray(start, end)), text };
  return text;
}

function isAt(kept: Uint8Array, bytes: Buffer, start: number, length: number): boolean {
  if (kept.length !== length) return false;
  for (let at = 0; at < length; at++) if (kept[at] !== bytes[start + at]) return false;
  return true;
}

function longText(bytes: Buffer, start: number, end: number): string {
  if (end - start <= MAX_TEXT_BYTES) return bytes.toString("utf8", start, end);
  return `${bytes.toString("utf8", start, start + MAX_TEXT_BYTES)}…`;
}
