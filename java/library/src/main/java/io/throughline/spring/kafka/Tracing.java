package io.throughline.spring.kafka;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.Tracer;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * The application's OpenTelemetry and our options. It is asked for at the first record, not before:
 * asking the global one earlier would keep the application from setting it.
 */
final class Tracing {
    static final String VERSION = "0.1.0";
    private static final String SCOPE = "io.throughline.spring-kafka";

    /** Places that are kept; of a process that knows more, the rest are worked out each time. */
    private static final int MAX_PLACES = Counts.MAX_SERIES;

    final Options options;
    private final Supplier<OpenTelemetry> source;
    private volatile Resolved resolved;

    private record Resolved(Tracer tracer, Carrying carrying, Meters meters) {}

    /** What is counted, whether anybody collects it or not. */
    record Counters(Counts sent, Counts consumed, Counts outcomes) {}

    private record Place(String topic, Integer partition, String group) {}

    private final Counters counters = new Counters(new Counts(), new Counts(), new Counts());
    private final Map<Place, Source> sources = new ConcurrentHashMap<>();
    private final Map<String, Destination> destinations = new ConcurrentHashMap<>();
    private final Set<String> delivering = ConcurrentHashMap.newKeySet();

    Tracing(Supplier<OpenTelemetry> source, Options options) {
        this.source = source;
        this.options = options;
    }

    Tracer tracer() {
        return resolved().tracer;
    }

    Carrying carrying() {
        return resolved().carrying;
    }

    Meters meters() {
        return resolved().meters;
    }

    /** Where a record comes from; any part may be null. */
    Source source(String topic, Integer partition, String group) {
        Place place = new Place(topic, partition, group);
        Source known = sources.get(place);
        if (known != null) return known;
        Source made = new Source(topic, partition, group, counters);
        if (sources.size() < MAX_PLACES) sources.put(place, made);
        return made;
    }

    /** Where a container delivers a record from. */
    Source delivering(String topic, Integer partition, String group) {
        Place place = new Place(topic, partition, group);
        Source known = sources.get(place);
        if (known != null) return known;
        if (delivering.size() < MAX_PLACES) delivering.add(topic);
        return source(topic, partition, group);
    }

    /** Whether a container of ours delivers this topic's records, and so has counted them. */
    boolean delivers(String topic) {
        return delivering.contains(topic);
    }

    /** Where a record goes to. */
    Destination destination(String topic) {
        Destination known = destinations.get(topic);
        if (known != null) return known;
        Destination made = new Destination(topic, counters);
        if (destinations.size() < MAX_PLACES) destinations.put(topic, made);
        return made;
    }

    private Resolved resolved() {
        Resolved known = resolved;
        return known == null ? resolve() : known;
    }

    private Resolved resolve() {
        return resolve(source.get()); // outside the lock: it may wait for beans that wait for us
    }

    /** Once: of instruments that are made twice, each would tell all that is counted. */
    private synchronized Resolved resolve(OpenTelemetry openTelemetry) {
        if (resolved != null) return resolved;
        Carrying carrying = new Carrying(openTelemetry.getPropagators().getTextMapPropagator());
        Tracer tracer = openTelemetry.getTracerProvider().get(SCOPE, VERSION);
        Meters meters = Meters.on(openTelemetry, SCOPE, counters);
        return resolved = new Resolved(tracer, carrying, meters);
    }
}
