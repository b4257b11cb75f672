import { type Context, type Span, type SpanContext, trace } from "@opentelemetry/api";
import { spanContextIn, valid } from "./context.ts";
import { fault } from "./guard.ts";
import { fieldsOf } from "./inject.ts";
import type { Now } from "./tracing.ts";
import { baggageFields, type Field, NO_FIELDS, traceFields } from "./w3c.ts";

/** A context under which spans are started to send messages: what it adds to their headers, once for all. */
export class Above {
  readonly context: Context;
  /** What the application had registered when the call was made. */
  readonly now: Now;
  private baggage: readonly Field[] | undefined;

  constructor(context: Context, now: Now) {
    this.context = context;
    this.now = now;
  }

  /** The context's own span, where it is a valid one. */
  get spanContext(): SpanContext | undefined {
    return spanContextIn(this.context);
  }

  /** The trace headers of this context itself. */
  fields(): readonly Field[] {
    return fieldsOf(this.context, this.now.carrying);
  }

  /** The trace headers of a span started under it; its own where no span is made (a suppressed region). */
  fieldsWith(span: Span): readonly Field[] {
    const { context } = this;
    const { carrying } = this.now;
    const spanContext = valid(span.spanContext());
    if (spanContext === undefined) return this.fields();
    if (carrying.propagator !== undefined) {
      return fieldsOf(trace.setSpan(context, span), carrying);
    }
    if (carrying.fields.size === 0) return [];
    try {
      // No context is made for each message only to be read at once.
      this.baggage ??= carrying.baggage ? baggageFields(context) : NO_FIELDS;
      const traced = traceFields(spanContext, context);
      return this.baggage.length === 0 ? traced : [...traced, ...this.baggage];
    } catch (error) {
      fault("inject", error);
      return [];
    }
  }
}
