import type { SpanContext, TraceState } from "@opentelemetry/api";

/** A version-00 header is exactly this long: `00-{32 hex}-{16 hex}-{2 hex}`. */
const LENGTH = 55;
const DASH = 0x2d;
const ZERO = 0x30;
const SAMPLED_AND_RANDOM = 0x03;
/** What is read of a header at most: a higher version may go on after its flags. */
const READ_CHARACTERS = LENGTH + 1;

const F = 0x66;
const NOT_HEX = 0xff;
/** Value of each lower-case hex digit by its byte; upper case is invalid by the specification. */
const DIGIT = new Uint8Array(256).fill(NOT_HEX);
for (let digit = 0; digit < 16; digit++) DIGIT[digit.toString(16).charCodeAt(0)] = digit;

/** All digits of [from, to) or-ed together: 0 for all zero, NOT_HEX where one is none. */
function digits(bytes: Uint8Array, from: number, to: number): number {
  let all = 0;
  for (let at = from; at < to; at++) all |= DIGIT[bytes[at] as number] as number;
  return all;
}

/**
 * A traceparent header, strictly by W3C Trace Context Level 2: lower-case hex, no zero ids, version
 * ff refused, version 00 of exactly 55 characters, a higher version read as 00 as far as its flags.
 *
 * `value` is the header's text or its bytes. Gives undefined for anything else; never throws.
 */
export function parseTraceparent(value: unknown): SpanContext | undefined {
  // Checked in place, as bytes: half the cost of the same walk over a string.
  const bytes = bytesOf(value);
  if (bytes === undefined || bytes.length < LENGTH) return undefined;
  if (bytes[2] !== DASH || bytes[35] !== DASH || bytes[52] !== DASH) return undefined;
  if ((bytes[0] !== ZERO || bytes[1] !== ZERO) && !isHigherVersion(bytes)) return undefined;
  if (bytes[0] === ZERO && bytes[1] === ZERO && bytes.length !== LENGTH) return undefined;
  const traceId = digits(bytes, 3, 35);
  const spanId = digits(bytes, 36, 52);
  const flags = digits(bytes, 53, LENGTH);
  if (traceId === 0 || spanId === 0 || (traceId | spanId | flags) === NOT_HEX) return undefined;
  // One call out of the engine's own code for both: slices of its result cost next to nothing.
  const ids = bytes.latin1Slice(3, 52);
  return {
    traceId: ids.slice(0, 32),
    spanId: ids.slice(33),
    traceFlags: (DIGIT[bytes[54] as number] as number) & SAMPLED_AND_RANDOM,
    isRemote: true,
  };
}

function isHigherVersion(bytes: Uint8Array): boolean {
  if (digits(bytes, 0, 2) === NOT_HEX || (bytes[0] === F && bytes[1] === F)) return false;
  return bytes.length === LENGTH || bytes[LENGTH] === DASH;
}

const FLAGS = ["00", "01", "02", "03"] as const;

/** The version-00 header of a span context. `random` puts back the Level 2 flag that an SDK's span dropped. */
export function formatTraceparent(spanContext: SpanContext, random: boolean): string {
  const flags = (spanContext.traceFlags | (random ? 2 : 0)) & SAMPLED_AND_RANDOM;
  return `00-${spanContext.traceId}-${spanContext.spanId}-${FLAGS[flags]}`;
}

/** A span context with a trace state; the first is not changed. */
export function withTraceState(spanContext: SpanContext, traceState: TraceState): SpanContext {
  return {
    traceId: spanContext.traceId,
    spanId: spanContext.spanId,
    traceFlags: spanContext.traceFlags,
    isRemote: true,
    traceState,
  };
}

/** A Buffer with the method that its toString("latin1") comes to, after looking up the encoding's name. */
interface Bytes extends Buffer {
  latin1Slice(start: number, end: number): string;
}

/** The bytes of a header's value, text in UTF-8 (no character beyond ASCII is valid anywhere in it). */
function bytesOf(value: unknown): Bytes | undefined {
  if (Buffer.isBuffer(value)) return value as Bytes;
  if (typeof value === "string") {
    // One character more than is read shows that there is more.
    return Buffer.from(value.slice(0, READ_CHARACTERS)) as Bytes;
  }
  if (!ArrayBuffer.isView(value)) return undefined;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength) as Bytes;
}

/** Bytes as text, one character a byte; at most `limit` of them. Undefined where there are no bytes. */
export function latin1(value: unknown, limit: number): string | undefined {
  if (!ArrayBuffer.isView(value)) return undefined;
  const bytes = bytesOf(value);
  return bytes?.latin1Slice(0, Math.min(bytes.length, limit));
}
