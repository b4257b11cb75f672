package io.throughline.spring.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.LongDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultAfterRollbackProcessor;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.support.serializer.ErrorHandlingDeserializer;
import org.springframework.kafka.transaction.KafkaTransactionManager;
import org.springframework.util.backoff.FixedBackOff;

@RealKafka
class DeadLetterTest {
    private final Application application = new Application();
    private final Telemetry telemetry = application.telemetry;
    private final String topic = Broker.topic("orders");
    private final String letters = Broker.topic("orders-dlt");

    @AfterEach
    void stop() {
        application.close();
    }

    @Test
    void springsOwnDeadLetterContinuesTheAttemptThatFailedAndItsConsumerGoesOn() {
        application.listen(topic, record -> decline(), this::recover);
        application.listen(letters, record -> telemetry.mark("notify support"));
        Span order = telemetry.inSpan("order", () -> application.template.send(topic, "one"));

        SpanData attempt = telemetry.span("process " + topic);
        SpanData send = telemetry.span("send " + letters);
        SpanData notified = telemetry.span("notify support");
        assertEquals(order.getSpanContext().getTraceId(), send.getTraceId());
        assertEquals(attempt.getSpanId(), send.getParentSpanId());
        assertEquals(order.getSpanContext().getTraceId(), notified.getTraceId());
        ConsumerRecord<String, String> letter = Broker.read(letters, 1).get(0);
        assertEquals(1, Broker.header(letter, "traceparent").size());
        DeadLetterOrigin origin = Throughline.deadLetterOf(letter).orElseThrow();
        assertEquals(DeadLetterOrigin.Convention.SPRING_KAFKA, origin.convention());
        assertEquals(topic, origin.destination().orElseThrow());
        assertEquals(0L, origin.offset().orElseThrow());
        assertEquals("java.lang.IllegalStateException", origin.errorType().orElseThrow());
        telemetry.allEnded();
    }

    @Test
    void ourHeadersCanBeAddedToSpringsOwnDeadLetter() {
        application.listen(
                topic,
                record -> decline(),
                container -> {
                    DeadLetterPublishingRecoverer recoverer = recoverer();
                    recoverer.addHeadersFunction(application.throughline::deadLetterHeaders);
                    container.setCommonErrorHandler(
                            new DefaultErrorHandler(recoverer, new FixedBackOff(0, 0)));
                });
        application.template.send(topic, "one").join();

        ConsumerRecord<String, String> letter = Broker.read(letters, 1).get(0);
        DeadLetterOrigin origin = Throughline.deadLetterOf(letter).orElseThrow();
        SpanData attempt = telemetry.span("process " + topic);
        assertEquals(DeadLetterOrigin.Convention.THROUGHLINE, origin.convention());
        assertEquals(topic, origin.destination().orElseThrow());
        assertTrue(origin.group().orElseThrow().startsWith("group-"));
        assertEquals("card declined", origin.errorMessage().orElseThrow());
        assertEquals(attempt.getSpanId(), origin.failed().orElseThrow().split("-")[2]);
        assertEquals(attempt.getSpanId(), telemetry.span("send " + letters).getParentSpanId());
    }

    @Test
    void ourOwnDeadLetterStaysInItsRecordsTraceWhateverIsActiveWhenItIsSent() {
        application.listen(
                topic,
                record -> {
                    ProducerRecord<String, String> letter =
                            application.throughline.deadLetter(
                                    letters, record, new IllegalStateException("card declined"));
                    telemetry.inSpan("another job", () -> application.template.send(letter));
                });
        Span order = telemetry.inSpan("order", () -> application.template.send(topic, "one"));

        SpanData send = telemetry.span("send " + letters);
        SpanData attempt = telemetry.span("process " + topic);
        assertEquals(order.getSpanContext().getTraceId(), send.getTraceId());
        assertEquals(attempt.getSpanId(), send.getParentSpanId());
        ConsumerRecord<String, String> letter = Broker.read(letters, 1).get(0);
        assertEquals(List.of(topic), Broker.header(letter, "dlq.origin.destination"));
        assertEquals(List.of("card declined"), Broker.header(letter, "dlq.error.message"));
        assertEquals(List.of("1"), Broker.header(letter, "dlq.attempts"));
    }

