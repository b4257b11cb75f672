/**
 * throughline for SNS by @aws-sdk/client-sns 3: see {@link traced}.
 *
 * @module
 */
import type { SNSClient } from "@aws-sdk/client-sns";
import type { Options } from "../options.ts";
import { Tracing } from "../tracing.ts";
import { tracedBefore } from "../wrap.ts";
import { isInstrumented } from "./aws/instrumented.ts";
import { tracedClient } from "./sns/client.ts";

export { injectContext, links, type MessageAttributes } from "./aws/received.ts";
export type { Options };

/**
 * Makes an SNS client carry trace context: what it publishes to a topic, by publish and by
 * publishBatch, has the active one among its message attributes. Takes an SNSClient, or the SNS
 * class with a method for each operation, and gives back the same type, working the same; the
 * original is not written to. Text messages and an application's endpoints are left alone.
 *
 * A queue that subscribes gets it with raw delivery as attributes of its own, without in the body;
 * processMessage of `throughline/sqs` and of `throughline/lambda` finds it in both.
 *
 * @throws {TypeError} where `client` is no such client, or an option does not take what it got.
 * @example
 * ```ts
 * import { SNSClient } from "@aws-sdk/client-sns";
 * import { traced } from "throughline/sns";
 *
 * const sns = traced(new SNSClient({ region: "eu-west-1" }));
 * ```
 */
export function traced<Client extends SNSClient>(client: Client, options: Options = {}): Client {
  if (client !== null && typeof client === "object") {
    const known = tracedBefore(client, options);
    if (known !== undefined) return known;
    const tracing = new Tracing(options);
    if (typeof client.send === "function" && "middlewareStack" in client) {
      return isInstrumented(client.send) ? client : tracedClient(client, tracing);
    }
  }
  throw new TypeError(
    `throughline: traced() takes an SNSClient or SNS of @aws-sdk/client-sns, got ${client === null ? "null" : typeof client}`,
  );
}
