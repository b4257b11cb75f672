package io.throughline.spring.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.regex.Pattern;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Primary;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.config.ContainerCustomizer;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.core.ProducerFactory;
import org.springframework.kafka.core.RoutingKafkaTemplate;
import org.springframework.kafka.listener.BatchInterceptor;
import org.springframework.kafka.listener.CompositeRecordInterceptor;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.listener.RecordInterceptor;
import org.springframework.kafka.requestreply.ReplyingKafkaTemplate;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.util.backoff.FixedBackOff;

/** What applications of Spring Boot's set up themselves, on a real Kafka: nothing of it is lost. */
@RealKafka
class ApplicationsTest {
    private final Telemetry telemetry = new Telemetry();
    private final String topic = Broker.topic("orders");
    private BootApplication application;

    @AfterEach
    void stop() {
        if (application != null) application.close();
        telemetry.close();
    }

    @Test
    void listenersOfSeveralContainerFactoriesAreEachTraced() {
        Broker.create(topic + "-second");
        start(SeveralFactories.class);
        String trace = order();
        telemetry
                .inSpan(
                        "second",
                        () -> application.template().send(topic + "-second", "k", "one").join())
                .getSpanContext();
        assertEquals(trace, telemetry.span("charge card").getTraceId());
        assertEquals(
                telemetry.span("second").getTraceId(), telemetry.span("own factory").getTraceId());
        telemetry.span("process " + topic);
        telemetry.span("process " + topic + "-second");
        telemetry.allEnded();
    }

    @Test
    void anInterceptorThatACustomizerSetsRunsInsideTheScope() {
        start(Customized.class);
        String trace = order();
        assertEquals(trace, telemetry.span("charge card").getTraceId());
        assertEquals(trace, telemetry.span("customizer's interceptor").getTraceId());
        telemetry.span("process " + topic);
    }

    @Test
    void everyInterceptorOfACompositeRunsInsideTheScope() {
        start(Composite.class);
        String trace = order();
        assertEquals(trace, telemetry.span("first interceptor").getTraceId());
        assertEquals(trace, telemetry.span("second interceptor").getTraceId());
        assertEquals(trace, telemetry.span("charge card").getTraceId());
        telemetry.spans("process " + topic, 1);
    }

    @Test
    void aBatchInterceptorOfTheUsersOwnSeesItsBatchAndTheBatchHasItsSpan() {
        start(OwnBatchInterceptor.class, "--spring.kafka.listener.type=batch");
        order();
        SpanData batch = telemetry.span("process " + topic);
        assertEquals(1L, batch.getAttributes().get(Semconv.BATCH_COUNT));
        assertEquals(batch.getTraceId(), telemetry.span("charge card").getTraceId());
        telemetry.span("own batch interceptor");
    }

    @Test
    void aContainerThatIsABeanIsTraced() {
        start(ContainerBean.class);
        assertEquals(order(), telemetry.span("charge card").getTraceId());
        telemetry.span("process " + topic);
    }

    @Test
    void aRequestAndItsReplyAreOneTrace() throws Exception {
        Broker.create(topic + "-replies");
        start(Replying.class);
        @SuppressWarnings("unchecked")
        ReplyingKafkaTemplate<String, String, String> replying =
                application.bean(ReplyingKafkaTemplate.class);
        replying.waitForAssignment(Duration.ofSeconds(30));
        List<CompletableFuture<ConsumerRecord<String, String>>> reply = new ArrayList<>();
        Span order =
                telemetry.inSpan(
                        "order",
                        () ->
                                reply.add(
                                        replying.sendAndReceive(
                                                new ProducerRecord<>(topic, "k", "one"))));
        assertEquals("charged one", reply.get(0).get().value());
        SpanData request = telemetry.span("send " + topic);
        SpanData process = telemetry.span("process " + topic);
        SpanData answer = telemetry.span("send " + topic + "-replies");
        assertEquals(order.getSpanContext().getSpanId(), request.getParentSpanId());
        assertEquals(request.getSpanId(), process.getParentSpanId());
        assertEquals(process.getSpanId(), answer.getParentSpanId());
        assertEquals(order.getSpanContext().getTraceId(), answer.getTraceId());
        ConsumerRecord<String, String> record = Broker.read(topic + "-replies", 1).get(0);
        assertEquals(1, Broker.header(record, "traceparent").size());
    }

