import { type Link, type SpanContext, trace } from "@opentelemetry/api";
import { activeContext, MessageContext, originOf, spanContextIn } from "../../context.ts";
import { fault } from "../../guard.ts";
import { openSettlement, type Settlement } from "../../settle.ts";
import { SQS_QUEUE_URL } from "../../semconv.ts";
import type { Tracing } from "../../tracing.ts";
import { answered } from "../aws/command.ts";
import { SQS_SYSTEM } from "../aws/message.ts";
import type { Queue } from "./queues.ts";

/** The operations that settle messages, with the name of the span of each. */
export const SETTLING: Readonly<Record<string, string>> = {
  DeleteMessage: "delete",
  DeleteMessageBatch: "delete",
  ChangeMessageVisibility: "change_visibility",
  ChangeMessageVisibilityBatch: "change_visibility",
};

/**
 * A settlement that the application asks for, in a span of its own: in the trace of the message that
 * is settled, for a loop deletes it when its handler is done and nothing is active any more. One of
 * several messages is linked to each.
 */
export function settleTraced(
  own: Function,
  self: object,
  args: readonly unknown[],
  operation: string,
  queue: Queue,
  tracing: Tracing,
): unknown {
  const { name, url } = queue;
  const settlement: Settlement = {
    system: SQS_SYSTEM,
    destination: name,
    group: undefined,
    attributes: { [SQS_QUEUE_URL]: url },
    ...belonging(args[0], queue, operation === "delete"),
  };
  const ending = openSettlement(operation, tracing, settlement);
  if (ending === undefined) return Reflect.apply(own, self, args);
  return answered(own, self, args, (failed, answer) => ending.end(failed, answer));
}

/** Where the span of a settlement belongs: the active trace where that is the message's, else the message's. */
function belonging(
  command: unknown,
  { receipts }: Queue,
  last: boolean,
): Pick<Settlement, "context" | "links"> {
  try {
    const { input } = command as { input: { ReceiptHandle?: unknown; Entries?: unknown } };
    const entries: unknown[] = Array.isArray(input.Entries) ? input.Entries : [input];
    const settled = entries.flatMap((entry) => {
      const found = receipts.find((entry as typeof input | null)?.ReceiptHandle, last);
      return found === undefined ? [] : [found];
    });
    const [first, ...more] = settled;
    if (first === undefined) return {};
    const active = activeContext();
    if (more.length > 0) return { links: settled.map((context): Link => ({ context })) };
    return spanContextIn(active)?.traceId === first.traceId ? {} : { context: under(first) };
  } catch (error) {
    fault("adapter", error);
    return {};
  }
}

function under(creation: SpanContext): MessageContext {
  const origin = originOf(activeContext());
  const span = trace.wrapSpanContext(creation);
  return new MessageContext(origin, origin, span, undefined, undefined, creation);
}
