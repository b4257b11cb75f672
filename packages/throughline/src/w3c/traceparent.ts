import type { SpanContext, TraceState } from "@opentelemetry/api";

/** A version-00 header is exactly this long: `00-{32 hex}-{16 hex}-{2 hex}`. */
const LENGTH = 55;
const DASH = 45;
const SAMPLED_AND_RANDOM = 0x03;
/** The first traceparent's worth of bytes, and the one that must follow it in a higher version. */
const READ_BYTES = LENGTH + 1;

const NOT_HEX = 0xff;
/** Value of each lower-case hex digit by char code; upper case is invalid by the specification. */
const DIGIT = new Uint8Array(128).fill(NOT_HEX);
for (let digit = 0; digit < 16; digit++) DIGIT[digit.toString(16).charCodeAt(0)] = digit;

function digitAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code < 128 ? (DIGIT[code] as number) : NOT_HEX;
}

/** Whether [from, to) is lower-case hex and not all zero. */
function isId(text: string, from: number, to: number): boolean {
  let any = 0;
  for (let at = from; at < to; at++) {
    const digit = digitAt(text, at);
    if (digit === NOT_HEX) return false;
    any |= digit;
  }
  return any !== 0;
}

/**
 * A traceparent header, strictly by W3C Trace Context Level 2: lower-case hex, no zero ids, version
 * ff refused, version 00 of exactly 55 characters, a higher version read as 00 as far as its flags.
 *
 * `value` is the header's text or its bytes. Gives undefined for anything else; never throws.
 */
export function parseTraceparent(value: unknown): SpanContext | undefined {
  const text = typeof value === "string" ? value : latin1(value, READ_BYTES);
  if (text === undefined || text.length < LENGTH) return undefined;
  if (text.charCodeAt(2) !== DASH || text.charCodeAt(35) !== DASH || text.charCodeAt(52) !== DASH) {
    return undefined;
  }
  const versionHigh = digitAt(text, 0);
  const versionLow = digitAt(text, 1);
  if (versionHigh === NOT_HEX || versionLow === NOT_HEX) return undefined;
  if (text.length !== LENGTH) {
    const version = versionHigh * 16 + versionLow;
    if (version === 0 || text.charCodeAt(LENGTH) !== DASH) return undefined;
  }
  if (versionHigh === 15 && versionLow === 15) return undefined;
  if (!isId(text, 3, 35) || !isId(text, 36, 52)) return undefined;
  const flagsHigh = digitAt(text, 53);
  const flagsLow = digitAt(text, 54);
  if (flagsHigh === NOT_HEX || flagsLow === NOT_HEX) return undefined;
  return {
    traceId: text.slice(3, 35),
    spanId: text.slice(36, 52),
    traceFlags: flagsLow & SAMPLED_AND_RANDOM,
    isRemote: true,
  };
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

/** Bytes as text, one character a byte; at most `limit` of them. Undefined where there are no bytes. */
export function latin1(value: unknown, limit: number): string | undefined {
  if (!ArrayBuffer.isView(value)) return undefined;
  const bytes = Buffer.isBuffer(value)
    ? value
    : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return bytes.toString("latin1", 0, Math.min(bytes.length, limit));
}
