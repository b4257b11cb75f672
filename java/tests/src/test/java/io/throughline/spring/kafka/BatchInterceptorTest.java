package io.throughline.spring.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.listener.BatchListenerFailedException;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.util.backoff.FixedBackOff;

@RealKafka
class BatchInterceptorTest {
    private final Application application = new Application();
    private final Telemetry telemetry = application.telemetry;
    private final String topic = Broker.topic("orders");

    @AfterEach
    void stop() {
        application.close();
    }

    @Test
    void aBatchIsARootThatLinksToItsRecordsAndEachRecordIsInItsProducersTrace() {
        List<Span> orders = sendThree();
        application.listenToBatches(
                topic,
                records -> {
                    for (ConsumerRecord<String, String> record : records) {
                        application.throughline.processRecord(
                                record, () -> telemetry.mark("charge " + record.value()));
                    }
                },
                container -> {});

        List<SpanData> ended = telemetry.spans("process " + topic, 4);
        SpanData batch = ended.get(3);
        assertFalse(batch.getParentSpanContext().isValid());
        assertEquals(3L, batch.getAttributes().get(Semconv.BATCH_COUNT));
        List<String> sends =
                telemetry.spans("send " + topic, 3).stream().map(SpanData::getSpanId).toList();
        assertEquals(sends, linked(batch));
        for (int at = 0; at < 3; at++) {
            SpanData record = ended.get(at);
            assertEquals(orders.get(at).getSpanContext().getTraceId(), record.getTraceId());
            assertEquals(sends.get(at), record.getParentSpanId());
            assertEquals(List.of(batch.getSpanId()), linked(record));
            assertEquals((long) at, record.getAttributes().get(Semconv.OFFSET));
            SpanData charged = telemetry.span("charge " + at);
            assertEquals(record.getSpanId(), charged.getParentSpanId());
        }
        telemetry.allEnded();
    }

    @Test
    void whatABatchsListenerDoesOutsideItsRecordsIsInTheBatchsTraceAndNoRecordsBaggageIsThere() {
        List<Boolean> empty = new CopyOnWriteArrayList<>();
        Broker.publish(
                Broker.record(
                        topic,
                        "0",
                        "traceparent",
                        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                        "baggage",
                        "tenant=acme"));
        application.listenToBatches(
                topic,
                records -> {
                    empty.add(Baggage.current().isEmpty());
                    telemetry.mark("store all");
                    application.throughline.processRecord(
                            records.get(0), () -> empty.add(Baggage.current().isEmpty()));
                },
                container -> {});

        SpanData stored = telemetry.span("store all");
        SpanData batch = telemetry.spans("process " + topic, 2).get(1);
        assertEquals(batch.getSpanId(), stored.getParentSpanId());
        assertEquals(List.of(true, false), empty);
    }

    @Test
    void recordsHandledSideBySideNeverSeeEachOthersContext() {
        List<Span> orders = sendThree();
        ExecutorService pool = Executors.newFixedThreadPool(3);
        application.listenToBatches(
                topic,
                records -> {
                    List<Future<?>> handled = new ArrayList<>();
                    ExecutorService wrapped = Context.taskWrapping(pool);
                    for (ConsumerRecord<String, String> record : records) {
                        Runnable handler = () -> telemetry.mark("charge " + record.value());
                        handled.add(
                                wrapped.submit(
                                        () ->
                                                application.throughline.processRecord(
                                                        record, handler::run)));
                    }
                    for (Future<?> each : handled) await(each);
                },
                container -> {});

        telemetry.spans("process " + topic, 4);
        for (int at = 0; at < 3; at++) {
            assertEquals(
                    orders.get(at).getSpanContext().getTraceId(),
                    telemetry.span("charge " + at).getTraceId());
        }
        pool.shutdown();
    }

