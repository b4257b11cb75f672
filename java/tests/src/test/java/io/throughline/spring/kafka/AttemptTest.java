package io.throughline.spring.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.propagation.ContextPropagators;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Which attempt a dead letter stands for. No broker needed. */
class AttemptTest {
    private static final String CREATION =
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    private final Telemetry telemetry = new Telemetry();

    @AfterEach
    void close() {
        telemetry.close();
    }

    @Test
    void whereNoSpanIsMadeALetterNamesNoAttemptAndCarriesTheRecordsOwnContext() {
        ContextPropagators w3c = ContextPropagators.create(W3CTraceContextPropagator.getInstance());
        for (Throughline throughline :
                List.of(
                        Throughline.create(telemetry.sdk, Options.defaults().spans(false)),
                        Throughline.create(OpenTelemetry.propagating(w3c)))) {
            ConsumerRecord<String, String> record = record();
            IllegalStateException declined = new IllegalStateException("declined");
            throughline.processRecord(
                    record, () -> assertNoAttempt(throughline.deadLetter("dlq", record, declined)));
            assertThrows(
                    IllegalStateException.class,
                    () ->
                            throughline.processRecord(
                                    record,
                                    () -> {
                                        throw declined;
                                    }));
            assertNoAttempt(throughline.deadLetter("dlq", record, declined));
        }
    }

    @Test
    void theAttemptThatIsUnderWayCountsBeforeOneThatFailedEarlier() {
        Throughline throughline = Throughline.create(telemetry.sdk);
        ConsumerRecord<String, String> record = record();
        IllegalStateException declined = new IllegalStateException("declined");
        String[] spans = new String[2];
        assertThrows(
                IllegalStateException.class,
                () ->
                        throughline.processRecord(
                                record,
                                () -> {
                                    spans[0] = Span.current().getSpanContext().getSpanId();
                                    throw declined;
                                }));
        assertEquals(spans[0], failed(throughline.deadLetter("dlq", record, declined)));
        throughline.processRecord(
                record,
                () -> {
                    spans[1] = Span.current().getSpanContext().getSpanId();
                    assertEquals(spans[1], failed(throughline.deadLetter("dlq", record, declined)));
                });
    }

    @Test
    void aRecordWithoutATimestampHasALetterWithout() {
        Throughline throughline = Throughline.create(telemetry.sdk);
        Headers headers =
                throughline.deadLetter("dlq", record(), new IllegalStateException()).headers();
        assertEquals(null, headers.lastHeader("dlq.origin.timestamp"));
        assertEquals("7", TraceHeaders.text(headers, "dlq.origin.offset"));
    }

    private static void assertNoAttempt(ProducerRecord<String, String> letter) {
        assertEquals(null, letter.headers().lastHeader("dlq.failed"));
        assertEquals(CREATION, TraceHeaders.text(letter.headers(), "traceparent"));
    }

    private static String failed(ProducerRecord<String, String> letter) {
        return TraceHeaders.text(letter.headers(), "dlq.failed").split("-")[2];
    }

    private static ConsumerRecord<String, String> record() {
        ConsumerRecord<String, String> record = new ConsumerRecord<>("orders", 0, 7, "k", "one");
        record.headers().add("traceparent", CREATION.getBytes(UTF_8));
        return record;
    }
}
