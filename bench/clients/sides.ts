import assert from "node:assert/strict";
import { context, isSpanContextValid, trace, type TracerProvider } from "@opentelemetry/api";
import type { CheckedVariant } from "../gate/checked.ts";
import type { Run } from "../measure.ts";
import { Tally, tracers } from "../telemetry.ts";

/** Who looks after tracing in a variant. */
export type Side = "bare" | "ours" | "peer";

export interface How {
  readonly side: Side;
  readonly tracerProvider: TracerProvider;
  /** Our options beside the provider. */
  readonly options: { readonly spans?: "off" };
}

/** What one variant does again and again. */
export interface Work {
  /** Messages that one run takes. */
  readonly messages: number;
  /** Spans that one run ends, where spans are sampled. */
  readonly spans: number;
  prepare(): Promise<Run> | Run;
  /** The last message's context, as traceparents; absent where the variant gives a message none. */
  seen?(): Seen;
}

export interface Seen {
  /** What is to be continued: the active span of whoever sends, what a delivered message carries. */
  readonly from: string;
  /** What the sent message carries, or what is active in the handler. */
  readonly now: string | undefined;
}

/** The same work bare, with ours, and with the client's instrumentation where it has one. */
export async function sideBySide(
  hasPeer: boolean,
  make: (how: How) => Promise<Work> | Work,
): Promise<CheckedVariant[]> {
  const ways: [id: string, side: Side, sampled: boolean, options: How["options"]][] = [
    ["empty", "bare", true, {}],
    ["ours", "ours", true, {}],
    ["ours, unsampled", "ours", false, {}],
    ["ours, spans off", "ours", true, { spans: "off" }],
  ];
  if (hasPeer) ways.push(["peer", "peer", true, {}], ["peer, unsampled", "peer", false, {}]);
  return Promise.all(
    ways.map(async ([id, side, sampled, options]): Promise<CheckedVariant> => {
      const tally = new Tally();
      const work = await make({ side, options, tracerProvider: tracers(tally, sampled) });
      const recording = side !== "bare" && sampled && options.spans !== "off";
      return {
        id,
        messages: work.messages,
        prepare: () => work.prepare(),
        tally,
        spansARun: recording ? work.spans : 0,
        proof() {
          if (work.seen === undefined) return;
          const { from, now } = work.seen();
          if (side === "bare") assert.equal(now, undefined, "the bare client carries a context");
          else if (options.spans === "off") assert.equal(now, from);
          else proveSpan(partsOf(from), partsOf(now ?? ""), recording);
        },
      };
    }),
  );
}

/** A context of the same trace, with a span of its own. */
function proveSpan(from: Parts, now: Parts, sampled: boolean): void {
  assert.equal(now.traceId, from.traceId);
  assert.notEqual(now.spanId, from.spanId, "no span was started");
  assert.equal(now.sampled, sampled);
}

interface Parts {
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  readonly sampled: boolean;
}

function partsOf(traceparent: string): Parts {
  const [, traceId, spanId, flags] = traceparent.split("-");
  return { traceId, spanId, sampled: (Number.parseInt(flags ?? "", 16) & 1) === 1 };
}

/** The active context as a traceparent. */
export function activeTraceparent(): string | undefined {
  const span = trace.getSpanContext(context.active());
  if (span === undefined || !isSpanContextValid(span)) return undefined;
  return `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, "0")}`;
}
