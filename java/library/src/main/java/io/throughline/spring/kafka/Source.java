package io.throughline.spring.kafka;

import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.common.AttributesBuilder;
import java.util.concurrent.atomic.LongAdder;

/**
 * One place that records come from, with everything that they share, worked out once: a partition
 * of a topic for one group. Parts that differ within a batch are null.
 */
final class Source {
    final String spanName;

    /** Of every process span. */
    final Attributes span;

    /** Of every measure. */
    private final Attributes measured;

    private final LongAdder consumed;
    private final LongAdder[] outcomes;

    /** The last failure's attributes: one type at a time is the common case. */
    private volatile Failed failed;

    private record Failed(String type, Attributes attributes) {}

    Source(String topic, Integer partition, String group, Tracing.Counters counters) {
        spanName = topic == null ? "process" : "process " + topic;
        AttributesBuilder attributes = Attributes.builder();
        attributes.put(Semconv.OPERATION_NAME, "process").put(Semconv.SYSTEM, "kafka");
        if (topic != null) attributes.put(Semconv.DESTINATION, topic);
        if (group != null) attributes.put(Semconv.GROUP, group);
        if (partition != null) attributes.put(Semconv.PARTITION, partition.toString());
        measured = attributes.build();
        span = attributes.put(Semconv.OPERATION_TYPE, "process").build();
        consumed = counters.consumed().of(measured);
        Extracted.Outcome[] all = Extracted.Outcome.values();
        outcomes = new LongAdder[all.length];
        for (Extracted.Outcome each : all) {
            AttributesBuilder outcome = Attributes.builder().put(Semconv.SYSTEM, "kafka");
            if (topic != null) outcome.put(Semconv.DESTINATION, topic);
            outcome.put(Semconv.OUTCOME, each.attribute());
            outcomes[each.ordinal()] = counters.outcomes().of(outcome.build());
        }
    }

    /** One record was delivered, and its context read. */
    void countDelivery(Extracted.Outcome outcome) {
        consumed.increment();
        outcomes[outcome.ordinal()].increment();
    }

    /**
     * The attributes of a measure; {@code failure} is the error's type, null where there is none.
     */
    Attributes measured(String failure) {
        if (failure == null) return measured;
        Failed known = failed;
        if (known == null || !known.type.equals(failure)) {
            Attributes attributes = measured.toBuilder().put(Semconv.ERROR_TYPE, failure).build();
            failed = known = new Failed(failure, attributes);
        }
        return known.attributes;
    }
}
