import {
  type Attributes,
  type Context,
  type Link,
  propagation,
  type Span,
  type SpanContext,
  type SpanOptions,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import type { Batch } from "./batch.ts";
import { MessageContext, originOf } from "./context.ts";
import type { Extracted } from "./extract.ts";
import { discard, fault } from "./guard.ts";
import { rememberFailure } from "./failure.ts";
import type { Relation } from "./relation.ts";
import { type Call, type Ending, follow } from "./run.ts";
import { DUPLICATES, ERROR_TYPE, errorType } from "./semconv.ts";
import type { Source } from "./source.ts";

/** One message (or one batch) while it is handled: what is active for it, and how its span ends. */
export class Scope implements Ending {
  /** The message that is handled; undefined for a batch as a whole. */
  readonly message: object | undefined;
  readonly source: Source;
  /** The batch that the message was delivered in, or that is handled. */
  readonly batch: Batch | undefined;
  span: Span | undefined;
  /** What is active while it is handled. */
  context: Context;
  /** What the message was dead-lettered for: its span is an error though the handler resolves. */
  parked: { readonly error: unknown } | undefined;
  private readonly startMs: number;
  private ended = false;

  constructor(
    message: object | undefined,
    source: Source,
    batch: Batch | undefined,
    active: Context,
  ) {
    this.message = message;
    this.source = source;
    this.batch = batch;
    this.context = active;
    this.startMs = source.tracing.now().meters.process === undefined ? 0 : performance.now();
  }

  /** Makes the host's call in this scope, which ends with it. */
  run<Argument, Result>(call: Call<Argument, Result>): Result {
    // Without a span or a clock there is nothing to end: the host's own promise is given back.
    if (this.span === undefined && this.startMs === 0) return call.within(this.context);
    return follow(call, this.context, this);
  }

  /** Ends the span and records the duration. Never throws; a second call does nothing. */
  end(failed: boolean, thrown: unknown): void {
    if (this.ended) return;
    this.ended = true;
    const bad = failed || this.parked !== undefined;
    const error = failed ? thrown : this.parked?.error;
    try {
      if (bad && this.message !== undefined) rememberFailure(this.message, this.span);
      this.measure(bad ? errorType(error) : undefined);
      if (this.span !== undefined) this.endSpan(this.span, bad, error);
    } catch (problem) {
      fault("end span", problem);
    }
  }

  private measure(type: string | undefined): void {
    // A batch whose messages were processed one by one is already in the measure.
    if (this.source.foreignSpans || (this.message === undefined && this.batch?.hadSingles)) return;
    const { process } = this.source.tracing.now().meters;
    if (process === undefined || this.startMs === 0) return;
    const seconds = (performance.now() - this.startMs) / 1000;
    const { durationAttributes } = this.source;
    process.record(
      seconds,
      type === undefined ? durationAttributes : this.source.failedDurationAttributes(type),
    );
  }

  private endSpan(span: Span, bad: boolean, error: unknown): void {
    if (span.isRecording()) {
      if (bad) markFailed(span, error);
      const { onEnd } = this.source.tracing.options;
      if (onEnd !== undefined) {
        try {
          discard("onEnd", onEnd(span, bad ? { error } : {}));
        } catch (problem) {
          fault("onEnd", problem);
        }
      }
    }
    span.end();
  }
}

/** Status ERROR, `error.type` and the exception event on a span. */
export function markFailed(span: Span, error: unknown): void {
  try {
    const message = error instanceof Error ? error.message : String(error);
    span.setStatus({ code: SpanStatusCode.ERROR, message });
    span.setAttribute(ERROR_TYPE, errorType(error));
    span.recordException(error instanceof Error ? error : message);
  } catch (problem) {
    fault("end span", problem);
  }
}

/**
 * Opens a message's scope: its context extracted, then activated, and only then is the span
 * started. Without spans the creation context itself is what is active. `linked` is a span to link
 * besides what the relation asks for: the batch's, or an ambient one.
 */
export function openScope(
  scope: Scope,
  extracted: Extracted,
  relation: Relation,
  linked: SpanContext | undefined,
): Scope {
  const { source } = scope;
  const { parent, baggage } = extracted;
  const origin = originOf(scope.context);
  const behind = extracted.behind ?? origin;
  const remote = parent === undefined ? undefined : trace.wrapSpanContext(parent);
  const above = source.tracing.spans && relation === "link" ? undefined : remote;
  const carried = new MessageContext(behind, origin, above, baggage, scope, parent);
  scope.context = carried;
  if (!source.tracing.spans) return scope;
  try {
    const { tracer } = source.tracing.now();
    const span = tracer.startSpan(source.spanName, spanOptions(source, extracted, relation, linked), carried);
    scope.span = span;
    scope.context = new MessageContext(behind, origin, span, baggage, scope, parent);
    if (span.isRecording()) describe(span, scope, extracted);
  } catch (error) {
    fault("start span", error);
  }
  return scope;
}

/** Opens a scope beneath another instrumentation's span, which stays the active one. */
export function openForeign(scope: Scope): Scope {
  const { context: active } = scope;
  const origin = originOf(active);
  const baggage = propagation.getBaggage(active);
  scope.context = new MessageContext(
    active,
    origin,
    trace.getSpan(active),
    baggage,
    scope,
    undefined,
  );
  return scope;
}

function spanOptions(
  source: Source,
  extracted: Extracted,
  relation: Relation,
  linked: SpanContext | undefined,
): SpanOptions {
  const { parent, several } = extracted;
  if (relation === "parent" && several === undefined && linked === undefined) {
    return source.spanOptions;
  }
  const links: Link[] = [];
  if (parent !== undefined && relation !== "parent") links.push({ context: parent });
  if (several !== undefined) for (const context of several) links.push({ context });
  if (linked !== undefined) links.push({ context: linked });
  return { ...source.spanOptions, links };
}

function describe(span: Span, scope: Scope, extracted: Extracted): void {
  const { message, source } = scope;
  if (message === undefined) return;
  const { options } = source.tracing;
  if (extracted.several !== undefined) span.setAttribute(DUPLICATES, extracted.several.length);
  try {
    source.format.describe?.(message, span, options.messageKey !== false);
    const added: unknown = options.attributes?.(message);
    discard("attributes", added);
    if (added !== undefined && !(added instanceof Promise)) {
      span.setAttributes(added as Attributes);
    }
  } catch (error) {
    fault("attributes", error);
  }
}