    @Test
    void aRoutingTemplatesFactoriesAreEachTracedThoughTheyAreNoBeans() {
        Broker.create(topic + "-other");
        start(Routing.class);
        RoutingKafkaTemplate routing = application.bean(RoutingKafkaTemplate.class);
        Span order =
                telemetry.inSpan(
                        "order",
                        () -> {
                            routing.send(topic, "k", "one").join();
                            routing.send(topic + "-other", "k", "two").join();
                        });
        for (String to : List.of(topic, topic + "-other")) {
            assertEquals(
                    order.getSpanContext().getSpanId(),
                    telemetry.span("send " + to).getParentSpanId());
            assertNotNull(Broker.header(Broker.read(to, 1).get(0), "traceparent").get(0));
        }
    }

    @Test
    void aTransactionOfBootsOwnTemplateIsTraced() {
        start(Listening.class, "--spring.kafka.producer.transaction-id-prefix=tx-" + topic);
        Span order =
                telemetry.inSpan(
                        "order",
                        () ->
                                application
                                        .template()
                                        .executeInTransaction(
                                                operations -> operations.send(topic, "k", "one")));
        assertEquals(
                order.getSpanContext().getTraceId(), telemetry.span("charge card").getTraceId());
        assertEquals(
                telemetry.span("send " + topic).getSpanId(),
                telemetry.span("process " + topic).getParentSpanId());
    }

    @Test
    void aDeadLetterWithHeadersOfTheUsersOwnMakingStaysInItsTrace() {
        Broker.create(topic + "-letters");
        start(OwnLetters.class);
        String trace = order();
        SpanData attempt = telemetry.span("process " + topic);
        SpanData letter = telemetry.span("send " + topic + "-letters");
        assertEquals(trace, letter.getTraceId());
        assertEquals(attempt.getSpanId(), letter.getParentSpanId());
        ConsumerRecord<String, String> record = Broker.read(topic + "-letters", 1).get(0);
        assertEquals(1, Broker.header(record, "traceparent").size());
        assertEquals(letter.getSpanId(), Broker.header(record, "traceparent").get(0).split("-")[2]);
        assertEquals(List.of("team-payments"), Broker.header(record, "owner"));
        assertEquals(List.of("declined"), Broker.header(record, "why"));
    }

    private String order() {
        Span order =
                telemetry.inSpan(
                        "order", () -> application.template().send(topic, "k", "one").join());
        return order.getSpanContext().getTraceId();
    }

    private void start(Class<?> configuration, String... settings) {
        application = new BootApplication(configuration, topic, telemetry, settings);
    }

    private static RecordInterceptor<Object, Object> marking(Telemetry telemetry, String name) {
        return (record, consumer) -> {
            telemetry.mark(name);
            return record;
        };
    }

    static class Listening extends BootApplication.Traced {
        @Bean
        Charging charging(Telemetry telemetry) {
            return new Charging(telemetry);
        }
    }

    record Charging(Telemetry telemetry) {
        @KafkaListener(topics = "${topic}")
        void charge(ConsumerRecord<String, String> order) {
            telemetry.mark("charge card");
        }
    }

    static class SeveralFactories extends Listening {
        @Bean
        ConcurrentKafkaListenerContainerFactory<String, String> ownFactory() {
            ConcurrentKafkaListenerContainerFactory<String, String> factory =
                    new ConcurrentKafkaListenerContainerFactory<>();
            factory.setConsumerFactory(
                    new DefaultKafkaConsumerFactory<>(
                            Broker.consumerSettings("own-" + UUID.randomUUID())));
            return factory;
        }

        @Bean
        ConcurrentKafkaListenerContainerFactory<String, String> kafkaListenerContainerFactory() {
            return ownFactory();
        }

        @Bean
        Second second(Telemetry telemetry) {
            return new Second(telemetry);
        }
    }

    record Second(Telemetry telemetry) {
        @KafkaListener(topics = "${topic}-second", containerFactory = "ownFactory")
        void charge(String order) {
            telemetry.mark("own factory");
        }
    }

    static class Customized extends Listening {
        @Bean
        ContainerCustomizer<Object, Object, ConcurrentMessageListenerContainer<Object, Object>>
                customizer(Telemetry telemetry) {
            return container ->
                    container.setRecordInterceptor(marking(telemetry, "customizer's interceptor"));
        }
    }

