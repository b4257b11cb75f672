package io.throughline.spring.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Scope;
import io.opentelemetry.extension.trace.propagation.B3Propagator;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.SerializationException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.Serializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.KafkaException;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;

@RealKafka
class ProducerTest {
    private static final String ONE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    private static final String TWO = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    private final Application application = new Application();
    private final Telemetry telemetry = application.telemetry;
    private final String topic = Broker.topic("orders");

    @AfterEach
    void stop() {
        application.close();
    }

    @Test
    void aRecordCarriesItsSendsSpanAndTheBrokersAnswerIsOnIt() {
        Span order = telemetry.inSpan("order", () -> application.template.send(topic, "7", "one"));
        SpanData send = telemetry.span("send " + topic);
        ConsumerRecord<String, String> record = Broker.read(topic, 1).get(0);
        assertEquals(
                List.of("00-" + send.getTraceId() + "-" + send.getSpanId() + "-01"),
                Broker.header(record, "traceparent"));
        assertEquals(order.getSpanContext().getSpanId(), send.getParentSpanId());
        assertEquals(SpanKind.PRODUCER, send.getKind());
        assertEquals(0L, send.getAttributes().get(Semconv.OFFSET));
        assertEquals("0", send.getAttributes().get(Semconv.PARTITION));
        assertEquals("7", send.getAttributes().get(Semconv.KEY));
    }

    @Test
    void aTraceparentIsReplacedInEveryLetterCaseAndNeverAddedTo() {
        ProducerRecord<String, String> given =
                Broker.record(
                        topic,
                        "one",
                        "traceparent",
                        ONE,
                        "x",
                        "1",
                        "TraceParent",
                        ONE,
                        "TRACESTATE",
                        "old=1",
                        "Baggage",
                        "old=1");
        application.template.send(given).join();

        ConsumerRecord<String, String> record = Broker.read(topic, 1).get(0);
        assertEquals(
                List.of("x", "tracestate", "baggage"), names(record, "traceparent")); // lower case
        assertEquals(1, Broker.header(record, "traceparent").size());
        assertTrue(Broker.header(record, "traceparent").get(0).startsWith(ONE.substring(0, 36)));
    }

    @Test
    void theApplicationsRecordAndItsHeadersAreNotWrittenTo() {
        ProducerRecord<String, String> given =
                Broker.record(topic, "one", "traceparent", ONE, "x", "1");
        Header[] before = given.headers().toArray();
        ProducerRecord<String, String> sent =
                application.template.send(given).join().getProducerRecord();
        assertSame(given, sent);
        assertEquals(List.of(before), List.of(given.headers().toArray()));
        given.headers().add("still", "writable".getBytes(UTF_8));
        application.template.send(given).join();
        assertEquals(1, Broker.header(Broker.read(topic, 2).get(1), "traceparent").size());
    }

    @Test
    void aConsumedRecordsHeadersCanBePassedOnAsTheyAre() {
        String next = Broker.topic("payments");
        application.listen(
                topic,
                record ->
                        application.template.send(
                                new ProducerRecord<>(
                                        next, null, record.key(), "paid", record.headers())));
        application.template.send(topic, "one").join();

        ConsumerRecord<String, String> forwarded = Broker.read(next, 1).get(0);
        SpanData send = telemetry.span("send " + next);
        assertEquals(1, Broker.header(forwarded, "traceparent").size());
        assertEquals(
                send.getSpanId(), Broker.header(forwarded, "traceparent").get(0).split("-")[2]);
        assertEquals(telemetry.span("process " + topic).getSpanId(), send.getParentSpanId());
    }

    @Test
    void aCarriedContextOfAnotherTraceIsTheParentAndTheActiveSpanALink() {
        Span order =
                telemetry.inSpan(
                        "order",
                        () ->
                                application.template.send(
                                        Broker.record(topic, "one", "traceparent", TWO)));
        SpanData send = telemetry.span("send " + topic);
        assertEquals(TWO.split("-")[1], send.getTraceId());
        assertEquals(TWO.split("-")[2], send.getParentSpanId());
        assertEquals(
                order.getSpanContext().getSpanId(),
                send.getLinks().get(0).getSpanContext().getSpanId());
    }

