// For those who compile to CommonJS without saying how modules are found: every subpath is.
import { Kafka } from "kafkajs";
import { injectContext } from "throughline";
import { processMessage, traced } from "throughline/kafkajs";
import { collectSpans } from "throughline/testing";

const kafka: Kafka = traced(new Kafka({ brokers: ["127.0.0.1:9092"] }));
const length: number = processMessage({ value: "42" }, ({ value }) => value.length);
const headers: Record<string, string> = injectContext(null);

export const used: readonly unknown[] = [kafka, length, headers, collectSpans()];