    @Test
    void aRecordThatFailsHasItsOwnErrorAndItsDeadLetterContinuesThatAttempt() {
        String letters = Broker.topic("orders-dlt");
        sendThree();
        application.listenToBatches(
                topic,
                records -> {
                    for (ConsumerRecord<String, String> record : records) {
                        try {
                            application.throughline.processRecord(
                                    record,
                                    () -> {
                                        if (record.value().equals("1")) {
                                            throw new IllegalStateException("card declined");
                                        }
                                    });
                        } catch (IllegalStateException failed) {
                            throw new BatchListenerFailedException("one failed", failed, record);
                        }
                    }
                },
                container ->
                        container.setCommonErrorHandler(
                                new DefaultErrorHandler(
                                        new DeadLetterPublishingRecoverer(
                                                application.template,
                                                (record, error) -> new TopicPartition(letters, 0)),
                                        new FixedBackOff(0, 0))));

        SpanData published = telemetry.span("send " + letters);
        SpanData attempt =
                telemetry.spans("process " + topic, 5).stream()
                        .filter(span -> span.getStatus().getStatusCode() == StatusCode.ERROR)
                        .filter(span -> span.getAttributes().get(Semconv.BATCH_COUNT) == null)
                        .findFirst()
                        .orElseThrow();
        assertEquals("card declined", attempt.getStatus().getDescription());
        assertEquals(attempt.getTraceId(), published.getTraceId());
        assertEquals(attempt.getSpanId(), published.getParentSpanId());
        ConsumerRecord<String, String> letter = Broker.read(letters, 1).get(0);
        assertEquals(1, Broker.header(letter, "traceparent").size());
        assertEquals(
                published.getSpanId(), Broker.header(letter, "traceparent").get(0).split("-")[2]);
    }

    @Test
    void aFailedBatchHasAnErrorAndNothingIsLeftOpen() {
        Broker.publish(Broker.record(topic, "0"));
        application.listenToBatches(
                topic,
                records -> {
                    throw new IllegalStateException("no disk");
                },
                container ->
                        container.setCommonErrorHandler(
                                new DefaultErrorHandler(
                                        (record, error) -> {}, new FixedBackOff(0, 1))));

        for (SpanData batch : telemetry.spans("process " + topic, 2)) {
            assertEquals(StatusCode.ERROR, batch.getStatus().getStatusCode());
            assertEquals("no disk", batch.getStatus().getDescription());
        }
        telemetry.allEnded();
    }

    @Test
    void theHandlersOwnValueAndErrorComeBack() throws Exception {
        ConsumerRecord<String, String> record = new ConsumerRecord<>(topic, 0, 0, "k", "v");
        Object value = new Object();
        Exception error = new IOException("checked");
        assertSame(value, application.throughline.callRecord(record, () -> value));
        Exception thrown =
                assertThrows(
                        IOException.class,
                        () ->
                                application.throughline.processRecord(
                                        record,
                                        () -> {
                                            throw error;
                                        }));
        assertSame(error, thrown);
        assertSame(Context.root(), Context.current());
        telemetry.allEnded();
    }

    @Test
    void theRecordThatIsActiveIsNotGivenASecondSpan() {
        ConsumerRecord<String, String> record = new ConsumerRecord<>(topic, 0, 0, "k", "v");
        application.throughline.processRecord(
                record, () -> application.throughline.processRecord(record, () -> {}));
        telemetry.spans("process " + topic, 1);
        telemetry.allEnded();
    }

    @Test
    void aRecordHandledInsideASpanOfAnotherTraceLinksToIt() {
        ConsumerRecord<String, String> record = new ConsumerRecord<>(topic, 0, 0, "k", "v");
        Span job =
                telemetry.inSpan(
                        "job", () -> application.throughline.processRecord(record, () -> {}));
        SpanData process = telemetry.span("process " + topic);
        assertNotEquals(job.getSpanContext().getTraceId(), process.getTraceId());
        assertEquals(List.of(job.getSpanContext().getSpanId()), linked(process));
    }

    private List<Span> sendThree() {
        List<Span> orders = new ArrayList<>();
        for (int at = 0; at < 3; at++) {
            String value = Integer.toString(at);
            orders.add(
                    telemetry.inSpan(
                            "order", () -> application.template.send(topic, value).join()));
        }
        Set<String> traces =
                orders.stream()
                        .map(span -> span.getSpanContext().getTraceId())
                        .collect(Collectors.toSet());
        assertEquals(3, traces.size());
        return orders;
    }

    private static void await(Future<?> future) {
        try {
            future.get();
        } catch (Exception failed) {
            throw new IllegalStateException(failed);
        }
    }

    private static List<String> linked(SpanData span) {
        return span.getLinks().stream().map(link -> link.getSpanContext().getSpanId()).toList();
    }
}
