package io.throughline.spring.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.ObservableLongMeasurement;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.ContextKey;
import io.opentelemetry.context.Scope;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.listener.BatchInterceptor;
import org.springframework.kafka.listener.RecordInterceptor;
import org.springframework.kafka.support.KafkaUtils;

/**
 * What is kept is bounded, and what is left around a record does not reach it. No broker needed.
 */
class BoundsTest {
    private static final String SAMPLED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    @Test
    void baggageThatIsActiveAroundARecordDoesNotReachIt() {
        try (Telemetry telemetry = new Telemetry();
                Scope around = Baggage.builder().put("left", "over").build().makeCurrent()) {
            RecordInterceptor<String, String> interceptor =
                    Throughline.create(telemetry.sdk).recordInterceptor();
            ConsumerRecord<String, String> record = record(0);
            interceptor.intercept(record, null);
            assertTrue(Baggage.current().isEmpty());
            interceptor.success(record, null);
            interceptor.afterRecord(record, null);
            assertEquals("over", Baggage.current().getEntryValue("left"));
        }
    }

    @Test
    void aSpanHoldsSoMuchOfAKey() {
        assertEquals("k".repeat(256), Semconv.keyText("k".repeat(256)));
        assertEquals("k".repeat(256), Semconv.keyText("k".repeat(257)));
        assertEquals("7", Semconv.keyText(7L));
        assertNull(Semconv.keyText(new byte[] {1}));
    }

    @Test
    void aListThatIsRepeatedIsJoinedNoFurtherThanItIsRead() {
        RecordHeaders headers = new RecordHeaders();
        byte[] value = "a".repeat(BaggageHeader.READ_CHARACTERS).getBytes(UTF_8);
        for (int times = 0; times < 128; times++) headers.add("baggage", value);
        ThreadMXBean thread = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = thread.getCurrentThreadAllocatedBytes();
        TraceHeaders.list(headers, "baggage", BaggageHeader.READ_CHARACTERS);
        long read = thread.getCurrentThreadAllocatedBytes() - before;
        // Once for each value it would be some hundred times as much.
        assertTrue(read < 16L * BaggageHeader.READ_CHARACTERS, read + " bytes");
    }

    @Test
    void nothingThatIsActiveAroundABatchReachesItButTheApplicationsOwnValues() {
        ContextKey<String> mine = ContextKey.named("mine");
        ConsumerRecord<String, String> before = record(0);
        Context around =
                Context.root()
                        .with(mine, "kept")
                        .with(Baggage.builder().put("left", "over").build())
                        .with(ContextKeys.ORIGIN, new ContextKeys.Origin(before, null));
        try (Telemetry telemetry = new Telemetry();
                Scope scope = around.makeCurrent()) {
            BatchInterceptor<String, String> interceptor =
                    Throughline.create(telemetry.sdk, Options.defaults().spans(false))
                            .batchInterceptor();
            telemetry.inSpan(
                    "around",
                    () -> {
                        interceptor.intercept(batch(List.of(before)), null);
                        assertFalse(Span.current().getSpanContext().isValid());
                        assertTrue(Baggage.current().isEmpty());
                        assertNull(ContextKeys.recordOf(Context.current()));
                        assertEquals("kept", Context.current().get(mine));
                        interceptor.success(batch(List.of(before)), null);
                        assertTrue(Span.current().getSpanContext().isValid());
                    });
        }
    }

    @Test
    void aBatchIsARootThoughASpanIsActiveAroundIt() {
        try (Telemetry telemetry = new Telemetry()) {
            BatchInterceptor<String, String> interceptor =
                    Throughline.create(telemetry.sdk).batchInterceptor();
            telemetry.inSpan(
                    "around",
                    () -> {
                        interceptor.intercept(batch(List.of(record(0))), null);
                        interceptor.success(batch(List.of(record(0))), null);
                    });
            assertFalse(telemetry.span("process orders").getParentSpanContext().isValid());
        }
    }

