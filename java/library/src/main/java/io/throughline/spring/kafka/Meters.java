package io.throughline.spring.kafka;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.DoubleHistogram;
import io.opentelemetry.api.metrics.Meter;
import io.opentelemetry.api.metrics.MeterProvider;
import java.util.List;

/** The messaging convention's metrics, and our own, on the application's meter. */
final class Meters {
    private static final double NANOS = 1e9;

    /** As the convention has them, in seconds. */
    private static final List<Double> BOUNDARIES =
            List.of(
                    0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5,
                    10.0);

    private static final Class<?> NOOP =
            MeterProvider.noop().get("").histogramBuilder("none").build().getClass();

    /** Where nobody collects, or the meter fails: no clock is read. */
    static final Meters NONE = new Meters(null, null);

    private final DoubleHistogram process;
    private final DoubleHistogram operation;

    private Meters(DoubleHistogram process, DoubleHistogram operation) {
        this.process = process;
        this.operation = operation;
    }

    /** The instruments, which read these counts. */
    static Meters on(OpenTelemetry openTelemetry, String scope, Tracing.Counters counters) {
        try {
            Meter meter =
                    openTelemetry
                            .getMeterProvider()
                            .meterBuilder(scope)
                            .setInstrumentationVersion(Tracing.VERSION)
                            .build();
            DoubleHistogram process =
                    duration(meter, "messaging.process.duration", "Duration of processing.");
            if (process.getClass() == NOOP) return NONE;
            DoubleHistogram operation =
                    duration(meter, "messaging.client.operation.duration", "Duration of sending.");
            count(meter, "messaging.client.sent.messages", "Messages sent.", counters.sent());
            count(
                    meter,
                    "messaging.client.consumed.messages",
                    "Messages delivered to the application.",
                    counters.consumed());
            count(
                    meter,
                    "throughline.context",
                    "Delivered messages by what became of their context.",
                    counters.outcomes());
            meter.counterBuilder("throughline.faults")
                    .setUnit("{failure}")
                    .setDescription("Failures of tracing itself, by step.")
                    .buildWithCallback(Faults.COUNTS::observe);
            return new Meters(process, operation);
        } catch (Throwable problem) {
            Faults.fault("making instruments", problem);
            return NONE;
        }
    }

    /** Now, in nanoseconds; 0 where nobody collects what is measured from it. */
    long now() {
        return process == null ? 0 : System.nanoTime();
    }

    /** A record, or a batch as a whole, was handled. */
    void processed(long began, Attributes attributes) {
        measure(process, began, attributes);
    }

    /** A send was answered, or failed. */
    void operated(long began, Attributes attributes) {
        measure(operation, began, attributes);
    }

    private static void measure(DoubleHistogram histogram, long began, Attributes attributes) {
        if (histogram == null || began == 0) return;
        try {
            histogram.record((System.nanoTime() - began) / NANOS, attributes);
        } catch (Throwable problem) {
            Faults.fault("measuring", problem);
        }
    }

    private static DoubleHistogram duration(Meter meter, String name, String description) {
        return meter.histogramBuilder(name)
                .setUnit("s")
                .setDescription(description)
                .setExplicitBucketBoundariesAdvice(BOUNDARIES)
                .build();
    }

    private static void count(Meter meter, String name, String description, Counts counts) {
        meter.counterBuilder(name)
                .setUnit("{message}")
                .setDescription(description)
                .buildWithCallback(counts::observe);
    }
}
