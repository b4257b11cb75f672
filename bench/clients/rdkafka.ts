import type * as rdkafka from "node-rdkafka";
import { traced } from "throughline/rdkafka";
import type { CheckedVariant } from "../gate/checked.ts";
import { classicProcess, classicSend } from "./classic.ts";
import { nativeClient } from "./native.ts";

const client = nativeClient("node-rdkafka") as typeof rdkafka;

export function rdkafkaProcess(): Promise<CheckedVariant[]> {
  return classicProcess(client, traced);
}

export function rdkafkaSend(): Promise<CheckedVariant[]> {
  return classicSend(client, traced);
}
