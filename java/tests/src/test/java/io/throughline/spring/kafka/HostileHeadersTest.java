package io.throughline.spring.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.baggage.BaggageBuilder;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanId;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceId;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.TraceStateBuilder;
import io.opentelemetry.context.Context;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.listener.RecordInterceptor;

/** What a record carries is anybody's; what tracing does with it costs the listener nothing. */
class HostileHeadersTest {
    private static final String[] NAMES = {
        "traceparent",
        "Traceparent",
        "tracestate",
        "baggage",
        "b3",
        "dlq.failed",
        "dlq.origin.destination",
        "kafka_dlt-original-topic",
        "kafka_dlt-original-partition",
        "retry_topic-attempts",
        "retry_topic-backoff-timestamp",
        ""
    };
    private static final String VALID = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    @RepeatedTest(20)
    void anyHeadersAreReadPassedOnAndDeadLetteredWithoutAThrow(RepetitionInfo repetition) {
        Random random = new Random(repetition.getCurrentRepetition());
        StringSerializer text = new StringSerializer();
        try (Telemetry telemetry = new Telemetry();
                MockProducer<String, String> memory = new MockProducer<>(true, null, text, text)) {
            Throughline throughline = Throughline.create(telemetry.sdk);
            Producer<String, String> producer =
                    throughline.<String, String>producerPostProcessor().apply(memory);
            RecordInterceptor<String, String> interceptor = throughline.recordInterceptor();
            for (int at = 0; at < 200; at++) {
                ConsumerRecord<String, String> record = record(random);
                assertSame(record, interceptor.intercept(record, null));
                producer.send(new ProducerRecord<>("next", null, "k", "v", record.headers()));
                producer.send(throughline.deadLetter("dlq", record, new Exception("no")));
                Throughline.deadLetterOf(record);
                interceptor.success(record, null);
                interceptor.afterRecord(record, null);
                assertSame(Context.root(), Context.current());
            }
            for (ProducerRecord<String, String> sent : memory.history()) {
                long own =
                        List.of(sent.headers().toArray()).stream()
                                .filter(header -> header.key().equalsIgnoreCase("traceparent"))
                                .count();
                if (!sent.topic().equals("next")) assertTrue(own <= 1);
                else if (own > 1)
                    assertTrue(sent.headers().lastHeader("retry_topic-attempts") != null);
            }
            telemetry.allEnded();
        }
    }

    @RepeatedTest(5)
    void aMutatedTraceparentIsReadAsTheSpecificationSaysOrNotAtAll(RepetitionInfo repetition) {
        Random random = new Random(repetition.getCurrentRepetition());
        for (int at = 0; at < 5_000; at++) {
            byte[] bytes = VALID.getBytes(StandardCharsets.US_ASCII);
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt(256);
            SpanContext read = Traceparent.parse(bytes);
            String text = new String(bytes, StandardCharsets.ISO_8859_1);
            boolean valid = text.matches("(?!ff)[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}");
            assertEquals(valid, read != null, text);
            if (read != null) assertEquals(text.substring(3, 35), read.getTraceId());
        }
    }

    @RepeatedTest(10)
    void whatIsInjectedIsWhatIsExtractedAgain(RepetitionInfo repetition) {
        Random random = new Random(repetition.getCurrentRepetition());
        try (Telemetry telemetry = new Telemetry()) {
            Throughline throughline = Throughline.create(telemetry.sdk);
            for (int at = 0; at < 500; at++) {
                Context given = Context.root().with(Span.wrap(span(random))).with(baggage(random));
                // On top of whatever else stands there, a foreign context among it.
                Headers headers = throughline.inject(record(random).headers(), given);
                Context read = throughline.contextOf(record(new RecordHeaders(headers)));
                SpanContext out = Span.fromContext(given).getSpanContext();
                SpanContext in = Span.fromContext(read).getSpanContext();
                assertEquals(out.getTraceId(), in.getTraceId());
                assertEquals(out.getSpanId(), in.getSpanId());
                assertEquals(out.getTraceFlags(), in.getTraceFlags());
                assertEquals(out.getTraceState().asMap(), in.getTraceState().asMap());
                assertEquals(Baggage.fromContext(given).asMap(), Baggage.fromContext(read).asMap());
                assertTrue(in.isRemote());
            }
        }
    }

    private static SpanContext span(Random random) {
        TraceStateBuilder state = TraceState.builder();
        for (int count = random.nextInt(5); count > 0; count--) {
            state.put("k" + count + "@v", text(random, "!#$%&'()*+-./:;<>?@[]^_`{|}~ x"));
        }
        return SpanContext.create(
                TraceId.fromLongs(random.nextLong(), random.nextLong() | 1),
                SpanId.fromLong(random.nextLong() | 1),
                random.nextBoolean() ? TraceFlags.getSampled() : TraceFlags.getDefault(),
                state.build());
    }

    private static Baggage baggage(Random random) {
        BaggageBuilder baggage = Baggage.builder();
        for (int count = random.nextInt(5); count > 0; count--) {
            baggage.put("k" + count, text(random, "ab ,;=%\"\\\u00e9\u20ac\ud83d\ude00"));
        }
        return baggage.build();
    }

    /** Up to 20 characters of these, that neither begins nor ends with a blank. */
    private static String text(Random random, String of) {
        int[] points = of.codePoints().toArray();
        StringBuilder text = new StringBuilder("a");
        for (int count = random.nextInt(19); count > 0; count--) {
            text.appendCodePoint(points[random.nextInt(points.length)]);
        }
        return text.append('z').toString();
    }

    @Test
    void hostileListsTakeABoundedTime() {
        String tracestate = "a=1,".repeat(1_000_000);
        String baggage = "k=v;p,".repeat(1_000_000);
        RecordHeaders headers = new RecordHeaders();
        for (int at = 0; at < 1_000; at++) headers.add("traceparent", VALID.getBytes());
        headers.add("tracestate", tracestate.getBytes());
        headers.add("baggage", baggage.getBytes());
        try (Telemetry telemetry = new Telemetry()) {
            Throughline throughline = Throughline.create(telemetry.sdk);
            long began = System.nanoTime();
            for (int at = 0; at < 100; at++) throughline.contextOf(record(headers));
            assertTrue(System.nanoTime() - began < 10_000_000_000L);
        }
    }

    private static ConsumerRecord<String, String> record(Random random) {
        RecordHeaders headers = new RecordHeaders();
        for (int count = random.nextInt(6); count > 0; count--) {
            byte[] value = null;
            switch (random.nextInt(4)) {
                case 0 -> {
                    value = new byte[random.nextInt(70)];
                    random.nextBytes(value);
                }
                case 1 -> value = VALID.getBytes();
                case 2 -> value = new byte[] {0, 0, 0, (byte) random.nextInt()};
                default -> {}
            }
            headers.add(NAMES[random.nextInt(NAMES.length)], value);
        }
        return record(headers);
    }

    private static ConsumerRecord<String, String> record(RecordHeaders headers) {
        return new ConsumerRecord<>(
                "orders",
                0,
                0,
                0,
                TimestampType.CREATE_TIME,
                1,
                1,
                "k",
                "v",
                headers,
                Optional.empty());
    }
}
