import type { Kafka } from "kafkajs";
import { traced } from "throughline/kafkajs";
import { instrumented } from "../peers.ts";
import type { Telemetry } from "../telemetry.ts";

/** kafkajs's Kafka, or what stands in for it. */
export type KafkaClass<Config> = new (config: Config) => object;

/** Makes a client, and whatever looks after tracing on it. */
export type Client = <Config>(
  Class: KafkaClass<Config>,
  config: Config,
  telemetry: Telemetry,
) => Kafka;

/** No tracing but what the handlers do themselves. */
export const untouched: Client = (Class, config) => new Class(config) as Kafka;

/** OpenTelemetry's instrumentation-kafkajs. */
export const kj: Client = (Class, config, telemetry) =>
  new (instrumented(Class, telemetry))(config) as Kafka;

/** This library, full semantics. */
export const ours: Client = (Class, config, telemetry) =>
  traced(new Class(config) as Kafka, { ...telemetry });

/** This library with spans off: context is injected, extracted and active, and that is all. */
export const oursWithoutSpans: Client = (Class, config, telemetry) =>
  traced(new Class(config) as Kafka, { ...telemetry, spans: "off" });
