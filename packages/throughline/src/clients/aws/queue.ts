import { Source } from "../../source.ts";
import { SQS_QUEUE_URL } from "../../semconv.ts";
import type { Tracing } from "../../tracing.ts";
import { sqsFormat, SQS_SYSTEM } from "./message.ts";

/** A queue's name: the last segment of its URL, whatever the endpoint. */
export function queueName(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}

/** A queue as something that messages come from. */
export function queueSource(url: string, tracing: Tracing): Source {
  const origin = { system: SQS_SYSTEM, destination: queueName(url) };
  return new Source(sqsFormat, tracing, origin, false, { [SQS_QUEUE_URL]: url });
}
