import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import type { KafkaMessage } from "kafkajs";

/** Messages with a traceparent and two headers of the application's; and with tracestate and baggage as well. */
export const CAPTURED = ["plain", "laden"] as const;
export type Capture = (typeof CAPTURED)[number];

/** The records of one partition, as kafkajs hands them to its runner. */
export interface Fetched {
  readonly topic: string;
  readonly partition: number;
  readonly messages: readonly KafkaMessage[];
}

/** What kafkajs's decoder makes of the answer to a fetch. */
export interface FetchAnswer {
  readonly responses: readonly {
    readonly topicName: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly messages: KafkaMessage[];
    }[];
  }[];
}

// The client's own decoder: what it makes of the bytes (pooled buffers, the shape of the headers
// object) decides much of what reading a header costs. capture.ts wrote the bytes.
const { decode } = createRequire(import.meta.url)(
  "kafkajs/src/protocol/requests/fetch/v11/response.js",
) as { decode(raw: Buffer): Promise<FetchAnswer> };

export function captureFile(capture: Capture): string {
  return fileURLToPath(new URL(`captured/${capture}.bin`, import.meta.url));
}

/** New message objects on every call, as a consumer gets them: none has been seen before. */
export async function decodeFetch(raw: Buffer): Promise<Fetched[]> {
  const { responses } = await decode(raw);
  return responses.flatMap(({ topicName: topic, partitions }) =>
    partitions.map(({ partition, messages }) => ({ topic, partition, messages })),
  );
}

/** Reads a captured fetch; each call of what it gives back decodes it anew. */
export function captured(capture: Capture): () => Promise<Fetched[]> {
  const raw = readFileSync(captureFile(capture));
  return () => decodeFetch(raw);
}