    @Test
    void aRecordsSpanLinksToItsBatchsOnlyWhereThatIsSampled() {
        for (Sampler roots : List.of(Sampler.alwaysOff(), Sampler.alwaysOn())) {
            try (Telemetry telemetry =
                    new Telemetry(
                            W3CTraceContextPropagator.getInstance(), Sampler.parentBased(roots))) {
                Throughline throughline = Throughline.create(telemetry.sdk);
                BatchInterceptor<String, String> interceptor = throughline.batchInterceptor();
                ConsumerRecord<String, String> record = record(0);
                ConsumerRecords<String, String> batch = batch(List.of(record));
                interceptor.intercept(batch, null);
                throughline.processRecord(record, () -> telemetry.mark("charge card"));
                interceptor.success(batch, null);
                SpanData charge = telemetry.span("charge card");
                List<SpanData> spans =
                        telemetry.spans("process orders", roots == Sampler.alwaysOn() ? 2 : 1);
                SpanData process =
                        spans.stream()
                                .filter(span -> span.getSpanId().equals(charge.getParentSpanId()))
                                .findFirst()
                                .orElseThrow();
                assertEquals(spans.size() - 1, process.getLinks().size());
            }
        }
    }

    @Test
    void aRecordOfABatchNamesItsGroupOnAnyThread() throws Exception {
        try (Telemetry telemetry = new Telemetry()) {
            Throughline throughline = Throughline.create(telemetry.sdk);
            BatchInterceptor<String, String> interceptor = throughline.batchInterceptor();
            ConsumerRecord<String, String> record = record(0);
            ConsumerRecords<String, String> batch = batch(List.of(record));
            KafkaUtils.setConsumerGroupId("payments");
            interceptor.intercept(batch, null);
            Thread worker =
                    new Thread(
                            Context.current()
                                    .wrap(() -> throughline.processRecord(record, () -> {})));
            worker.start();
            worker.join();
            interceptor.success(batch, null);
            for (SpanData span : telemetry.spans("process orders", 2)) {
                assertEquals("payments", span.getAttributes().get(Semconv.GROUP));
            }
        } finally {
            KafkaUtils.clearConsumerGroupId();
        }
    }

    @Test
    void ofTwoFailuresTheFirstStays() {
        try (Telemetry telemetry = new Telemetry()) {
            RecordInterceptor<String, String> interceptor =
                    Throughline.create(telemetry.sdk).recordInterceptor();
            ConsumerRecord<String, String> record = record(0);
            interceptor.intercept(record, null);
            interceptor.failure(record, new IllegalStateException("first"), null);
            interceptor.failure(record, new IllegalArgumentException("second"), null);
            interceptor.afterRecord(record, null);
            SpanData process = telemetry.span("process orders");
            assertEquals("first", process.getStatus().getDescription());
            assertEquals(1, process.getEvents().size());
        }
    }

    @Test
    void aBatchLinksTo128AndSaysHowManyMoreThereWere() {
        try (Telemetry telemetry = new Telemetry()) {
            BatchInterceptor<String, String> interceptor =
                    Throughline.create(telemetry.sdk).batchInterceptor();
            List<ConsumerRecord<String, String>> records = new ArrayList<>();
            for (int at = 0; at < 200; at++) records.add(record(at));
            ConsumerRecords<String, String> batch = batch(records);
            interceptor.intercept(batch, null);
            interceptor.success(batch, null);
            SpanData process = telemetry.span("process orders");
            assertEquals(128, process.getLinks().size());
            assertEquals(128, process.getTotalRecordedLinks());
            assertEquals(72L, process.getAttributes().get(Semconv.LINKS_DROPPED));
            assertEquals(200L, process.getAttributes().get(Semconv.BATCH_COUNT));
        }
    }

    @Test
    void ofAHeaderThatIsRepeatedMoreOftenTheLast128AreRead() {
        RecordHeaders headers = new RecordHeaders();
        for (int at = 0; at < 1000; at++) headers.add("traceparent", ("" + at).getBytes(UTF_8));
        List<byte[]> values = TraceHeaders.values(headers, "traceparent");
        assertEquals(128, values.size());
        assertArrayEquals("872".getBytes(UTF_8), values.get(0));
        assertArrayEquals("999".getBytes(UTF_8), values.get(127));
    }

    @Test
    void theOldestFailedAttemptsAreForgotten() {
        FailedAttempts attempts = new FailedAttempts();
        SpanContext attempt =
                SpanContext.create(
                        "4bf92f3577b34da6a3ce929d0e0e4736",
                        "00f067aa0ba902b7",
                        TraceFlags.getSampled(),
                        TraceState.getDefault());
        for (int at = 0; at < 1025; at++) attempts.remember(record(at), attempt);
        assertNull(attempts.of(record(0)));
        assertNotNull(attempts.of(record(1)));
        attempts.remember(record(1), attempt); // again: it is the youngest now
        attempts.remember(record(1025), attempt);
        assertNotNull(attempts.of(record(1)));
        assertNull(attempts.of(record(2)));
    }

