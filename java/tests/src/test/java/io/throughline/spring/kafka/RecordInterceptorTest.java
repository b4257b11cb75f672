package io.throughline.spring.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanId;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapPropagator;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.core.task.support.TaskExecutorAdapter;
import org.springframework.kafka.listener.CompositeRecordInterceptor;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.RecordInterceptor;
import org.springframework.util.backoff.FixedBackOff;

@RealKafka
class RecordInterceptorTest {
    private final Application application = new Application();
    private final Telemetry telemetry = application.telemetry;
    private final String topic = Broker.topic("orders");

    /** The one thread that listeners run on, so that what is left on it can be looked at. */
    private ExecutorService thread;

    @BeforeEach
    void start() {
        thread = Executors.newSingleThreadExecutor();
    }

    @AfterEach
    void stop() throws InterruptedException {
        application.close();
        thread.shutdown();
        assertTrue(thread.awaitTermination(30, TimeUnit.SECONDS));
    }

    @Test
    void aListenerRunsInsideItsProducersTrace() {
        application.listen(topic, record -> telemetry.mark("charge card"));
        Span order = telemetry.inSpan("order", () -> application.template.send(topic, "7", "one"));

        SpanData handled = telemetry.span("charge card");
        SpanData process = telemetry.span("process " + topic);
        SpanData send = telemetry.span("send " + topic);
        assertEquals(order.getSpanContext().getTraceId(), handled.getTraceId());
        assertEquals(process.getSpanId(), handled.getParentSpanId());
        assertEquals(send.getSpanId(), process.getParentSpanId());
        assertEquals(order.getSpanContext().getSpanId(), send.getParentSpanId());
        assertEquals(SpanKind.CONSUMER, process.getKind());
        assertEquals(SpanKind.PRODUCER, send.getKind());
        assertEquals("0", process.getAttributes().get(Semconv.PARTITION));
        assertEquals(0L, process.getAttributes().get(Semconv.OFFSET));
        assertEquals("7", process.getAttributes().get(Semconv.KEY));
        assertEquals("kafka", process.getAttributes().get(Semconv.SYSTEM));
        assertEquals(topic, process.getAttributes().get(Semconv.DESTINATION));
        assertTrue(process.getAttributes().get(Semconv.GROUP).startsWith("group-"));
        telemetry.allEnded();
    }

    @Test
    void eachRecordHasItsOwnProducersTrace() {
        application.listen(topic, record -> telemetry.mark("charge " + record.value()));
        Span one = telemetry.inSpan("order", () -> application.template.send(topic, "one"));
        Span two = telemetry.inSpan("order", () -> application.template.send(topic, "two"));

        assertEquals(one.getSpanContext().getTraceId(), telemetry.span("charge one").getTraceId());
        assertEquals(two.getSpanContext().getTraceId(), telemetry.span("charge two").getTraceId());
    }

    @Test
    void aListenerThatFailsLeavesAnErrorAndNothingOnItsThread() throws Exception {
        BlockingQueue<Context> left = new LinkedBlockingQueue<>();
        application.listen(
                topic,
                record -> {
                    throw new IllegalStateException("card declined");
                },
                container -> {
                    container.setCommonErrorHandler(
                            new DefaultErrorHandler((record, error) -> {}, new FixedBackOff(0, 0)));
                    container
                            .getContainerProperties()
                            .setListenerTaskExecutor(new TaskExecutorAdapter(thread));
                });
        application.template.send(topic, "one").join();

        SpanData process = telemetry.span("process " + topic);
        assertEquals(StatusCode.ERROR, process.getStatus().getStatusCode());
        assertEquals("card declined", process.getStatus().getDescription());
        assertEquals(
                "java.lang.IllegalStateException", process.getAttributes().get(Semconv.ERROR_TYPE));
        assertEquals("exception", process.getEvents().get(0).getName());
        application.stop();
        thread.execute(() -> left.add(Context.current()));
        assertSame(Context.root(), left.poll(30, TimeUnit.SECONDS));
        telemetry.allEnded();
    }