    @Test
    void carriedKeepLeavesTheHeaderByteForByteAndLinksToIt() {
        Options keep = Options.defaults().carried(Options.Carried.KEEP);
        try (Application other = new Application(keep)) {
            other.template.send(Broker.record(topic, "one", "traceparent", TWO)).join();
            SpanData send = other.telemetry.span("send " + topic);
            assertEquals(List.of(TWO), Broker.header(Broker.read(topic, 1).get(0), "traceparent"));
            assertEquals(SpanKind.CLIENT, send.getKind());
            assertEquals(TWO.split("-")[2], send.getLinks().get(0).getSpanContext().getSpanId());
            assertNotEquals(TWO.split("-")[1], send.getTraceId());
        }
    }

    @Test
    void baggageGoesAlongAndTheActiveOneWins() {
        Baggage active = Baggage.builder().put("tenant", "acme").build();
        try (Scope scope = active.makeCurrent()) {
            application
                    .template
                    .send(Broker.record(topic, "one", "traceparent", TWO, "baggage", "old=1"))
                    .join();
        }
        assertEquals(
                List.of("tenant=acme"), Broker.header(Broker.read(topic, 1).get(0), "baggage"));
    }

    @Test
    void aSendThatThrowsThrowsTheSameAndItsSpanSaysSo() {
        SerializationException error = new SerializationException("no such schema");
        Serializer<String> fails =
                (name, data) -> {
                    throw error;
                };
        DefaultKafkaProducerFactory<String, String> factory =
                new DefaultKafkaProducerFactory<>(Broker.producerSettings(), fails, fails);
        factory.addPostProcessor(application.throughline.producerPostProcessor());
        KafkaTemplate<String, String> template = new KafkaTemplate<>(factory);
        assertThrows(SerializationException.class, () -> template.send(topic, "k", "one"));

        SpanData send = telemetry.span("send " + topic);
        assertEquals(StatusCode.ERROR, send.getStatus().getStatusCode());
        assertEquals(
                SerializationException.class.getName(),
                send.getAttributes().get(Semconv.ERROR_TYPE));
        telemetry.allEnded();
        factory.destroy();
    }

    @Test
    void aSendThatTheBrokerRefusesFailsItsFutureAndItsSpan() {
        String huge = "x".repeat(2_000_000);
        assertThrows(KafkaException.class, () -> application.template.send(topic, huge).join());
        assertEquals(
                "org.apache.kafka.common.errors.RecordTooLargeException",
                telemetry.span("send " + topic).getAttributes().get(Semconv.ERROR_TYPE));
        telemetry.allEnded();
    }

    @Test
    void aProducerByItselfWorksWithAndWithoutCallback() throws Exception {
        DefaultKafkaProducerFactory<String, String> factory =
                new DefaultKafkaProducerFactory<>(Broker.producerSettings());
        factory.addPostProcessor(application.throughline.producerPostProcessor());
        factory.addPostProcessor(application.throughline.producerPostProcessor());
        try (Producer<String, String> producer = factory.createProducer()) {
            assertEquals(0, producer.send(new ProducerRecord<>(topic, "one")).get().offset());
            assertEquals(1, producer.partitionsFor(topic).size());
            assertTrue(producer.equals(producer));
            assertFalse(producer.metrics().isEmpty());
        }
        telemetry.spans("send " + topic, 1);
        factory.destroy();
    }

    @Test
    void transactionsWorkAsEver() {
        DefaultKafkaProducerFactory<String, String> factory =
                new DefaultKafkaProducerFactory<>(Broker.producerSettings());
        factory.setTransactionIdPrefix("tx-" + topic);
        factory.addPostProcessor(application.throughline.producerPostProcessor());
        KafkaTemplate<String, String> template = new KafkaTemplate<>(factory);
        template.executeInTransaction(operations -> operations.send(topic, "one"));
        assertEquals(1, Broker.header(Broker.read(topic, 1).get(0), "traceparent").size());
        telemetry.span("send " + topic);
        factory.destroy();
    }

