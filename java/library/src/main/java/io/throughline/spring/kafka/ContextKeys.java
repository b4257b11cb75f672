package io.throughline.spring.kafka;

import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.ContextKey;

/** What we keep in a context beside the span. */
final class ContextKeys {
    /**
     * Where a context comes from.
     *
     * @param record the record whose scope this is: it is not given a second one; else null
     * @param creation its creation context; null where it carries none that counts
     */
    record Origin(Object record, SpanContext creation) {}

    /** One key for both: each further value of a context is a copy more for each record. */
    static final ContextKey<Origin> ORIGIN = ContextKey.named("throughline-origin");

    /** The batch that is being handled. */
    static final ContextKey<BatchScope> BATCH = ContextKey.named("throughline-batch");

    private ContextKeys() {}

    /** The record whose scope is active; null outside of one. */
    static Object recordOf(Context context) {
        Origin origin = context.get(ORIGIN);
        return origin == null ? null : origin.record;
    }

    /**
     * The span of the attempt that a record's scope is; null where none was made, and the record's
     * creation context stands in its place.
     */
    static SpanContext attemptIn(Context context) {
        SpanContext span = Span.fromContext(context).getSpanContext();
        Origin origin = context.get(ORIGIN);
        SpanContext creation = origin == null ? null : origin.creation;
        boolean made = creation == null || !creation.getSpanId().equals(span.getSpanId());
        return made && span.isValid() ? span : null;
    }

    /**
     * A context without what an earlier record, or whoever runs the loop, left in it: no span, no
     * baggage, no record. The application's own values stay.
     */
    static Context clean(Context context) {
        Context clean = context;
        if (Span.fromContextOrNull(clean) != null) clean = clean.with(Span.getInvalid());
        if (!Baggage.fromContext(clean).isEmpty()) clean = clean.with(Baggage.empty());
        if (clean.get(ORIGIN) != null) clean = clean.with(ORIGIN, null);
        return clean;
    }
}