    static class Composite extends Listening {
        @Bean
        RecordInterceptor<Object, Object> both(Telemetry telemetry) {
            return new CompositeRecordInterceptor<>(
                    marking(telemetry, "first interceptor"),
                    marking(telemetry, "second interceptor"));
        }
    }

    static class OwnBatchInterceptor extends BootApplication.Traced {
        @Bean
        ChargingBatches charging(Telemetry telemetry) {
            return new ChargingBatches(telemetry);
        }

        @Bean
        BatchInterceptor<Object, Object> own(Telemetry telemetry) {
            return new BatchInterceptor<>() {
                @Override
                public ConsumerRecords<Object, Object> intercept(
                        ConsumerRecords<Object, Object> records,
                        Consumer<Object, Object> consumer) {
                    telemetry.mark("own batch interceptor");
                    return records;
                }
            };
        }
    }

    record ChargingBatches(Telemetry telemetry) {
        @KafkaListener(topics = "${topic}")
        void charge(List<String> orders) {
            telemetry.mark("charge card");
        }
    }

    static class ContainerBean extends BootApplication.Traced {
        @Bean
        ConcurrentMessageListenerContainer<String, String> container(
                Telemetry telemetry, @Value("${topic}") String topic) {
            ContainerProperties properties = new ContainerProperties(topic);
            properties.setMessageListener(
                    (MessageListener<String, String>) record -> telemetry.mark("charge card"));
            return new ConcurrentMessageListenerContainer<>(
                    new DefaultKafkaConsumerFactory<>(
                            Broker.consumerSettings("bean-" + UUID.randomUUID())),
                    properties);
        }
    }

    static class Replying extends BootApplication.Traced {
        @Bean
        ReplyingKafkaTemplate<String, String, String> replying(
                ProducerFactory<String, String> producers,
                ConcurrentKafkaListenerContainerFactory<String, String> factory,
                @Value("${topic}") String topic) {
            ConcurrentMessageListenerContainer<String, String> replies =
                    factory.createContainer(topic + "-replies");
            replies.getContainerProperties().setGroupId("replies-" + UUID.randomUUID());
            return new ReplyingKafkaTemplate<>(producers, replies);
        }

        @Bean
        @Primary // Boot answers with the one that there is
        KafkaTemplate<Object, Object> kafkaTemplate(ProducerFactory<Object, Object> producers) {
            return new KafkaTemplate<>(producers);
        }

        @Bean
        Answering answering() {
            return new Answering();
        }
    }

    static class Answering {
        @KafkaListener(topics = "${topic}")
        @SendTo
        String charge(String order) {
            return "charged " + order;
        }
    }

    static class Routing extends BootApplication.Traced {
        @Bean
        RoutingKafkaTemplate routing() {
            Map<Pattern, ProducerFactory<Object, Object>> factories = new LinkedHashMap<>();
            factories.put(Pattern.compile(".*-other"), producers());
            factories.put(Pattern.compile(".*"), producers());
            return new RoutingKafkaTemplate(factories);
        }

        private static ProducerFactory<Object, Object> producers() {
            return new DefaultKafkaProducerFactory<>(Broker.producerSettings());
        }
    }

    static class OwnLetters extends BootApplication.Traced {
        @Bean
        DefaultErrorHandler errorHandler(KafkaTemplate<?, ?> template) {
            DeadLetterPublishingRecoverer recoverer =
                    new DeadLetterPublishingRecoverer(
                            template,
                            (record, error) -> new TopicPartition(record.topic() + "-letters", 0));
            recoverer.setHeadersFunction(
                    (record, error) ->
                            new RecordHeaders().add("owner", "team-payments".getBytes()));
            recoverer.setExceptionHeadersCreator(
                    (headers, error, isKey, names) ->
                            headers.add("why", error.getCause().getMessage().getBytes()));
            return new DefaultErrorHandler(recoverer, new FixedBackOff(0, 0));
        }

        @Bean
        Declining declining() {
            return new Declining();
        }
    }

    static class Declining {
        @KafkaListener(topics = "${topic}")
        void charge(String order) {
            throw new IllegalStateException("declined");
        }
    }
}
