import { activeContext } from "../../context.ts";
import { rememberDelivery } from "../../delivered.ts";
import { fault } from "../../guard.ts";
import { readDelivered } from "../../read.ts";
import type { Tracing } from "../../tracing.ts";
import { askedNames } from "../aws/asked.ts";
import { withField } from "../aws/changed.ts";
import { answered, type Command, withInput } from "../aws/command.ts";
import type { Queue } from "./queues.ts";

/**
 * Receives messages, and takes note where they came from for processMessage and processBatch. The
 * attributes that carry context are asked for beside those that the application asks for.
 */
export function receiveTraced(
  own: Function,
  self: object,
  args: readonly unknown[],
  { source, receipts }: Queue,
): unknown {
  const [command, ...rest] = args as [Command, ...unknown[]];
  const asking = [askingFor(command, source.tracing), ...rest];
  return answered(own, self, asking, (failed, answer) => {
    const messages: unknown = failed
      ? undefined
      : (answer as { Messages?: unknown } | undefined)?.Messages;
    if (!Array.isArray(messages)) return;
    const active = activeContext();
    for (const message of messages as object[]) {
      rememberDelivery(message, source);
      const { parent } = readDelivered(message, source, active);
      if (parent !== undefined) receipts.keep(Reflect.get(message, "ReceiptHandle"), parent);
    }
  });
}

function askingFor(command: Command, tracing: Tracing): object {
  try {
    const { MessageAttributeNames } = command.input as { MessageAttributeNames?: unknown };
    const names = askedNames(MessageAttributeNames, tracing);
    if (names === undefined) return command;
    return withInput(command, withField(command.input, "MessageAttributeNames", names));
  } catch (error) {
    fault("adapter", error);
    return command;
  }
}
