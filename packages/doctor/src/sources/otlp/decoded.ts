import type { Attributes, Resource, Span } from "../../engine/span.ts";
import { MAX_SPANS } from "./limits.ts";

/** A body that is not what its content type says: the sender's fault, not to be sent again. */
export class MalformedBody extends Error {
  override readonly name = "MalformedBody";
}

/** What one request brought. */
export interface Decoded {
  readonly spans: readonly Span[];
  /** Spans that were left out. */
  readonly rejected: number;
  /** Why the first of them was; empty where none was. */
  readonly reason: string;
}

/** The spans of one request while it is read. */
export class Collected implements Decoded {
  readonly spans: Span[] = [];
  rejected = 0;
  reason = "";

  /** Takes a span, or says why it can't be one: without a place in a trace it is of no use. */
  add(span: Span): void {
    const reason = this.refusal(span);
    if (reason === undefined) {
      this.spans.push(span);
      return;
    }
    this.rejected += 1;
    if (this.reason === "") this.reason = reason;
  }

  private refusal({ traceId, spanId, parentSpanId }: Span): string | undefined {
    if (this.spans.length >= MAX_SPANS) return `more than ${MAX_SPANS} spans in one request`;
    if (!isId(traceId, 32)) return "a span's trace_id is not 16 bytes, or all zero";
    if (!isId(spanId, 16)) return "a span's span_id is not 8 bytes, or all zero";
    if (parentSpanId !== undefined && !isId(parentSpanId, 16)) {
      return "a span's parent_span_id is not 8 bytes";
    }
    return undefined;
  }
}

const ZEROS = "0".repeat(32);

/** Whether an id in hex has this many digits and is not all zero. */
export function isId(id: string, digits: 16 | 32): boolean {
  return id.length === digits && !ZEROS.startsWith(id);
}

/** A root's parent is absent, empty or, from some senders, all zero. */
export function parentOf(id: string): string | undefined {
  return id === "" || (id.length === 16 && ZEROS.startsWith(id)) ? undefined : id;
}

/** An integer as a number where that holds it exactly. */
export function integer(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** What emitted the spans, by OpenTelemetry's name for a service that does not say its own. */
export function resourceOf(attributes: Attributes): Resource {
  const service = attributes.get("service.name");
  return {
    service: typeof service === "string" && service !== "" ? service : "unknown_service",
    attributes,
  };
}
