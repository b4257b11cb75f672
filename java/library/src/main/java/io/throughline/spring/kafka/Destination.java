package io.throughline.spring.kafka;

import io.opentelemetry.api.common.Attributes;
import java.util.concurrent.atomic.LongAdder;

/** One topic that is sent to, with everything that its records share, worked out once. */
final class Destination {
    final String spanName;

    /** Of every send span. */
    final Attributes span;

    private final Attributes measured;
    private final LongAdder sent;
    private final Tracing.Counters counters;

    Destination(String topic, Tracing.Counters counters) {
        this.counters = counters;
        spanName = "send " + topic;
        measured =
                Attributes.of(
                        Semconv.OPERATION_NAME, "send",
                        Semconv.SYSTEM, "kafka",
                        Semconv.DESTINATION, topic);
        span = measured.toBuilder().put(Semconv.OPERATION_TYPE, "send").build();
        sent = counters.sent().of(measured);
    }

    /**
     * One record was answered for by the broker, or refused; {@code failure} is an error's type.
     */
    void count(Meters meters, long began, String failure) {
        if (failure == null) {
            sent.increment();
            meters.operated(began, measured);
            return;
        }
        Attributes failed = measured.toBuilder().put(Semconv.ERROR_TYPE, failure).build();
        counters.sent().of(failed).increment();
        meters.operated(began, failed);
    }
}
