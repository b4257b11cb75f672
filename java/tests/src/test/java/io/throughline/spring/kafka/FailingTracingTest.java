package io.throughline.spring.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.MeterProvider;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.TracerProvider;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapPropagator;
import io.opentelemetry.context.propagation.TextMapSetter;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.trace.ReadWriteSpan;
import io.opentelemetry.sdk.trace.ReadableSpan;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.SdkTracerProviderBuilder;
import io.opentelemetry.sdk.trace.SpanProcessor;
import io.opentelemetry.sdk.trace.data.LinkData;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import io.opentelemetry.sdk.trace.samplers.SamplingResult;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.springframework.kafka.listener.BatchInterceptor;
import org.springframework.kafka.listener.RecordInterceptor;

/** Each part of tracing fails in turn: what the application does, gives and throws is the same. */
class FailingTracingTest {
    private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
    private static final String OTHER = "0af7651916cd43dd8448eb211c80319c";
    private static final String SPAN = "b7ad6b7169203331";

    /**
     * @param carries whether what fails leaves the record's context to be carried on
     */
    record Broken(String name, Supplier<OpenTelemetry> openTelemetry, boolean carries) {
        @Override
        public String toString() {
            return name;
        }
    }

    static Stream<Broken> broken() {
        return Stream.of(
                new Broken(
                        "the OpenTelemetry that is asked for",
                        () -> {
                            throw new IllegalStateException("no bean");
                        },
                        false),
                new Broken(
                        "the propagator",
                        () -> OpenTelemetry.propagating(ContextPropagators.create(new Throwing())),
                        false),
                new Broken("the sampler", () -> sdk(new ThrowingSampler(), null), true),
                new Broken(
                        "a span processor as a span starts",
                        () -> sdk(Sampler.alwaysOn(), new ThrowingProcessor(true)),
                        true),
                new Broken(
                        "a span processor as a span ends",
                        () -> sdk(Sampler.alwaysOn(), new ThrowingProcessor(false)),
                        true),
                new Broken("the tracer", () -> with(failing(TracerProvider.class, 1), null), true),
                new Broken(
                        "the tracer's provider",
                        () -> with(failing(TracerProvider.class, 0), null),
                        false),
                new Broken("the meter", () -> with(null, failing(MeterProvider.class, 1)), true),
                new Broken(
                        "the meter's provider",
                        () -> with(null, failing(MeterProvider.class, 0)),
                        true),
                new Broken(
                        "an instrument's builder",
                        () -> with(null, failing(MeterProvider.class, 3)),
                        true),
                new Broken(
                        "an instrument", () -> with(null, failing(MeterProvider.class, 4)), true));
    }

    @ParameterizedTest
    @MethodSource("broken")
    void aListenerIsCalledAndItsContextIsPutBack(Broken broken) {
        Throughline throughline = throughline(broken);
        RecordInterceptor<String, String> interceptor = throughline.recordInterceptor();
        for (Exception failure : new Exception[] {null, new Exception("listener")}) {
            ConsumerRecord<String, String> record = record();
            assertSame(record, interceptor.intercept(record, null));
            if (broken.carries) assertEquals(TRACE, activeTrace());
            if (failure == null) interceptor.success(record, null);
            else interceptor.failure(record, failure, null);
            interceptor.afterRecord(record, null);
            assertSame(Context.root(), Context.current());
            interceptor.clearThreadState(null);
        }
    }

    @ParameterizedTest
    @MethodSource("broken")
    void aBatchAndItsRecordsAreHandledAndWhatTheyGiveAndThrowComesBack(Broken broken) {
        Throughline throughline = throughline(broken);
        BatchInterceptor<String, String> interceptor = throughline.batchInterceptor();
        ConsumerRecord<String, String> record = record();
        ConsumerRecords<String, String> batch = batch(record);
        assertSame(batch, interceptor.intercept(batch, null));
        assertEquals(broken.carries, Context.current().get(ContextKeys.BATCH) != null);
        String value = new String("value");
        assertSame(value, throughline.callRecord(record, () -> value));
        IllegalStateException thrown = new IllegalStateException("handler");
        assertSame(
                thrown,
                assertThrows(
                        IllegalStateException.class,
                        () ->
                                throughline.processRecord(
                                        record,
                                        () -> {
                                            if (broken.carries) assertEquals(TRACE, activeTrace());
                                            throw thrown;
                                        })));
        interceptor.failure(batch, thrown, null);
        assertSame(Context.root(), Context.current());
        interceptor.intercept(batch, null);
        interceptor.clearThreadState(null);
        assertSame(Context.root(), Context.current());
    }

