// Spans for the engine's tests, made by hand: ids are short words, padded to what ids are.
import { Buffer } from "node:buffer";
import type { AttributeValue, Resource, Span, SpanKind } from "../src/engine/span.ts";

/** A trace's id from a word. */
export function traceIdOf(word: string): string {
  return Buffer.from(word).toString("hex").padStart(32, "0");
}

/** A span's id from a word of at most eight letters. */
function spanIdOf(word: string): string {
  return Buffer.from(word).toString("hex").padStart(16, "0");
}

export interface SpanFacts {
  readonly trace?: string;
  readonly parent?: string;
  readonly service?: string;
  readonly name?: string;
  readonly kind?: SpanKind;
  /** `trace/span`, each a word. */
  readonly links?: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  readonly startMs?: number;
  readonly durationMs?: number;
  readonly error?: string;
  readonly flags?: number;
  readonly encodedBytes?: number;
}

const resources = new Map<string, Resource>();

/** A span with this word for its id. */
export function span(id: string, facts: SpanFacts = {}): Span {
  const { trace = "t", service = "checkout", startMs = 0, durationMs = 1, error } = facts;
  let resource = resources.get(service);
  if (resource === undefined) {
    resource = { service, attributes: new Map([["service.name", service]]) };
    resources.set(service, resource);
  }
  const startNs = BigInt(Math.round(startMs * 1e6));
  return {
    traceId: traceIdOf(trace),
    spanId: spanIdOf(id),
    parentSpanId: facts.parent === undefined ? undefined : spanIdOf(facts.parent),
    traceState: "",
    name: facts.name ?? id,
    kind: facts.kind ?? "internal",
    startNs,
    endNs: startNs + BigInt(Math.round(durationMs * 1e6)),
    flags: facts.flags ?? 0,
    attributes: new Map(Object.entries(facts.attributes ?? {})),
    links: (facts.links ?? []).map((link) => {
      const [linkedTrace = "", linkedSpan = ""] = link.split("/");
      return {
        traceId: traceIdOf(linkedTrace),
        spanId: spanIdOf(linkedSpan),
        attributes: new Map(),
      };
    }),
    status: error === undefined ? "unset" : "error",
    statusMessage: error ?? "",
    resource,
    scope: { name: "test", version: "" },
    encodedBytes: facts.encodedBytes ?? 100,
    dropped: 0,
  };
}

/** A span that sends a message to `orders`. */
export function sent(id: string, facts: SpanFacts = {}): Span {
  return span(id, {
    name: "send orders",
    kind: "producer",
    ...facts,
    attributes: { ...messaging("send"), ...facts.attributes },
  });
}

/** A span that handles one message of `orders`. */
export function handled(id: string, facts: SpanFacts = {}): Span {
  return span(id, {
    name: "process orders",
    kind: "consumer",
    service: "payments",
    ...facts,
    attributes: { ...messaging("process"), ...facts.attributes },
  });
}

/** A span that handles several messages of `orders`. */
export function batch(id: string, facts: SpanFacts = {}): Span {
  const count = facts.links?.length ?? 0;
  return handled(id, {
    ...facts,
    attributes: { "messaging.batch.message_count": count, ...facts.attributes },
  });
}

function messaging(operation: string): Record<string, string> {
  return {
    "messaging.system": "kafka",
    "messaging.operation.type": operation,
    "messaging.destination.name": "orders",
  };
}
