/** What a span was to its callers, in OpenTelemetry's words. */
export type SpanKind = "unspecified" | "internal" | "server" | "client" | "producer" | "consumer";

/** Kinds by their number in OTLP. */
export const SPAN_KINDS: readonly [SpanKind, ...SpanKind[]] = [
  "unspecified",
  "internal",
  "server",
  "client",
  "producer",
  "consumer",
];

export type StatusCode = "unset" | "ok" | "error";

/** Status codes by their number in OTLP. */
export const STATUS_CODES: readonly [StatusCode, ...StatusCode[]] = ["unset", "ok", "error"];

/** An attribute's value. An integer is a bigint only where a number would not hold it exactly. */
export type AttributeValue =
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | null
  | readonly AttributeValue[]
  | Attributes;

export type Attributes = ReadonlyMap<string, AttributeValue>;

/** Who emitted spans: one process of one service. Shared by all spans of one export. */
export interface Resource {
  /** `service.name`; "unknown_service" where it is not told. */
  readonly service: string;
  readonly attributes: Attributes;
}

/** The instrumentation that made a span. */
export interface Scope {
  readonly name: string;
  readonly version: string;
}

/** A span that another one points to, in the same trace or in another. */
export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Attributes;
}

/**
 * A finished span as the engine knows it, whichever source it came from.
 *
 * Ids are lower-case hex, for that is how people and backends write them. Times are bigints: a
 * number holds an epoch in nanoseconds to 256 ns only, and a pair of numbers saves 0.06 us a span
 * and costs every reader a comparison by hand (decisions/0021-one-span-shape.md).
 */
export interface Span {
  /** 32 hex digits, not all zero. */
  readonly traceId: string;
  /** 16 hex digits, not all zero. */
  readonly spanId: string;
  /** Undefined for the root of a trace. */
  readonly parentSpanId: string | undefined;
  readonly traceState: string;
  readonly name: string;
  readonly kind: SpanKind;
  /** Nanoseconds since the epoch, by the clock of the machine that emitted it. */
  readonly startNs: bigint;
  /** Nanoseconds since the epoch; may be before the start where that clock was set back. */
  readonly endNs: bigint;
  /** OTLP's Span.flags: W3C's trace flags, and whether the parent is remote. */
  readonly flags: number;
  readonly attributes: Attributes;
  readonly links: readonly SpanLink[];
  readonly status: StatusCode;
  readonly statusMessage: string;
  readonly resource: Resource;
  readonly scope: Scope;
  /** What it took on the wire: the measure by which the window is bounded. */
  readonly encodedBytes: number;
  /** Attributes and links that are not here: the SDK's own limits dropped them, or ours did. */
  readonly dropped: number;
}

const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

/** Whether the parent came from another process; undefined where the SDK does not say. */
export function parentIsRemote(span: Span): boolean | undefined {
  return (span.flags & HAS_IS_REMOTE) === 0 ? undefined : (span.flags & IS_REMOTE) !== 0;
}

/** Milliseconds from start to end, never negative. */
export function durationMs(span: Pick<Span, "startNs" | "endNs">): number {
  return span.endNs > span.startNs ? Number(span.endNs - span.startNs) / 1e6 : 0;
}

/** The text of an attribute; undefined where it is absent or no text. */
export function textAttribute(span: Span, name: string): string | undefined {
  const value = span.attributes.get(name);
  return typeof value === "string" ? value : undefined;
}