    @ParameterizedTest
    @MethodSource("broken")
    void aRecordIsSentOnceAndItsCallbackIsCalledOnce(Broken broken) throws Exception {
        Throughline throughline = throughline(broken);
        StringSerializer text = new StringSerializer();
        AtomicInteger answered = new AtomicInteger();
        try (MockProducer<String, String> memory = new MockProducer<>(true, null, text, text)) {
            Producer<String, String> producer =
                    throughline.<String, String>producerPostProcessor().apply(memory);
            ProducerRecord<String, String> record =
                    new ProducerRecord<>("next", null, "k", "v", record().headers());
            assertNotNull(
                    producer.send(record, (metadata, error) -> answered.incrementAndGet()).get());
            assertEquals(1, answered.get());
            assertEquals(1, memory.history().size());
            Header header = memory.history().get(0).headers().lastHeader("traceparent");
            assertTrue(new String(header.value(), UTF_8).contains(TRACE));

            SpanContext active =
                    SpanContext.create(
                            OTHER, SPAN, TraceFlags.getSampled(), TraceState.getDefault());
            try (Scope scope = Context.root().with(Span.wrap(active)).makeCurrent()) {
                producer.send(new ProducerRecord<>("next", "k", "v"));
            }
            header = memory.history().get(1).headers().lastHeader("traceparent");
            assertEquals(
                    broken.carries,
                    header != null && new String(header.value(), UTF_8).contains(OTHER));

            RuntimeException refused = new IllegalStateException("closed");
            memory.sendException = refused;
            assertSame(
                    refused,
                    assertThrows(IllegalStateException.class, () -> producer.send(record)));
        }
    }

    @Test
    void aSpanEndsThoughItsContextCouldNotBeWritten() {
        StringSerializer text = new StringSerializer();
        try (Telemetry telemetry = new Telemetry(new Throwing(), Sampler.alwaysOn());
                MockProducer<String, String> memory = new MockProducer<>(true, null, text, text)) {
            Throughline.create(telemetry.sdk)
                    .<String, String>producerPostProcessor()
                    .apply(memory)
                    .send(new ProducerRecord<>("next", "k", "v"));
            telemetry.span("send next");
            telemetry.allEnded();
        }
    }

    @Test
    void aHistogramThatThrowsKeepsNoSpanFromEnding() {
        StringSerializer text = new StringSerializer();
        try (Telemetry telemetry = new Telemetry();
                MockProducer<String, String> memory = new MockProducer<>(true, null, text, text)) {
            MeterProvider throwing = failing(MeterProvider.class, 4);
            Throughline throughline =
                    Throughline.create(with(telemetry.sdk.getTracerProvider(), throwing));
            RecordInterceptor<String, String> records = throughline.recordInterceptor();
            ConsumerRecord<String, String> record = record();
            for (Exception failure : new Exception[] {null, new Exception("listener")}) {
                records.intercept(record, null);
                if (failure != null) records.failure(record, failure, null);
                records.afterRecord(record, null);
                assertSame(Context.root(), Context.current());
            }
            telemetry.spans("process orders", 2);
            throughline.processRecord(record, () -> {});
            telemetry.spans("process orders", 3);
            BatchInterceptor<String, String> batches = throughline.batchInterceptor();
            batches.intercept(batch(record), null);
            batches.success(batch(record), null);
            telemetry.spans("process orders", 4);
            throughline
                    .<String, String>producerPostProcessor()
                    .apply(memory)
                    .send(new ProducerRecord<>("next", "k", "v"));
            telemetry.span("send next");
            telemetry.allEnded();
        }
    }

    private static Throughline throughline(Broken broken) {
        return Throughline.create(broken.openTelemetry, Options.defaults());
    }

