import type { AsyncMessage, ConsumerHandler, ConsumerStatus } from "rabbitmq-client";
import type { Queue } from "../../brokers/rabbitmq/queue.ts";
import { delivered, deliverUnopened } from "../../deliver.ts";
import type { Destinations } from "../../destination.ts";
import { type Refusal, refuse } from "../../held.ts";
import { opensOwnScopes } from "../../retry.ts";
import { Call } from "../../run.ts";
import type { Scope } from "../../scope.ts";
import { replying } from "./publish.ts";

type Given = ReturnType<ConsumerHandler>;

/** What a handler gives to have its message nacked: the client's ConsumerStatus. */
const REFUSALS: ReadonlyMap<unknown, Refusal> = new Map<unknown, Refusal>([
  [1, "requeued"],
  [2, "rejected"],
]);

/** A consumer's handler with each message in its scope, whose replies carry it too. */
export function consuming(
  handler: ConsumerHandler,
  queue: Queue,
  destinations: Destinations,
): ConsumerHandler {
  const opensOwn = opensOwnScopes(handler);
  return function onMessage(this: unknown, message, ...rest) {
    const source = queue.find(message.exchange, message.routingKey);
    const [reply] = rest;
    const given = [message, replying(reply, message.replyTo, destinations), ...rest.slice(1)];
    const handle = (): Given => Reflect.apply(handler, this, given) as Given;
    const call = new Call<AsyncMessage, Given>(handle, undefined, message);
    if (source === undefined) return call.bare();
    if (opensOwn) return deliverUnopened(message, source, call);
    const scope = delivered(message, source);
    if (scope === undefined) return call.bare();
    return scope.run(new Call(() => noted(handle(), scope), undefined, message));
  };
}

/** Takes note of a status that refuses the message. The client awaits whatever a handler gives. */
function noted(result: Given, scope: Scope): Given {
  if (result === null || typeof result !== "object") {
    note(result, scope);
    return result;
  }
  return notedLater(result, scope);
}

async function notedLater(
  result: Extract<Given, object>,
  scope: Scope,
): Promise<ConsumerStatus | void> {
  const status = await result;
  note(status, scope);
  return status;
}

function note(status: unknown, scope: Scope): void {
  const refusal = REFUSALS.get(status);
  if (refusal !== undefined) refuse(scope, refusal);
}
