import { type Attributes, type Context, type Link, type Span, SpanKind } from "@opentelemetry/api";
import { activeContext } from "./context.ts";
import { fault, started } from "./guard.ts";
import { Call, type Ending, follow } from "./run.ts";
import { markFailed } from "./failure.ts";
import { DESTINATION, GROUP, OPERATION_NAME, OPERATION_TYPE, SYSTEM } from "./semconv.ts";
import { clientAttributes } from "./source.ts";
import type { Tracing } from "./tracing.ts";

/** What a settlement is of; a commit over several destinations names none. */
export interface Settlement {
  readonly system: string;
  readonly destination: string | undefined;
  readonly group: string | undefined;
  /** Of the broker's own. */
  readonly attributes?: Attributes;
  /** The context that its span starts in. Default: the active one. */
  readonly context?: Context;
  /** The messages that are settled, where it is not started in the context of one. */
  readonly links?: Link[];
}

/**
 * Makes a settlement that the application asks for by itself (a commit, an ack) in a span of its
 * own, under whatever is active. A client's automatic ones get none.
 */
export function settle<Result>(
  operation: string,
  tracing: Tracing,
  settlement: Settlement,
  call: () => Result,
): Result {
  const ending = openSettlement(operation, tracing, settlement);
  if (ending === undefined) return call();
  return follow(new Call(call, undefined, undefined), undefined, ending);
}

/** Opens a settlement's span, for one that answers through a callback; undefined where there is none. */
export function openSettlement(
  operation: string,
  tracing: Tracing,
  settlement: Settlement,
): Ending | undefined {
  let span: Span | undefined;
  try {
    if (tracing.spans) span = started(start(operation, tracing, settlement));
  } catch (error) {
    fault("start span", error);
  }
  if (span === undefined) return undefined;
  const settling = span;
  return {
    end(failed, error) {
      try {
        if (failed && settling.isRecording()) markFailed(settling, error);
        settling.end();
      } catch (problem) {
        fault("end span", problem);
      }
    },
  };
}

function start(
  operation: string,
  tracing: Tracing,
  { system, destination, group, attributes, context, links }: Settlement,
): Span {
  return tracing.now().tracer.startSpan(
    destination === undefined ? operation : `${operation} ${destination}`,
    {
      kind: SpanKind.CLIENT,
      attributes: {
        [OPERATION_NAME]: operation,
        [OPERATION_TYPE]: "settle",
        [SYSTEM]: system,
        ...(destination === undefined ? {} : { [DESTINATION]: destination }),
        ...(group === undefined ? {} : { [GROUP]: group }),
        ...attributes,
        ...clientAttributes(tracing),
      },
      ...(links === undefined ? {} : { links }),
    },
    context ?? activeContext(),
  );
}