    private static String activeTrace() {
        return Span.current().getSpanContext().getTraceId();
    }

    private static ConsumerRecord<String, String> record() {
        ConsumerRecord<String, String> record = new ConsumerRecord<>("orders", 0, 0, "k", "v");
        String traceparent = "00-" + TRACE + "-00f067aa0ba902b7-01";
        record.headers().add("traceparent", traceparent.getBytes(UTF_8));
        return record;
    }

    @SuppressWarnings({"deprecation", "unchecked"}) // the newer is not in spring-kafka 3.3's client
    private static ConsumerRecords<String, String> batch(ConsumerRecord<String, String> record) {
        return new ConsumerRecords<>(Map.of(new TopicPartition("orders", 0), List.of(record)));
    }

    private static OpenTelemetry sdk(Sampler sampler, SpanProcessor processor) {
        SdkTracerProviderBuilder tracers = SdkTracerProvider.builder().setSampler(sampler);
        if (processor != null) tracers.addSpanProcessor(processor);
        return OpenTelemetrySdk.builder()
                .setTracerProvider(tracers.build())
                .setPropagators(ContextPropagators.create(W3CTraceContextPropagator.getInstance()))
                .build();
    }

    private static OpenTelemetry with(TracerProvider tracers, MeterProvider meters) {
        OpenTelemetrySdk working =
                OpenTelemetrySdk.builder()
                        .setTracerProvider(SdkTracerProvider.builder().build())
                        .build();
        return new OpenTelemetry() {
            @Override
            public TracerProvider getTracerProvider() {
                return tracers == null ? working.getTracerProvider() : tracers;
            }

            @Override
            public MeterProvider getMeterProvider() {
                return meters == null ? working.getMeterProvider() : meters;
            }

            @Override
            public ContextPropagators getPropagators() {
                return ContextPropagators.create(W3CTraceContextPropagator.getInstance());
            }
        };
    }

    /** An object whose methods give such objects, {@code depth} calls deep, and throw then. */
    @SuppressWarnings("unchecked")
    private static <T> T failing(Class<T> type, int depth) {
        InvocationHandler handler =
                (proxy, method, arguments) -> {
                    if (method.getDeclaringClass() == Object.class) {
                        return method.getName().equals("hashCode")
                                ? (Object) System.identityHashCode(proxy)
                                : method.getName().equals("equals")
                                        ? (Object) (proxy == arguments[0])
                                        : "failing";
                    }
                    if (depth == 0 || method.getReturnType() == void.class) {
                        throw new IllegalStateException(method.getName());
                    }
                    boolean fluent = method.getReturnType().isInstance(proxy);
                    return fluent ? proxy : failing(method.getReturnType(), depth - 1);
                };
        return (T) Proxy.newProxyInstance(type.getClassLoader(), new Class<?>[] {type}, handler);
    }

    private static final class Throwing implements TextMapPropagator {
        @Override
        public Collection<String> fields() {
            return List.of("own");
        }

        @Override
        public <C> void inject(Context context, C carrier, TextMapSetter<C> setter) {
            throw new IllegalStateException("inject");
        }

        @Override
        public <C> Context extract(Context context, C carrier, TextMapGetter<C> getter) {
            throw new IllegalStateException("extract");
        }
    }

    private static final class ThrowingSampler implements Sampler {
        @Override
        public SamplingResult shouldSample(
                Context parent,
                String traceId,
                String name,
                SpanKind kind,
                Attributes attributes,
                List<LinkData> links) {
            throw new IllegalStateException("sampler");
        }

        @Override
        public String getDescription() {
            return "throwing";
        }
    }

    private record ThrowingProcessor(boolean atStart) implements SpanProcessor {
        @Override
        public void onStart(Context parent, ReadWriteSpan span) {
            if (atStart) throw new IllegalStateException("onStart");
        }

        @Override
        public boolean isStartRequired() {
            return true;
        }

        @Override
        public void onEnd(ReadableSpan span) {
            throw new IllegalStateException("onEnd");
        }

        @Override
        public boolean isEndRequired() {
            return true;
        }
    }
}
