package io.throughline.spring.kafka;

import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.context.Context;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;
import org.springframework.kafka.retrytopic.RetryTopicHeaders;

/**
 * What a record that is about to be sent continues.
 *
 * @param parent the context under which its span starts
 * @param links what its span links to
 * @param untouched the record's own header stays: its context is not the new span's
 * @param carries the record brought a context, which stays where there is nothing to replace it
 */
record Lineage(Context parent, List<SpanContext> links, boolean untouched, boolean carries) {
    private static final String RETRY_ATTEMPTS = RetryTopicHeaders.DEFAULT_HEADER_ATTEMPTS;

    /**
     * What a record carries of the active trace gives way to the active span; what it carries of
     * another is its parent, and the active span a link. A dead letter continues the attempt that
     * failed. A record on its way to a retry topic keeps its creation context, so that attempts are
     * siblings. A replay of a dead letter to where it came from starts a new trace.
     */
    static Lineage of(ProducerRecord<?, ?> record, Tracing tracing, FailedAttempts attempts) {
        Headers headers = record.headers();
        Context active = Context.current();
        SpanContext ambient = Span.fromContext(active).getSpanContext();
        if (!TraceHeaders.anyOf(headers, tracing.carrying().fields)) {
            return new Lineage(active, List.of(), false, false);
        }
        Context clean = ContextKeys.clean(active);
        Extracted carried = tracing.carrying().read(headers, tracing.options.duplicates(), clean);

        SpanContext replayed = DeadLetterHeaders.failedAttempt(headers, record.topic());
        if (replayed != null) {
            List<SpanContext> links = links(replayed, ambient);
            return new Lineage(under(clean, active, carried, null), links, false, false);
        }
        if (carried.parent() == null) {
            // Baggage set by hand on a record without a traceparent is not stale: it stays.
            boolean keep = carried.outcome() == Extracted.Outcome.MISSING;
            Context parent = keep ? withBaggage(active, carried.baggage()) : active;
            return new Lineage(parent, carried.several(), false, false);
        }
        if (isRetry(record)) {
            // A listener that failed later is retried with nothing active: its trace is the
            // record's.
            boolean inside = carried.parent().getTraceId().equals(ambient.getTraceId());
            Context parent = inside ? active : under(clean, active, carried, carried.parent());
            return new Lineage(parent, inside ? List.of(carried.parent()) : List.of(), true, true);
        }
        boolean keep = tracing.options.carried() == Options.Carried.KEEP;
        if (keep && !DeadLetterHeaders.isLetter(headers)) {
            return new Lineage(active, List.of(carried.parent()), true, true);
        }
        SpanContext continued = continued(record, carried.parent(), ambient, attempts);
        if (continued == null) return new Lineage(active, List.of(), false, true);
        List<SpanContext> links =
                ambient.getTraceId().equals(continued.getTraceId())
                        ? List.of()
                        : links(ambient, null);
        return new Lineage(under(clean, active, carried, continued), links, false, true);
    }

    /** The span of the record's own trace to continue; null for the active one. */
    private static SpanContext continued(
            ProducerRecord<?, ?> record,
            SpanContext carried,
            SpanContext ambient,
            FailedAttempts attempts) {
        if (DeadLetterHeaders.carriesItsAttempt(record.headers(), carried)) return carried;
        if (carried.getTraceId().equals(ambient.getTraceId())) return null;
        SpanContext attempt = attempts.of(record);
        return attempt == null ? carried : attempt;
    }

    /**
     * spring-kafka's retry topics: their records carry the attempts made so far, and so do their
     * dead letters, which only the name of their topic tells apart.
     */
    private static boolean isRetry(ProducerRecord<?, ?> record) {
        if (record.headers().lastHeader(RETRY_ATTEMPTS) == null) return false;
        String topic = record.topic().toLowerCase(Locale.ROOT);
        return !topic.endsWith("dlt") && !topic.endsWith("dlq");
    }

    /** What the record carried, with another span in place; the active baggage wins. */
    private static Context under(
            Context clean, Context active, Extracted carried, SpanContext span) {
        Context context = carried.behind() == null ? clean : carried.behind();
        context = context.with(span == null ? Span.getInvalid() : Span.wrap(span));
        if (carried.parent() != null && span != null) {
            ContextKeys.Origin origin = new ContextKeys.Origin(null, carried.parent());
            context = context.with(ContextKeys.ORIGIN, origin);
        }
        Baggage baggage = Baggage.fromContext(active);
        return context.with(baggage.isEmpty() ? carried.baggage() : baggage);
    }

    private static Context withBaggage(Context active, Baggage carried) {
        boolean replace = Baggage.fromContext(active).isEmpty() && !carried.isEmpty();
        return replace ? active.with(carried) : active;
    }

    private static List<SpanContext> links(SpanContext one, SpanContext other) {
        List<SpanContext> links = new ArrayList<>(2);
        if (one != null && one.isValid()) links.add(one);
        if (other != null && other.isValid()) links.add(other);
        return links;
    }
}
