package io.throughline.spring.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapPropagator;
import io.opentelemetry.context.propagation.TextMapSetter;
import io.opentelemetry.sdk.metrics.data.LongPointData;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a send makes of what its record carries, to a producer in memory. No broker needed. */
class SendingTest {
    private static final String SPAN = "00f067aa0ba902b7";
    private static final String CARRIED = "00-4bf92f3577b34da6a3ce929d0e0e4736-" + SPAN + "-01";

    private final Telemetry telemetry = new Telemetry();
    private final StringSerializer text = new StringSerializer();
    private final MockProducer<String, String> memory = new MockProducer<>(true, null, text, text);
    private final Producer<String, String> producer = producer(Options.defaults());

    @AfterEach
    void close() {
        telemetry.allEnded();
        telemetry.close();
    }

    @Test
    void aRetryTopicsRecordKeepsItsHeaderAndItsDeadLetterHasANewOneWhicheverCaseItsTopicIsIn() {
        for (String topic : List.of("orders-retry-0", "orders-DLT", "orders-dlt", "orders.Dlq")) {
            ProducerRecord<String, String> record = carrying(topic);
            record.headers().add("retry_topic-attempts", ByteBuffer.allocate(4).putInt(2).array());
            producer.send(record);
            SpanData send = telemetry.span("send " + topic);
            boolean retry = topic.contains("retry");
            assertEquals(retry ? SpanKind.CLIENT : SpanKind.PRODUCER, send.getKind(), topic);
            assertEquals(retry ? SPAN : send.getSpanId(), sentSpan(), topic);
            assertEquals(SPAN, send.getParentSpanId(), topic);
        }
    }

    @Test
    void carriedKeepKeepsAHeaderButThatOfADeadLetter() {
        Producer<String, String> keeping =
                producer(Options.defaults().carried(Options.Carried.KEEP));
        keeping.send(carrying("orders"));
        assertEquals(SPAN, sentSpan());
        ProducerRecord<String, String> letter = carrying("letters");
        letter.headers().add("dlq.origin.destination", "orders".getBytes(UTF_8));
        keeping.send(letter);
        assertEquals(telemetry.span("send letters").getSpanId(), sentSpan());
    }

    @Test
    void aHeaderStaysWhereThePropagatorHasNothingToPutInItsPlace() {
        TextMapPropagator reading =
                new TextMapPropagator() {
                    @Override
                    public Collection<String> fields() {
                        return List.of("own");
                    }

                    @Override
                    public <C> void inject(Context context, C carrier, TextMapSetter<C> setter) {}

                    @Override
                    public <C> Context extract(
                            Context context, C carrier, TextMapGetter<C> getter) {
                        return context.with(Span.wrap(Traceparent.parse(CARRIED.getBytes(UTF_8))));
                    }
                };
        try (Telemetry own = new Telemetry(reading, Sampler.alwaysOn())) {
            ProducerRecord<String, String> record = new ProducerRecord<>("orders", "k", "v");
            record.headers().add("own", "opaque".getBytes(UTF_8));
            producer(own, Options.defaults()).send(record);
            assertSame(record, memory.history().get(0));
            own.span("send orders");
        }
    }

    @Test
    void aCallbackHearsOfTheSameErrorAndTheSendIsCountedOnce() {
        AtomicReference<Exception> heard = new AtomicReference<>();
        RuntimeException refused = new IllegalStateException("no leader");
        try (MockProducer<String, String> slow = new MockProducer<>(false, null, text, text)) {
            Throughline.create(telemetry.sdk)
                    .<String, String>producerPostProcessor()
                    .apply(slow)
                    .send(
                            new ProducerRecord<>("orders", "k", "v"),
                            (metadata, error) -> heard.set(error));
            assertTrue(slow.errorNext(refused));
        }
        assertSame(refused, heard.get());
        assertEquals(StatusCode.ERROR, telemetry.span("send orders").getStatus().getStatusCode());
        assertEquals(1, sentMessages());
    }

    @Test
    void aProducerThatAnswersAndThrowsHasSentOnce() {
        IllegalStateException thrown = new IllegalStateException("closed");
        InvocationHandler both =
                (proxy, method, arguments) -> {
                    ((Callback) arguments[1]).onCompletion(null, thrown);
                    throw thrown;
                };
        @SuppressWarnings("unchecked")
        Producer<String, String> inner =
                (Producer<String, String>)
                        Proxy.newProxyInstance(
                                Producer.class.getClassLoader(),
                                new Class<?>[] {Producer.class},
                                both);
        Producer<String, String> traced =
                Throughline.create(telemetry.sdk)
                        .<String, String>producerPostProcessor()
                        .apply(inner);
        ProducerRecord<String, String> record = new ProducerRecord<>("orders", "k", "v");
        assertSame(
                thrown, assertThrows(IllegalStateException.class, () -> traced.send(record, null)));
        telemetry.span("send orders");
        assertEquals(1, sentMessages());
    }

    @Test
    void aSendThatThrowsEndsItsSpanWithTheError() {
        IllegalStateException closed = new IllegalStateException("closed");
        memory.sendException = closed;
        ProducerRecord<String, String> record = new ProducerRecord<>("orders", "k", "v");
        assertSame(closed, assertThrows(IllegalStateException.class, () -> producer.send(record)));
        assertEquals("closed", telemetry.span("send orders").getStatus().getDescription());
        assertEquals(1, sentMessages());
    }

    @Test
    void whatTheProducersOtherMethodsThrowIsTheSame() {
        memory.close();
        assertThrows(IllegalStateException.class, producer::flush);
    }

    @Test
    void aTracedProducerIsEqualToItselfAndToNoOther() {
        assertEquals(producer, producer);
        assertNotEquals(producer, producer(Options.defaults()));
    }

    private long sentMessages() {
        return telemetry.metrics.collectAllMetrics().stream()
                .filter(metric -> metric.getName().equals("messaging.client.sent.messages"))
                .flatMap(metric -> metric.getLongSumData().getPoints().stream())
                .mapToLong(LongPointData::getValue)
                .sum();
    }

    private Producer<String, String> producer(Options options) {
        return producer(telemetry, options);
    }

    private Producer<String, String> producer(Telemetry telemetry, Options options) {
        return Throughline.create(telemetry.sdk, options)
                .<String, String>producerPostProcessor()
                .apply(memory);
    }

    private static ProducerRecord<String, String> carrying(String topic) {
        ProducerRecord<String, String> record = new ProducerRecord<>(topic, "k", "v");
        record.headers().add("traceparent", CARRIED.getBytes(UTF_8));
        return record;
    }

    /** The span that the header of the last record that was sent names. */
    private String sentSpan() {
        List<ProducerRecord<String, String>> sent = memory.history();
        byte[] header = sent.get(sent.size() - 1).headers().lastHeader("traceparent").value();
        return new String(header, UTF_8).split("-")[2];
    }
}