    @Test
    void aReplayToWhereItFailedStartsATraceThatLinksToTheFailedAttempt() {
        application.listen(
                topic,
                record ->
                        application.template.send(
                                application.throughline.deadLetter(
                                        letters, record, new IllegalStateException("declined"))));
        application.template.send(topic, "one").join();
        ConsumerRecord<String, String> letter = Broker.read(letters, 1).get(0);
        SpanData attempt = telemetry.span("process " + topic);
        application.stop();

        application
                .template
                .send(new ProducerRecord<>(topic, null, "k", "again", letter.headers()))
                .join();
        SpanData replay = telemetry.spans("send " + topic, 2).get(1);
        assertNotEquals(attempt.getTraceId(), replay.getTraceId());
        assertFalse(replay.getParentSpanContext().isValid());
        assertEquals(attempt.getSpanId(), replay.getLinks().get(0).getSpanContext().getSpanId());
    }

    @Test
    void aRecordThatCanNotBeDeserializedHasItsSpanAndItsDeadLetterIsInItsTrace() {
        application.start(
                topic,
                (MessageListener<String, String>) record -> {},
                this::recover,
                Map.of(
                        "value.deserializer",
                        ErrorHandlingDeserializer.class,
                        ErrorHandlingDeserializer.VALUE_DESERIALIZER_CLASS,
                        LongDeserializer.class));
        // What the recoverer publishes is the bytes that could not be read.
        DefaultKafkaProducerFactory<String, Object> bytes =
                new DefaultKafkaProducerFactory<>(
                        Map.of(
                                "bootstrap.servers",
                                Broker.ADDRESS,
                                "key.serializer",
                                StringSerializer.class,
                                "value.serializer",
                                ByteArraySerializer.class));
        bytes.addPostProcessor(application.throughline.producerPostProcessor());
        this.other = new KafkaTemplate<>(bytes);
        Span order = telemetry.inSpan("order", () -> application.template.send(topic, "no long"));

        SpanData process = telemetry.span("process " + topic);
        SpanData send = telemetry.span("send " + letters);
        assertEquals(order.getSpanContext().getTraceId(), process.getTraceId());
        assertEquals(process.getSpanId(), send.getParentSpanId());
        assertEquals("no long", Broker.read(letters, 1).get(0).value());
        telemetry.allEnded();
        bytes.destroy();
    }

    @Test
    void aDeadLetterAfterARolledBackTransactionContinuesTheAttempt() {
        DefaultKafkaProducerFactory<String, String> transactional =
                new DefaultKafkaProducerFactory<>(Broker.producerSettings());
        transactional.setTransactionIdPrefix("tx-" + topic);
        transactional.addPostProcessor(application.throughline.producerPostProcessor());
        this.other = new KafkaTemplate<>(transactional);
        application.listen(
                topic,
                record -> decline(),
                container -> {
                    ContainerProperties properties = container.getContainerProperties();
                    properties.setKafkaAwareTransactionManager(
                            new KafkaTransactionManager<>(transactional));
                    container.setAfterRollbackProcessor(
                            new DefaultAfterRollbackProcessor<>(
                                    recoverer(), new FixedBackOff(0, 0), other, true));
                });
        Span order = telemetry.inSpan("order", () -> application.template.send(topic, "one"));

        SpanData send = telemetry.span("send " + letters);
        assertEquals(order.getSpanContext().getTraceId(), send.getTraceId());
        assertEquals(telemetry.span("process " + topic).getSpanId(), send.getParentSpanId());
        telemetry.allEnded();
        application.stop();
        transactional.destroy();
    }

    private KafkaTemplate<?, ?> other;

    private void recover(ConcurrentMessageListenerContainer<String, String> container) {
        container.setCommonErrorHandler(
                new DefaultErrorHandler(recoverer(), new FixedBackOff(0, 0)));
    }

    private DeadLetterPublishingRecoverer recoverer() {
        return new DeadLetterPublishingRecoverer(
                record -> other == null ? application.template : other,
                (record, error) -> new TopicPartition(letters, 0));
    }

    private static void decline() {
        throw new IllegalStateException("card declined");
    }
}
