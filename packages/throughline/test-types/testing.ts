// What throughline/testing gives fits the SDK, kafkajs, the runner and every subpath, as they are.
import { after, test } from "node:test";
import type { SpanProcessor } from "@opentelemetry/sdk-trace-base";
import type { Kafka } from "kafkajs";
import * as kafkajs from "throughline/kafkajs";
import {
  type ClientFunctions,
  collectSpans,
  type ContractClient,
  contractSuite,
  type Features,
  memoryBroker,
} from "throughline/testing";

const spans = collectSpans();
export const processor: SpanProcessor = spans;
spans
  .expectSpan("charge card")
  .inTraceOf("place order")
  .childOf(spans.expectSpan(/^process/));

export const kafka: Kafka = memoryBroker({ partitions: 3 }).kafka;
export const same: Kafka = kafkajs.traced(memoryBroker().client());

export const functions: ClientFunctions = kafkajs;

declare const client: ContractClient;
declare const features: Features;
contractSuite(test, client, features, {
  tracing: () => ({ shutdown: async () => {} }),
  after,
  skip: (name, reason) => test(name, { skip: reason }),
});

// @ts-expect-error a feature is there, or absent for a reason
export const undeclared: Features = { ...features, batches: false };
