package io.throughline.spring.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapPropagator;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeader;

/**
 * How context travels on records. Ours takes the place of the application's propagator only where
 * that carries nothing but W3C headers; with no field at all, nothing is read and nothing written.
 */
final class Carrying {
    private static final Set<String> W3C =
            Set.of(Traceparent.NAME, Tracestate.NAME, BaggageHeader.NAME);

    private final TextMapPropagator propagator;

    /** The propagator's headers in lower case: replaced as one set. */
    final Set<String> fields;

    private final boolean own;
    private final boolean withBaggage;

    Carrying(TextMapPropagator propagator) {
        this.propagator = propagator;
        Set<String> names = new LinkedHashSet<>();
        for (String field : propagator.fields()) names.add(field.toLowerCase(Locale.ROOT));
        own = names.contains(Traceparent.NAME) && W3C.containsAll(names);
        if (own) names.add(Tracestate.NAME); // never left beside a traceparent of ours
        fields = Set.copyOf(names);
        withBaggage = fields.contains(BaggageHeader.NAME);
    }

    /** A record's context; the application's propagator reads it on top of what is active. */
    Extracted read(Headers headers, Options.Duplicates duplicates, Context active) {
        if (!own) {
            return fields.isEmpty()
                    ? Extracted.UNREAD
                    : ForeignPropagation.read(
                            propagator, headers, fields, duplicates, ContextKeys.clean(active));
        }
        List<byte[]> values = TraceHeaders.values(headers, Traceparent.NAME);
        Extracted read = Extracted.NOTHING;
        if (!values.isEmpty()) {
            List<SpanContext> found = new ArrayList<>(values.size());
            for (byte[] value : values) found.add(Traceparent.parse(value));
            read = Extracted.choose(found, duplicates);
            if (read.parent() != null) read = withState(read, headers);
        }
        if (!withBaggage) return read;
        String baggage =
                TraceHeaders.list(headers, BaggageHeader.NAME, BaggageHeader.READ_CHARACTERS);
        return baggage.isEmpty() ? read : read.withBaggage(BaggageHeader.parse(baggage), null);
    }

    /** The headers to send for a context; none where it has nothing to carry. */
    List<Header> fieldsOf(Context context) {
        List<Header> headers = new ArrayList<>(3);
        if (!own) {
            if (!fields.isEmpty()) propagator.inject(context, headers, Carrying::add);
            return headers;
        }
        SpanContext span = Span.fromContext(context).getSpanContext();
        if (span.isValid()) {
            add(headers, Traceparent.NAME, Traceparent.format(span, isRandom(span, context)));
            String state = Tracestate.format(span.getTraceState());
            if (!state.isEmpty()) add(headers, Tracestate.NAME, state);
        }
        if (withBaggage) {
            Baggage baggage = Baggage.fromContext(context);
            String text = baggage.isEmpty() ? "" : BaggageHeader.format(baggage);
            if (!text.isEmpty()) add(headers, BaggageHeader.NAME, text);
        }
        return headers;
    }

    /**
     * Says once what the application's OpenTelemetry lacks, where spans are recorded and their
     * traces end at the broker all the same.
     */
    void tellWhatLacks() {
        if (!fields.isEmpty()) return;
        Faults.warnOnce(
                "spans are recorded, but no propagator is set: no context is read from records or"
                        + " written to them, and each process span is the root of a trace of its own."
                        + " Give the SDK one:"
                        + " setPropagators(ContextPropagators.create(W3CTraceContextPropagator.getInstance()))");
    }

    private static Extracted withState(Extracted read, Headers headers) {
        String state = TraceHeaders.list(headers, Tracestate.NAME, Tracestate.MAX_HEADER);
        if (state.isEmpty()) return read;
        SpanContext parent = read.parent();
        return read.withParent(
                SpanContext.createFromRemoteParent(
                        parent.getTraceId(),
                        parent.getSpanId(),
                        parent.getTraceFlags(),
                        Tracestate.parse(state)));
    }

    /**
     * An SDK's span forgets the random flag of its remote parent; within that trace it still holds.
     */
    private static boolean isRandom(SpanContext span, Context context) {
        ContextKeys.Origin origin = context.get(ContextKeys.ORIGIN);
        SpanContext creation = origin == null ? null : origin.creation();
        return creation != null
                && (creation.getTraceFlags().asByte() & Traceparent.RANDOM) != 0
                && creation.getTraceId().equals(span.getTraceId());
    }

    private static void add(List<Header> headers, String name, String text) {
        headers.add(new RecordHeader(name, text.getBytes(UTF_8)));
    }
}
