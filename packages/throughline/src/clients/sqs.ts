/**
 * throughline for SQS by @aws-sdk/client-sqs 3: see {@link traced}.
 *
 * @module
 */
import type { SQSClient } from "@aws-sdk/client-sqs";
import type { Options } from "../subpath.ts";
import { Tracing } from "../tracing.ts";
import { tracedBefore } from "../wrap.ts";
import { tracedClient } from "./sqs/client.ts";
import { isInstrumented } from "./aws/instrumented.ts";

export {
  contextOf,
  type DeadLetter,
  deadLetter,
  deadLetterOf,
  injectContext,
  links,
  type MessageAttributes,
  processBatch,
  processMessage,
  withRetries,
} from "./aws/received.ts";
export * from "../subpath.ts";

/**
 * Makes an SQS client carry trace context: what it sends has the active one among its message
 * attributes, and what it receives is known to processMessage and processBatch.
 * Takes an SQSClient, or the SQS class with a method for each operation, and gives back the same
 * type, working the same; the original is not written to. A client that is traced already is given
 * back as it is.
 *
 * A message has ten attributes at most: where the application's own leave no room, context is left
 * out and the message is sent all the same.
 *
 * A receive asks for the attributes that carry context beside those that the application asks for;
 * they are then among the message's own.
 *
 * @throws {TypeError} where `client` is no such client, or an option does not take what it got.
 * @example
 * ```ts
 * import { SQSClient } from "@aws-sdk/client-sqs";
 * import { traced } from "throughline/sqs";
 *
 * const sqs = traced(new SQSClient({ region: "eu-west-1" }));
 * ```
 */
export function traced<Client extends SQSClient>(client: Client, options: Options = {}): Client {
  if (client !== null && typeof client === "object") {
    const known = tracedBefore(client, options);
    if (known !== undefined) return known;
    const tracing = new Tracing(options);
    if (typeof client.send === "function" && "middlewareStack" in client) {
      return tracedClient(client, tracing, { instrumented: isInstrumented(client.send) });
    }
  }
  throw new TypeError(
    `throughline: traced() takes an SQSClient or SQS of @aws-sdk/client-sqs, got ${client === null ? "null" : typeof client}`,
  );
}