    @Test
    void theScopeIsOpenFromInterceptToAfterRecordWithTheRecovererInIt() {
        List<String> calls = new CopyOnWriteArrayList<>();
        Runnable look =
                () -> calls.add(Span.current().getSpanContext().isValid() ? "inside" : "outside");
        RecordInterceptor<String, String> own =
                new RecordInterceptor<>() {
                    @Override
                    public ConsumerRecord<String, String> intercept(
                            ConsumerRecord<String, String> record,
                            Consumer<String, String> consumer) {
                        calls.add("intercept");
                        look.run();
                        return record;
                    }

                    @Override
                    public void failure(
                            ConsumerRecord<String, String> record,
                            Exception error,
                            Consumer<String, String> consumer) {
                        calls.add("failure");
                        look.run();
                    }

                    @Override
                    public void afterRecord(
                            ConsumerRecord<String, String> record,
                            Consumer<String, String> consumer) {
                        calls.add("afterRecord");
                        look.run();
                    }
                };
        application.listen(
                topic,
                record -> {
                    calls.add("listener");
                    look.run();
                    throw new IllegalStateException("card declined");
                },
                container -> {
                    container.setRecordInterceptor(application.throughline.recordInterceptor(own));
                    container.setCommonErrorHandler(
                            new DefaultErrorHandler(
                                    (record, error) -> {
                                        calls.add("recoverer");
                                        look.run();
                                    },
                                    new FixedBackOff(0, 0)));
                });
        application.template.send(topic, "one").join();

        telemetry.span("process " + topic);
        application.stop();
        assertEquals(
                List.of(
                        "intercept",
                        "inside",
                        "listener",
                        "inside",
                        "failure",
                        "inside",
                        "recoverer",
                        "inside",
                        "afterRecord",
                        "inside"),
                calls);
    }

    @Test
    void aFailedAttemptsSpanHasEndedWhenTheErrorHandlerRunsAndItsContextIsStillActive()
            throws Exception {
        BlockingQueue<Span> active = new LinkedBlockingQueue<>();
        BlockingQueue<Boolean> recording = new LinkedBlockingQueue<>();
        application.listen(
                topic,
                record -> {
                    throw new IllegalStateException("card declined");
                },
                container ->
                        container.setCommonErrorHandler(
                                new DefaultErrorHandler(
                                        (record, error) -> {
                                            active.add(Span.current());
                                            recording.add(Span.current().isRecording());
                                        },
                                        new FixedBackOff(0, 0))));
        application.template.send(topic, "one").join();

        assertEquals(false, recording.poll(30, TimeUnit.SECONDS));
        assertEquals(
                telemetry.span("process " + topic).getSpanContext(),
                active.remove().getSpanContext());
    }

    @Test
    void attemptsOfBlockingRetriesAreSiblings() {
        application.listen(
                topic,
                record -> {
                    throw new IllegalStateException("card declined");
                },
                container ->
                        container.setCommonErrorHandler(
                                new DefaultErrorHandler(
                                        (record, error) -> {}, new FixedBackOff(0, 2))));
        application.template.send(topic, "one").join();

        String send = telemetry.span("send " + topic).getSpanId();
        for (SpanData attempt : telemetry.spans("process " + topic, 3)) {
            assertEquals(send, attempt.getParentSpanId());
        }
    }

    @Test
    void anErrorThatStopsTheContainerLeavesNoSpanOpenAndNothingOnTheThread() throws Exception {
        BlockingQueue<Context> left = new LinkedBlockingQueue<>();
        application.listen(
                topic,
                record -> {
                    throw new StackOverflowError("from the listener");
                },
                container ->
                        container
                                .getContainerProperties()
                                .setListenerTaskExecutor(new TaskExecutorAdapter(thread)));
        application.template.send(topic, "one").join();

        SpanData process = telemetry.span("process " + topic);
        assertEquals(StatusCode.ERROR, process.getStatus().getStatusCode());
        assertEquals("handling was broken off", process.getStatus().getDescription());
        assertEquals("_OTHER", process.getAttributes().get(Semconv.ERROR_TYPE));
        thread.execute(() -> left.add(Context.current()));
        assertSame(Context.root(), left.poll(30, TimeUnit.SECONDS));
        telemetry.allEnded();
    }

    @Test
    void aScopeThatAListenerLeavesOpenDoesNotReachTheNextRecord() throws Exception {
        BlockingQueue<Context> left = new LinkedBlockingQueue<>();
        application.listen(
                topic,
                record -> {
                    if (record.value().equals("leaks")) {
                        telemetry.tracer.spanBuilder("leaked").startSpan().makeCurrent();
                    } else {
                        telemetry.mark("charge card");
                    }
                },
                container ->
                        container
                                .getContainerProperties()
                                .setListenerTaskExecutor(new TaskExecutorAdapter(thread)));
        application.template.send(topic, "leaks").join();
        Span order = telemetry.inSpan("order", () -> application.template.send(topic, "two"));

        assertEquals(
                order.getSpanContext().getTraceId(), telemetry.span("charge card").getTraceId());
        telemetry.spans("process " + topic, 2);
        application.stop();
        thread.execute(() -> left.add(Context.current()));
        assertSame(Context.root(), left.poll(30, TimeUnit.SECONDS));
    }

