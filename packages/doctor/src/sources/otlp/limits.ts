/** What one request may hold. What goes beyond is refused or, where said so, counted and left out. */
export interface OtlpLimits {
  /** Bytes of a body, on the wire and again once it is unpacked. Default 16 MiB; beyond it: 413. */
  readonly bodyBytes: number;
  /** Bytes of all bodies being received at one time. Default 64 MiB; beyond it: 503, try again. */
  readonly pendingBytes: number;
  /** Milliseconds for a request to arrive whole. Default 10,000; beyond it: 408. */
  readonly requestMs: number;
  /** Connections at one time. Default 256; further ones are closed. */
  readonly connections: number;
}

export const OTLP_LIMITS: OtlpLimits = {
  bodyBytes: 16 * 1024 * 1024,
  pendingBytes: 64 * 1024 * 1024,
  requestMs: 10_000,
  connections: 256,
};

/** Spans of one request; the rest is rejected, which the answer says. */
export const MAX_SPANS = 131_072;
/** Attributes of one span, link or resource, and elements of one list; the rest is left out, counted. */
export const MAX_ATTRIBUTES = 256;
/** Links of one span; the rest is left out, counted. An SDK's own limit is 128. */
export const MAX_LINKS = 1024;
/** Bytes of one text; the rest is cut off, which an ellipsis shows. */
export const MAX_TEXT_BYTES = 8192;
/** Lists within lists; a value nested deeper is null. */
export const MAX_DEPTH = 8;
