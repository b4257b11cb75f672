package io.throughline.spring.kafka;

import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.ContextKey;

/** What we keep in a context beside the span. */
final class ContextKeys {
    /** The creation context of the record being handled. */
    static final ContextKey<SpanContext> CREATION =
            ContextKey.named("throughline-creation-context");

    /** The record whose scope this is: it is not given a second one. */
    static final ContextKey<Object> RECORD = ContextKey.named("throughline-record");

    /** The batch that is being handled. */
    static final ContextKey<BatchScope> BATCH = ContextKey.named("throughline-batch");

    private ContextKeys() {}

    /**
     * A context without what an earlier record, or whoever runs the loop, left in it: no span, no
     * baggage, no record. The application's own values stay.
     */
    static Context clean(Context context) {
        Context clean = context;
        if (Span.fromContextOrNull(clean) != null) clean = clean.with(Span.getInvalid());
        if (!Baggage.fromContext(clean).isEmpty()) clean = clean.with(Baggage.empty());
        if (clean.get(CREATION) != null) clean = clean.with(CREATION, null);
        if (clean.get(RECORD) != null) clean = clean.with(RECORD, null);
        return clean;
    }
}
