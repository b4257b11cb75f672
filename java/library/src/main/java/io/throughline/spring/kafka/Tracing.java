package io.throughline.spring.kafka;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.LongCounter;
import io.opentelemetry.api.trace.Tracer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * The application's OpenTelemetry and our options. It is asked for at the first record, not before:
 * asking the global one earlier would keep the application from setting it.
 */
final class Tracing {
    private static final String SCOPE = "io.throughline.spring-kafka";

    /**
     * Topics that are counted apart; a process that reads more of them counts the rest together.
     */
    private static final int MAX_TOPICS = 1000;

    final Options options;
    private final Supplier<OpenTelemetry> source;
    private volatile Resolved resolved;

    private record Resolved(Tracer tracer, Carrying carrying, LongCounter outcomes) {}

    private record Counted(String topic, Extracted.Outcome outcome) {}

    private final Map<Counted, Attributes> counted = new ConcurrentHashMap<>();

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

    /** One delivered record's context was read. */
    void count(String topic, Extracted.Outcome outcome) {
        Counted key = new Counted(topic, outcome);
        Attributes attributes = counted.get(key);
        if (attributes == null) {
            boolean full = counted.size() >= MAX_TOPICS * Extracted.Outcome.values().length;
            attributes =
                    Attributes.of(
                            Semconv.SYSTEM,
                            "kafka",
                            Semconv.DESTINATION,
                            full ? "_OTHER" : topic,
                            Semconv.OUTCOME,
                            outcome.attribute());
            if (!full) counted.put(key, attributes);
        }
        resolved().outcomes.add(1, attributes);
    }

    private Resolved resolved() {
        Resolved known = resolved;
        if (known != null) return known;
        OpenTelemetry openTelemetry = source.get();
        LongCounter outcomes =
                openTelemetry
                        .getMeter(SCOPE)
                        .counterBuilder("throughline.context")
                        .setUnit("{message}")
                        .setDescription("Delivered messages by what became of their context")
                        .build();
        Carrying carrying = new Carrying(openTelemetry.getPropagators().getTextMapPropagator());
        Tracer tracer = openTelemetry.getTracerProvider().get(SCOPE, "0.1.0");
        return resolved = new Resolved(tracer, carrying, outcomes);
    }
}
