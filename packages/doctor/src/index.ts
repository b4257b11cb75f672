/**
 * throughline-doctor: which messages keep their trace across the broker, and which lose it.
 *
 * @module
 */
export { type Output, startWatch, type Watch, type WatchOptions } from "./cli/watch.ts";
export { Engine, type Snapshot } from "./engine/engine.ts";
export type {
  Attributes,
  AttributeValue,
  Resource,
  Scope,
  Span,
  SpanKind,
  SpanLink,
  StatusCode,
} from "./engine/span.ts";
export type { ServiceTally, Shares } from "./engine/tally.ts";
export type { Trace } from "./engine/trace.ts";
export type { TraceTree, TreeNode } from "./engine/tree.ts";
export type { Verdict } from "./engine/verdict.ts";
export type { WindowLimits, WindowSize } from "./engine/window.ts";
export type { OtlpLimits } from "./sources/otlp/limits.ts";
export {
  type OtlpReceiver,
  type OtlpReceiverOptions,
  startOtlpReceiver,
} from "./sources/otlp/receiver.ts";