    @Test
    void seriesBeyond2000AreCountedTogether() {
        Counts counts = new Counts();
        AttributeKey<String> topic = AttributeKey.stringKey("topic");
        for (int at = 0; at < 2500; at++) {
            counts.of(Attributes.of(topic, "t" + at)).increment();
            counts.of(Attributes.of(topic, "t" + at)).increment();
        }
        Map<Attributes, Long> seen = new HashMap<>();
        counts.observe(
                new ObservableLongMeasurement() {
                    @Override
                    public void record(long value) {
                        throw new AssertionError("without attributes");
                    }

                    @Override
                    public void record(long value, Attributes attributes) {
                        seen.put(attributes, value);
                    }
                });
        assertEquals(2001, seen.size());
        assertEquals(2L, seen.get(Attributes.of(topic, "t0")));
        assertEquals(
                1000L,
                seen.get(Attributes.of(AttributeKey.booleanKey("otel.metric.overflow"), true)));
    }

    @Test
    void placesBeyond2000AreNotKept() {
        Tracing tracing = new Tracing(OpenTelemetry::noop, Options.defaults());
        for (int topic = 0; topic < 2000; topic++) tracing.delivering("topic " + topic, 0, "group");
        assertSame(tracing.source("topic 7", 0, "group"), tracing.source("topic 7", 0, "group"));
        assertTrue(tracing.delivers("topic 1999"));
        assertNotSame(tracing.source("beyond", 0, "group"), tracing.source("beyond", 0, "group"));
        tracing.delivering("beyond", 0, "group");
        assertFalse(tracing.delivers("beyond"));
    }

    @Test
    void anOpenTelemetryThatIsAskedForTwiceAtATimeIsSetUpOnce() {
        List<Carrying> made = new ArrayList<>();
        AtomicReference<Tracing> tracing = new AtomicReference<>();
        AtomicBoolean asked = new AtomicBoolean();
        tracing.set(
                new Tracing(
                        () -> {
                            if (!asked.getAndSet(true)) made.add(tracing.get().carrying());
                            return OpenTelemetry.noop();
                        },
                        Options.defaults()));
        made.add(tracing.get().carrying());
        made.add(tracing.get().carrying());
        assertSame(made.get(0), made.get(1));
        assertSame(made.get(0), made.get(2));
    }

    @Test
    void anErrorOfTheVirtualMachineIsNoFaultOfTracing() {
        OutOfMemoryError fatal = new OutOfMemoryError("none left");
        assertSame(
                fatal, assertThrows(OutOfMemoryError.class, () -> Faults.fault("opening", fatal)));
    }

    @Test
    void anErrorsMessageIsCutToAKibibyteAndNeverInsideACharacter() {
        String message = "x" + "é".repeat(600);
        ProducerRecord<String, String> letter =
                Throughline.create(OpenTelemetry.noop())
                        .deadLetter("letters", record(0), new Exception(message));
        byte[] told = letter.headers().lastHeader("dlq.error.message").value();
        assertEquals("x" + "é".repeat(511), new String(told, UTF_8));
    }

    @Test
    void aNumberOfADeadLetterThatIsNoneIsLeftOut() {
        ConsumerRecord<String, String> letter = record(0);
        letter.headers().add("dlq.origin.offset", "9".repeat(30).getBytes(UTF_8));
        letter.headers().add("dlq.origin.partition", "4294967296".getBytes(UTF_8));
        DeadLetterOrigin origin = Throughline.deadLetterOf(letter).orElseThrow();
        assertTrue(origin.offset().isEmpty());
        assertTrue(origin.partition().isEmpty());
    }

    @Test
    void eachErrorIsMeasuredByItsOwnType() {
        Source source =
                new Source(
                        "orders",
                        0,
                        "payments",
                        new Tracing.Counters(new Counts(), new Counts(), new Counts()));
        for (String type : List.of("one", "other", "other", "one")) {
            assertEquals(type, source.measured(type).get(Semconv.ERROR_TYPE));
        }
        assertNull(source.measured(null).get(Semconv.ERROR_TYPE));
    }

    private static ConsumerRecord<String, String> record(long offset) {
        ConsumerRecord<String, String> record = new ConsumerRecord<>("orders", 0, offset, "k", "v");
        record.headers().add("traceparent", SAMPLED.getBytes(UTF_8));
        return record;
    }

    @SuppressWarnings({"deprecation", "unchecked"}) // the newer is not in spring-kafka 3.3's client
    private static ConsumerRecords<String, String> batch(
            List<ConsumerRecord<String, String>> records) {
        return new ConsumerRecords<>(Map.of(new TopicPartition("orders", 0), records));
    }
}
