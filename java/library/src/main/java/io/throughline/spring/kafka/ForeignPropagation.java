package io.throughline.spring.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapPropagator;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/**
 * Reading by the application's own propagator (B3, Jaeger, X-Ray, its own), duplicate rule
 * included.
 */
final class ForeignPropagation {
    /** A header repeated more often is read no further: each reading is a run of the propagator. */
    private static final int MAX_READINGS = 8;

    /** Both specifications join a repeated one by commas: every value belongs to the one list. */
    private static final Set<String> LISTS = Set.of(Tracestate.NAME, BaggageHeader.NAME);

    private ForeignPropagation() {}

    /** Runs the propagator once for each time that a header of its is repeated. */
    static Extracted read(
            TextMapPropagator propagator,
            Headers headers,
            Set<String> fields,
            Options.Duplicates duplicates,
            Context clean) {
        int most = 0;
        for (String field : fields) {
            if (LISTS.contains(field)) continue;
            most = Math.max(most, TraceHeaders.values(headers, field).size());
        }
        int readings = Math.min(Math.max(most, 1), MAX_READINGS);
        List<SpanContext> found = new ArrayList<>(readings);
        List<Context> contexts = new ArrayList<>(readings);
        for (int reading = 0; reading < readings; reading++) {
            Context context = propagator.extract(clean, headers, new Reading(reading));
            SpanContext span = Span.fromContext(context).getSpanContext();
            contexts.add(context);
            found.add(span.isValid() ? span : null);
        }
        boolean told = most > 0 || found.get(0) != null;
        Extracted chosen = Extracted.choose(told ? found : List.of(), duplicates);
        int at = chosen.parent() == null ? readings - 1 : found.lastIndexOf(chosen.parent());
        Context behind = contexts.get(at);
        return chosen.withBaggage(Baggage.fromContext(behind), behind);
    }

    /** The nth value of each header, or its last where it has fewer; of a list all of them. */
    private record Reading(int nth) implements TextMapGetter<Headers> {
        @Override
        public Iterable<String> keys(Headers headers) {
            Set<String> keys = new LinkedHashSet<>();
            for (Header header : headers) keys.add(header.key());
            return keys;
        }

        @Override
        public String get(Headers headers, String key) {
            if (headers == null || key == null) return null;
            List<byte[]> values = TraceHeaders.values(headers, key);
            if (values.isEmpty()) return null;
            if (LISTS.contains(key.toLowerCase(Locale.ROOT))) {
                return values.stream()
                        .map(value -> new String(value, UTF_8))
                        .collect(Collectors.joining(","));
            }
            return new String(values.get(Math.min(nth, values.size() - 1)), UTF_8);
        }
    }
}