    @Test
    void aRecordThatItsInterceptorSkipsHasItsSpanAndIsNotListenedTo() {
        List<String> listened = new CopyOnWriteArrayList<>();
        RecordInterceptor<String, String> skips =
                (record, consumer) -> record.value().equals("skip") ? null : record;
        application.listen(
                topic,
                record -> listened.add(record.value()),
                container ->
                        container.setRecordInterceptor(
                                application.throughline.recordInterceptor(skips)));
        application.template.send(topic, "skip").join();
        application.template.send(topic, "two").join();

        telemetry.spans("process " + topic, 2);
        assertEquals(List.of("two"), listened);
        telemetry.allEnded();
    }

    @Test
    void twoOfOursInACompositeMakeOneSpan() {
        application.listen(
                topic,
                record -> telemetry.mark("charge card"),
                container ->
                        container.setRecordInterceptor(
                                new CompositeRecordInterceptor<>(
                                        application.throughline.recordInterceptor(),
                                        application.throughline.recordInterceptor())));
        application.template.send(topic, "one").join();
        application.template.send(topic, "two").join();

        telemetry.spans("charge card", 2);
        telemetry.spans("process " + topic, 2);
        telemetry.allEnded();
    }

    @Test
    void aRecordWithoutContextStartsATraceAndIsCountedAsMissing() {
        application.listen(topic, record -> {});
        Broker.publish(Broker.record(topic, "one"));

        SpanData process = telemetry.span("process " + topic);
        assertEquals(SpanId.getInvalid(), process.getParentSpanId());
        assertEquals(List.of("missing"), Outcomes.of(telemetry));
    }

    @Test
    void withoutAPropagatorRecordsCountAsUnreadAndItIsSaidOnce() {
        Telemetry without = new Telemetry(TextMapPropagator.noop(), Sampler.alwaysOn());
        try (Told told = new Told();
                Application other = new Application(without, Options.defaults())) {
            other.listen(topic, record -> {});
            other.template.send(topic, "one").join();
            other.template.send(topic, "two").join();

            without.spans("process " + topic, 2);
            assertEquals(List.of("unread"), Outcomes.of(without));
            assertEquals(1, told.messages.size(), told.messages.toString());
            assertTrue(told.messages.get(0).contains("no propagator is set"));
        }
    }

    @Test
    void aRecordOfDifferentTracesStartsOneThatLinksToEach() {
        application.listen(topic, record -> {});
        String one = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        String two = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        Broker.publish(Broker.record(topic, "one", "traceparent", one, "Traceparent", two));

        SpanData process = telemetry.span("process " + topic);
        assertEquals(SpanId.getInvalid(), process.getParentSpanId());
        assertNotEquals(one.substring(3, 35), process.getTraceId());
        assertEquals(
                List.of("b7ad6b7169203331", "00f067aa0ba902b7"),
                process.getLinks().stream()
                        .map(link -> link.getSpanContext().getSpanId())
                        .toList());
        assertEquals(2L, process.getAttributes().get(Semconv.DUPLICATES));
        assertEquals(List.of("duplicate"), Outcomes.of(telemetry));
    }

    @Test
    void anIgnoredTopicIsLeftAlone() {
        try (Application other = new Application(Options.defaults().ignore(topic::equals))) {
            other.listen(topic, record -> other.telemetry.mark("charge card"));
            other.template.send(topic, "one").join();

            SpanData handled = other.telemetry.span("charge card");
            assertEquals(SpanId.getInvalid(), handled.getParentSpanId());
            assertNull(Broker.read(topic, 1).get(0).headers().lastHeader("traceparent"));
            assertEquals(1, other.telemetry.count());
        }
    }

    @Test
    void withoutSpansTheContextIsCarriedAllTheSame() {
        try (Application other = new Application(Options.defaults().spans(false))) {
            other.listen(topic, record -> other.telemetry.mark("charge card"));
            Span order = other.telemetry.inSpan("order", () -> other.template.send(topic, "one"));

            SpanData handled = other.telemetry.span("charge card");
            assertEquals(order.getSpanContext().getTraceId(), handled.getTraceId());
            assertEquals(order.getSpanContext().getSpanId(), handled.getParentSpanId());
            assertEquals(2, other.telemetry.count());
        }
    }

    @Test
    void relationLinkStartsATraceThatLinksToTheProducers() {
        Options link = Options.defaults().relation(Options.Relation.LINK);
        try (Application other = new Application(link)) {
            other.listen(topic, record -> {});
            other.template.send(topic, "one").join();

            SpanData process = other.telemetry.span("process " + topic);
            SpanData send = other.telemetry.span("send " + topic);
            assertNotEquals(send.getTraceId(), process.getTraceId());
            assertEquals(SpanId.getInvalid(), process.getParentSpanId());
            assertEquals(send.getSpanId(), process.getLinks().get(0).getSpanContext().getSpanId());
        }
    }
}
