import {
  type Attributes,
  type HrTime,
  type Link,
  type SpanContext,
  SpanKind,
  type SpanStatus,
  SpanStatusCode,
} from "@opentelemetry/api";
import { BATCH_COUNT, ERROR_TYPE, OPERATION_TYPE } from "../../semconv.ts";

/** A span as the SDKs of both lines, 2.x and 3.x, show it to a span processor. */
export interface CollectedSpan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly parentSpanContext?: SpanContext | undefined;
  readonly attributes: Attributes;
  readonly links: readonly Link[];
  readonly events: readonly {
    readonly name: string;
    readonly attributes?: Attributes | undefined;
  }[];
  readonly status: SpanStatus;
  readonly startTime: HrTime;
  readonly endTime: HrTime;
  readonly ended: boolean;
  spanContext(): SpanContext;
}

/** The older name of the operation's type, still sent by other instrumentations. */
const OLDER_OPERATION = "messaging.operation";

/** Whether a span stands for the handling of messages, whoever made it. */
export function isProcess({ kind, attributes }: CollectedSpan): boolean {
  const operation = attributes[OPERATION_TYPE] ?? attributes[OLDER_OPERATION];
  return kind === SpanKind.CONSUMER && operation === "process";
}

/** Whether a span stands for several messages at once: a root by rule, with links to them. */
export function isBatch({ attributes }: CollectedSpan): boolean {
  return attributes[BATCH_COUNT] !== undefined;
}

/** Whether two span contexts name the same span. */
export function isSame(one: SpanContext | undefined, other: SpanContext | undefined): boolean {
  return one !== undefined && one.traceId === other?.traceId && one.spanId === other.spanId;
}

/** Whether a span's status is ERROR. */
export function hasFailed(span: CollectedSpan): boolean {
  return span.status.code === SpanStatusCode.ERROR;
}

/** What a failed span failed with, as far as it tells. */
export function failureText({ attributes, status }: CollectedSpan): string {
  return [attributes[ERROR_TYPE], status.message].filter(Boolean).join(": ") || "unnamed";
}

/** Enough of an id for people to tell two apart. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}
