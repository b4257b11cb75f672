import {
  type Attributes,
  type Link,
  propagation,
  type Span,
  type SpanContext,
  type SpanOptions,
  trace,
} from "@opentelemetry/api";
import { MessageContext, originOf, valid } from "./context.ts";
import type { Extracted } from "./extract.ts";
import { discard, fault, started } from "./guard.ts";
import { tellWhatLacks } from "./lacking.ts";
import type { Relation } from "./relation.ts";
import type { Scope } from "./scope.ts";
import { DUPLICATES } from "./semconv.ts";
import type { Source } from "./source.ts";

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
    const now = source.tracing.now();
    const options = spanOptions(source, extracted, relation, linked);
    const span = started(now.tracer.startSpan(source.spanName, options, carried));
    // No span is made in a suppressed region: the message's own context goes on without one.
    const made = valid(span.spanContext()) !== undefined;
    scope.context = new MessageContext(
      behind,
      origin,
      made ? span : remote,
      baggage,
      scope,
      parent,
    );
    if (!made) return scope;
    scope.span = span;
    if (!span.isRecording()) return scope;
    if (!now.lookedAt) tellWhatLacks(now, scope.context);
    describe(span, scope, extracted);
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
