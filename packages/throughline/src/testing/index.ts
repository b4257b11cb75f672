/**
 * What tests of traced messaging need: a Kafka in memory, what to expect of spans, and the contract
 * that every client's adapter keeps. Knows no test runner.
 *
 * @module
 */
export { memoryBroker } from "./memory/broker.ts";
export type { MemoryBroker, MemoryBrokerOptions, MemoryRecord } from "./memory/broker.ts";
export { collectSpans } from "./spans/collect.ts";
export type { SpanCollector } from "./spans/collect.ts";
export type { SpanExpectation } from "./spans/expectation.ts";
export type { SpanChoice, SpanReference } from "./spans/reference.ts";
export type { CollectedSpan } from "./spans/span.ts";
export { contractSuite } from "./contract/suite.ts";
export type { ContractOptions, RunTest } from "./contract/suite.ts";
export type { Feature, FeatureName, Features } from "./contract/features.ts";
export type {
  ClientFunctions,
  Connection,
  Consuming,
  ContractClient,
  ContractRetries,
  Holding,
  MessageParts,
  ReadParts,
  SendHow,
  Settling,
  Wrap,
} from "./contract/client.ts";
