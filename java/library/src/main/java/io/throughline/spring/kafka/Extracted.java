package io.throughline.spring.kafka;

import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.context.Context;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Objects;

/**
 * One record's context as it was read off its headers.
 *
 * @param outcome what became of it; the metric {@code throughline.context} counts it
 * @param parent the creation context; null where there is none that counts
 * @param several the contexts of the different traces that claim the record: none is its parent
 * @param baggage what was carried besides; empty where nothing was
 * @param behind whatever else the application's own propagator put into the context; else null
 */
record Extracted(
        Outcome outcome,
        SpanContext parent,
        List<SpanContext> several,
        Baggage baggage,
        Context behind) {

    /** What became of a record's context. */
    enum Outcome {
        EXTRACTED,
        MISSING,
        MALFORMED,
        DUPLICATE,
        /** Not looked at: the application has no propagator. */
        UNREAD;

        /** As the metric spells it. */
        String attribute() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    static final Extracted NOTHING =
            new Extracted(Outcome.MISSING, null, List.of(), Baggage.empty(), null);

    static final Extracted UNREAD = NOTHING.with(Outcome.UNREAD);

    /** The contexts to link to where the parent is not to be one. */
    List<SpanContext> all() {
        return parent == null ? several : List.of(parent);
    }

    /**
     * The duplicate rule, one for every propagator and every language: several readings of one
     * trace are one chain, whose last is the parent; of different traces none is.
     *
     * @param found each reading, null for a malformed one
     */
    static Extracted choose(List<SpanContext> found, Options.Duplicates duplicates) {
        List<SpanContext> readable = new ArrayList<>(found.size());
        for (SpanContext each : found) if (each != null) readable.add(each);
        if (readable.isEmpty()) {
            return found.isEmpty() ? NOTHING : NOTHING.with(Outcome.MALFORMED);
        }
        Outcome outcome = found.size() > 1 ? Outcome.DUPLICATE : Outcome.EXTRACTED;
        SpanContext last = readable.get(readable.size() - 1);
        if (duplicates == Options.Duplicates.FIRST) return of(outcome, readable.get(0));
        boolean oneTrace =
                readable.stream()
                        .allMatch(each -> Objects.equals(each.getTraceId(), last.getTraceId()));
        if (oneTrace || duplicates == Options.Duplicates.LAST) return of(outcome, last);
        return new Extracted(outcome, null, List.copyOf(readable), Baggage.empty(), null);
    }

    Extracted withParent(SpanContext other) {
        return new Extracted(outcome, other, several, baggage, behind);
    }

    Extracted withBaggage(Baggage other, Context otherBehind) {
        return new Extracted(outcome, parent, several, other, otherBehind);
    }

    private Extracted with(Outcome other) {
        return new Extracted(other, parent, several, baggage, behind);
    }

    private static Extracted of(Outcome outcome, SpanContext parent) {
        return new Extracted(outcome, parent, List.of(), Baggage.empty(), null);
    }
}