    @Test
    void withoutAnSdkARecordGoesOutAsItIs() {
        DefaultKafkaProducerFactory<String, String> factory =
                new DefaultKafkaProducerFactory<>(Broker.producerSettings());
        factory.addPostProcessor(Throughline.create(OpenTelemetry.noop()).producerPostProcessor());
        new KafkaTemplate<>(factory)
                .send(Broker.record(topic, "one", "traceparent", TWO, "baggage", "a=1"))
                .join();
        ConsumerRecord<String, String> record = Broker.read(topic, 1).get(0);
        assertEquals(List.of(TWO), Broker.header(record, "traceparent"));
        assertEquals(List.of("a=1"), Broker.header(record, "baggage"));
        factory.destroy();
    }

    @Test
    void aPropagatorThatIsNotW3CIsUsedAsItIsConfigured() {
        Telemetry b3 = new Telemetry(B3Propagator.injectingSingleHeader(), Sampler.alwaysOn());
        try (Application other = new Application(b3, Options.defaults())) {
            other.listen(topic, record -> b3.mark("charge card"));
            Span order =
                    b3.inSpan(
                            "order",
                            () ->
                                    other.template.send(
                                            Broker.record(
                                                    topic,
                                                    "one",
                                                    "b3",
                                                    "garbage",
                                                    "traceparent",
                                                    TWO)));
            ConsumerRecord<String, String> record = Broker.read(topic, 1).get(0);
            SpanData send = b3.span("send " + topic);
            assertEquals(order.getSpanContext().getTraceId(), send.getTraceId());
            assertEquals(
                    List.of(send.getTraceId() + "-" + send.getSpanId() + "-1"),
                    Broker.header(record, "b3"));
            assertEquals(List.of(TWO), Broker.header(record, "traceparent"));
            assertEquals(send.getTraceId(), b3.span("charge card").getTraceId());
        }
    }

    @Test
    void anUnsampledTraceStaysOne() {
        Telemetry off = new Telemetry(W3CTraceContextPropagator.getInstance(), Sampler.alwaysOff());
        try (Application other = new Application(off, Options.defaults())) {
            List<Boolean> sampled = new CopyOnWriteArrayList<>();
            CountDownLatch handled = new CountDownLatch(1);
            other.listen(
                    topic,
                    record -> {
                        sampled.add(Span.current().getSpanContext().isSampled());
                        handled.countDown();
                    });
            other.template.send(topic, "one").join();
            assertTrue(
                    Broker.header(Broker.read(topic, 1).get(0), "traceparent")
                            .get(0)
                            .endsWith("-00"));
            assertTrue(await(handled));
            assertEquals(List.of(false), sampled);
        }
    }

    @Test
    void nullsAmongTheHeadersDoNoHarm() {
        ProducerRecord<String, String> given = new ProducerRecord<>(topic, null, null, null);
        given.headers().add("traceparent", null);
        given.headers().add("nothing", null);
        application.template.send(given).join();
        ConsumerRecord<String, String> record = Broker.read(topic, 1).get(0);
        assertNull(record.headers().lastHeader("nothing").value());
        assertEquals(1, Broker.header(record, "traceparent").size());
        assertEquals(true, telemetry.span("send " + topic).getAttributes().get(Semconv.TOMBSTONE));
    }

    private static boolean await(CountDownLatch latch) {
        try {
            return latch.await(30, TimeUnit.SECONDS);
        } catch (InterruptedException interrupted) {
            return false;
        }
    }

    private static List<String> names(ConsumerRecord<?, ?> record, String but) {
        List<String> names = new ArrayList<>();
        record.headers().forEach(header -> names.add(header.key()));
        names.remove(but);
        return names;
    }
}
