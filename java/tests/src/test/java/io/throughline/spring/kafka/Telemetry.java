package io.throughline.spring.kafka;

import io.opentelemetry.api.baggage.propagation.W3CBaggagePropagator;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.context.propagation.TextMapPropagator;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.metrics.SdkMeterProvider;
import io.opentelemetry.sdk.testing.exporter.InMemoryMetricReader;
import io.opentelemetry.sdk.trace.ReadWriteSpan;
import io.opentelemetry.sdk.trace.ReadableSpan;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.SpanProcessor;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.Supplier;

/** A real SDK whose spans can be waited for. */
final class Telemetry implements AutoCloseable {
    private static final long LONGEST_MS = 30_000;

    final OpenTelemetrySdk sdk;
    final Tracer tracer;
    final InMemoryMetricReader metrics = InMemoryMetricReader.create();
    private final Recorded recorded = new Recorded();

    Telemetry() {
        this(
                TextMapPropagator.composite(
                        W3CTraceContextPropagator.getInstance(),
                        W3CBaggagePropagator.getInstance()),
                Sampler.alwaysOn());
    }

    Telemetry(TextMapPropagator propagator, Sampler sampler) {
        sdk =
                OpenTelemetrySdk.builder()
                        .setTracerProvider(
                                SdkTracerProvider.builder()
                                        .addSpanProcessor(recorded)
                                        .setSampler(sampler)
                                        .build())
                        .setMeterProvider(
                                SdkMeterProvider.builder().registerMetricReader(metrics).build())
                        .setPropagators(ContextPropagators.create(propagator))
                        .build();
        tracer = sdk.getTracer("test");
    }

    /** Runs something in a span of its own, and gives that span. */
    Span inSpan(String name, Runnable run) {
        Span span = tracer.spanBuilder(name).startSpan();
        try (Scope scope = span.makeCurrent()) {
            run.run();
        } finally {
            span.end();
        }
        return span;
    }

    /**
     * A span of that name that starts and ends here: what a handler's own instrumentation makes.
     */
    void mark(String name) {
        tracer.spanBuilder(name).startSpan().end();
    }

    /** The one ended span of this name, once it is there. */
    SpanData span(String name) {
        return spans(name, 1).get(0);
    }

    /** All ended spans of this name, once there are so many. More are a failure. */
    List<SpanData> spans(String name, int count) {
        Predicate<SpanData> named = span -> span.getName().equals(name);
        await(() -> ended(named).size() >= count, () -> count + " of " + name);
        List<SpanData> found = ended(named);
        if (found.size() != count) {
            throw new AssertionError("not " + count + " spans " + name + " but:" + listed());
        }
        return found;
    }

    /** Every span that was started has ended, now or within the time of a test. */
    void allEnded() {
        await(() -> recorded.open == 0, () -> "no span left open, of " + recorded.started);
    }

    /** How many spans have ended. */
    int count() {
        synchronized (recorded) {
            return recorded.ended.size();
        }
    }

    void await(Supplier<Boolean> condition, Supplier<String> what) {
        long until = System.currentTimeMillis() + LONGEST_MS;
        synchronized (recorded) {
            while (!condition.get()) {
                long left = until - System.currentTimeMillis();
                if (left <= 0) throw new AssertionError("waited for " + what.get() + listed());
                try {
                    recorded.wait(left);
                } catch (InterruptedException interrupted) {
                    throw new AssertionError(interrupted);
                }
            }
        }
    }

    private List<SpanData> ended(Predicate<SpanData> filter) {
        synchronized (recorded) {
            return recorded.ended.stream().filter(filter).toList();
        }
    }

    private String listed() {
        StringBuilder list = new StringBuilder();
        for (SpanData span : ended(each -> true)) {
            list.append("\n  ").append(span.getTraceId().substring(0, 8)).append(' ');
            list.append(span.getSpanId()).append(" under ").append(span.getParentSpanId());
            list.append(' ').append(span.getKind()).append(' ').append(span.getName());
        }
        return list.toString();
    }

    @Override
    public void close() {
        sdk.close();
    }

    private static final class Recorded implements SpanProcessor {
        private final List<SpanData> ended = new ArrayList<>();
        private int started;
        private int open;

        @Override
        public synchronized void onStart(Context parent, ReadWriteSpan span) {
            started++;
            open++;
        }

        @Override
        public boolean isStartRequired() {
            return true;
        }

        @Override
        public synchronized void onEnd(ReadableSpan span) {
            open--;
            ended.add(span.toSpanData());
            notifyAll();
        }

        @Override
        public boolean isEndRequired() {
            return true;
        }
    }
}
