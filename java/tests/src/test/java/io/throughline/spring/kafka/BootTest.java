package io.throughline.spring.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.micrometer.observation.ObservationRegistry;
import io.micrometer.tracing.Tracer;
import io.micrometer.tracing.handler.DefaultTracingObservationHandler;
import io.micrometer.tracing.handler.PropagatingReceiverTracingObservationHandler;
import io.micrometer.tracing.handler.PropagatingSenderTracingObservationHandler;
import io.micrometer.tracing.otel.bridge.OtelCurrentTraceContext;
import io.micrometer.tracing.otel.bridge.OtelPropagator;
import io.micrometer.tracing.otel.bridge.OtelTracer;
import io.micrometer.tracing.propagation.Propagator;
import io.opentelemetry.api.GlobalOpenTelemetry;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.throughline.spring.kafka.boot.ThroughlineProperties;
import java.io.InputStream;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.UUID;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.beans.DirectFieldAccessor;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.config.ContainerCustomizer;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.core.ProducerFactory;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.listener.RecordInterceptor;

/** An application of Spring Boot's: adding the jar is enough, also beside what else is there. */
@RealKafka
class BootTest {
    private final Telemetry telemetry = new Telemetry();
    private final String topic = Broker.topic("orders");
    private BootApplication application;

    @AfterEach
    void stop() {
        if (application != null) application.close();
        telemetry.close();
    }

    @Test
    void theJarIsEnough() {
        start(Listening.class);
        assertEquals(order(), telemetry.span("charge card").getTraceId());
        assertEquals(
                telemetry.span("send " + topic).getSpanId(),
                telemetry.span("process " + topic).getParentSpanId());
        telemetry.allEnded();
    }

    @Test
    void anInterceptorOfTheUsersOwnRunsInsideTheScope() {
        start(OwnInterceptor.class);
        String trace = order();
        assertEquals(trace, telemetry.span("charge card").getTraceId());
        assertEquals(trace, telemetry.span("own interceptor").getTraceId());
        telemetry.span("process " + topic);
        // Spring Boot would have taken neither of two beans.
        assertEquals(1, application.beans(RecordInterceptor.class));
    }

    @Test
    void aTemplateWithAFactoryThatIsNoBeanIsTracedToo() {
        start(OwnTemplate.class);
        assertEquals(order(), telemetry.span("charge card").getTraceId());
        telemetry.span("send " + topic);
    }

    @Test
    void aBatchListenerHasItsScope() {
        start(Batches.class, "--spring.kafka.listener.type=batch");
        assertEquals(order(), telemetry.span("charge card").getTraceId());
        assertEquals(
                1L,
                telemetry
                        .spans("process " + topic, 2)
                        .get(1)
                        .getAttributes()
                        .get(Semconv.BATCH_COUNT));
    }

    @Test
    void itCanBeSwitchedOff() {
        start(Listening.class, "--throughline.enabled=false");
        order();
        assertFalse(telemetry.span("charge card").getParentSpanContext().isValid());
        assertEquals(2, telemetry.count());
    }

    @Test
    void switchedOffWhatHandlesABatchsRecordsIsThereAndLeavesThemAlone() {
        start(Batches.class, "--spring.kafka.listener.type=batch", "--throughline.enabled=false");
        order();
        assertFalse(telemetry.span("charge card").getParentSpanContext().isValid());
        assertEquals(2, telemetry.count());
        ConsumerRecord<?, ?> record = Broker.read(topic, 1).get(0);
        Throughline off = application.bean(Throughline.class);
        Span around =
                telemetry.inSpan(
                        "around", () -> off.processRecord(record, () -> telemetry.mark("held")));
        assertEquals(around.getSpanContext().getSpanId(), telemetry.span("held").getParentSpanId());
    }

    @Test
    void thatThereIsNoOpenTelemetryIsSaid() {
        GlobalOpenTelemetry.resetForTest();
        try (Told told = new Told()) {
            start(Bare.class);
            order();
            assertEquals(1, told.messages.size(), told.messages.toString());
            assertTrue(
                    told.messages.get(0).contains("neither one OpenTelemetry bean nor a global"));
        } finally {
            GlobalOpenTelemetry.resetForTest();
        }
    }

    @Test
    void theGlobalOneIsTakenThoughItIsSetLaterThanTheApplicationStarts() {
        GlobalOpenTelemetry.resetForTest();
        try (Told told = new Told()) {
            start(Bare.class);
            GlobalOpenTelemetry.set(telemetry.sdk);
            assertEquals(order(), telemetry.span("charge card").getTraceId());
            telemetry.span("process " + topic);
            assertEquals(List.of(), told.messages);
        } finally {
            GlobalOpenTelemetry.resetForTest();
        }
    }

    @Test
    void eitherSideCanBeSwitchedOff() {
        start(Listening.class, "--throughline.producer=false");
        assertNotEquals(order(), telemetry.span("charge card").getTraceId());
        telemetry.span("process " + topic);
        assertEquals(3, telemetry.count());
    }

    @Test
    void listenersAloneCanBeSwitchedOffWhateverTheirContainerCameFrom() {
        start(ContainersOfBothKinds.class, "--throughline.consumer=false");
        order();
        for (SpanData each : telemetry.spans("charge card", 2)) {
            assertFalse(each.getParentSpanContext().isValid());
        }
        telemetry.span("send " + topic);
        assertEquals(4, telemetry.count());
    }

    @Test
    void aFactoryBeanThatNoTemplateHasIsTraced() {
        start(FactoryAlone.class);
        DefaultKafkaProducerFactory<?, ?> factory =
                application.bean(DefaultKafkaProducerFactory.class);
        Span order =
                telemetry.inSpan(
                        "order",
                        () -> {
                            try (Producer<?, ?> producer = factory.createProducer()) {
                                producer.send(new ProducerRecord<>(topic, null));
                            }
                        });
        assertEquals(
                order.getSpanContext().getSpanId(),
                telemetry.span("send " + topic).getParentSpanId());
        assertEquals(1, Broker.header(Broker.read(topic, 1).get(0), "traceparent").size());
    }

    @Test
    void aFactoryIsGivenOnePostProcessorHoweverManyTemplatesHaveIt() {
        start(SeveralTemplates.class);
        assertEquals(2, application.beans(KafkaTemplate.class));
        ProducerFactory<?, ?> shared = application.bean(ProducerFactory.class);
        assertEquals(1, shared.getPostProcessors().size());
    }

    @Test
    void anInterceptorOfOursThatIsSetByHandKeepsItsOwnOptions() {
        start(SetByHand.class);
        assertEquals(order(), telemetry.span("charge card").getTraceId());
        SpanData process = telemetry.span("process " + topic);
        assertEquals(null, process.getAttributes().get(Semconv.KEY));
        telemetry.allEnded();
    }

    @Test
    void thePropertiesAreTheOptions() {
        start(
                Listening.class,
                "--throughline.relation=link",
                "--throughline.message-key=false",
                "--throughline.ignore=audit");
        order();
        SpanData process = telemetry.span("process " + topic);
        assertFalse(process.getParentSpanContext().isValid());
        assertEquals(1, process.getLinks().size());
        assertEquals(null, process.getAttributes().get(Semconv.KEY));
    }

    @Test
    void everyPropertyIsDescribedForEditors() throws Exception {
        Set<String> described = new TreeSet<>();
        try (InputStream metadata =
                Throughline.class.getResourceAsStream(
                        "/META-INF/spring-configuration-metadata.json")) {
            for (JsonNode property : new ObjectMapper().readTree(metadata).get("properties")) {
                described.add(property.get("name").asText().replace("-", ""));
            }
        }
        Set<String> properties = new TreeSet<>();
        for (RecordComponent each : ThroughlineProperties.class.getRecordComponents()) {
            properties.add("throughline." + each.getName().toLowerCase(Locale.ROOT));
        }
        assertEquals(properties, described);
    }

    @Test
    void aValueThatIsNoneIsRefusedByName() {
        Exception refused =
                assertThrows(
                        Exception.class,
                        () -> start(Listening.class, "--throughline.relation=child"));
        List<String> reasons = new ArrayList<>();
        for (Throwable each = refused; each != null; each = each.getCause()) {
            reasons.add(String.valueOf(each.getMessage()));
        }
        assertTrue(reasons.toString().contains("throughline"), reasons.toString());
        assertTrue(reasons.toString().contains("child"), reasons.toString());
    }

    @Test
    void springsObservationIsLeftToItself() {
        start(
                Observed.class,
                "--spring.kafka.listener.observation-enabled=true",
                "--spring.kafka.template.observation-enabled=true");
        assertEquals(order(), telemetry.span("charge card").getTraceId());
        boolean older = System.getProperty("spring-kafka.line").startsWith("3.");
        telemetry.span(topic + (older ? " receive" : " process")); // as each line's names it
        telemetry.span(topic + " send");
        telemetry.allEnded();
        assertEquals(4, telemetry.count());
        assertEquals(1, Broker.header(Broker.read(topic, 1).get(0), "traceparent").size());
    }

    @Test
    void aBatchIsOursUnlessSpringsObservationIsOfEachOfItsRecords() {
        start(
                ObservedBatches.class,
                "--spring.kafka.listener.type=batch",
                "--spring.kafka.listener.observation-enabled=true");
        order();
        telemetry.span("charge card");
        batchOf(telemetry.spans("process " + topic, 2));
    }

    @Test
    void whereSpringsObservationIsOfEachRecordOfABatchItIsLeftToThat() {
        start(
                ObservedBatches.class,
                "--spring.kafka.listener.type=batch",
                "--spring.kafka.listener.observation-enabled=true",
                "--each=true");
        order();
        telemetry.span("charge card");
        telemetry.allEnded();
        boolean older = System.getProperty("spring-kafka.line").startsWith("3.");
        if (older) batchOf(telemetry.spans("process " + topic, 2)); // which has no such thing
        else telemetry.span(topic + " process");
        assertEquals(5, telemetry.count()); // with the order, its send and the charge
    }

    private static void batchOf(List<SpanData> spans) {
        assertEquals(
                1,
                spans.stream()
                        .filter(each -> each.getAttributes().get(Semconv.BATCH_COUNT) != null)
                        .count());
    }

    @Test
    void anObservationThatNobodyTracesIsNoReasonToStepBack() {
        start(
                Listening.class,
                "--spring.kafka.listener.observation-enabled=true",
                "--spring.kafka.template.observation-enabled=true");
        assertEquals(order(), telemetry.span("charge card").getTraceId());
        telemetry.span("process " + topic);
        telemetry.span("send " + topic);
    }

    private String order() {
        Span order =
                telemetry.inSpan("order", () -> application.template().send(topic, "k", "one"));
        return order.getSpanContext().getTraceId();
    }

    private void start(Class<?> configuration, String... settings) {
        application = new BootApplication(configuration, topic, telemetry, settings);
    }

    static class Listening extends BootApplication.Traced {
        @Bean
        Charging charging(Telemetry telemetry) {
            return new Charging(telemetry);
        }
    }

    /** Without an OpenTelemetry of its own. */
    @Configuration
    @EnableAutoConfiguration
    static class Bare {
        @Bean
        Charging charging(Telemetry telemetry) {
            return new Charging(telemetry);
        }
    }

    static class Charging {
        private final Telemetry telemetry;

        Charging(Telemetry telemetry) {
            this.telemetry = telemetry;
        }

        @KafkaListener(topics = "${topic}")
        void charge(String order) {
            telemetry.mark("charge card");
        }
    }

    static class Batches extends BootApplication.Traced {
        @Bean
        ChargingBatches charging(Telemetry telemetry, Throughline throughline) {
            return new ChargingBatches(telemetry, throughline);
        }
    }

    record ChargingBatches(Telemetry telemetry, Throughline throughline) {
        @KafkaListener(topics = "${topic}")
        void charge(List<ConsumerRecord<String, String>> orders) {
            for (ConsumerRecord<String, String> order : orders) {
                throughline.processRecord(order, () -> telemetry.mark("charge card"));
            }
        }
    }

    static class OwnInterceptor extends Listening {
        @Bean
        RecordInterceptor<Object, Object> own(Telemetry telemetry) {
            return new RecordInterceptor<>() {
                @Override
                public ConsumerRecord<Object, Object> intercept(
                        ConsumerRecord<Object, Object> record, Consumer<Object, Object> consumer) {
                    telemetry.mark("own interceptor");
                    return record;
                }
            };
        }
    }

    static class OwnTemplate extends Listening {
        @Bean
        KafkaTemplate<String, String> ownTemplate() {
            return new KafkaTemplate<>(
                    new DefaultKafkaProducerFactory<>(Broker.producerSettings()));
        }
    }

    /** A listener's container, and one that is a bean. */
    static class ContainersOfBothKinds extends Listening {
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

    static class FactoryAlone extends OwnTemplate {
        @Bean
        DefaultKafkaProducerFactory<String, String> factory() {
            return new DefaultKafkaProducerFactory<>(Broker.producerSettings());
        }
    }

    static class SeveralTemplates extends BootApplication.Traced {
        @Bean
        KafkaTemplate<Object, Object> one(ProducerFactory<Object, Object> producers) {
            return new KafkaTemplate<>(producers);
        }

        @Bean
        KafkaTemplate<Object, Object> other(ProducerFactory<Object, Object> producers) {
            return new KafkaTemplate<>(producers);
        }
    }

    static class SetByHand extends Listening {
        @Bean
        RecordInterceptor<Object, Object> ours(OpenTelemetry openTelemetry) {
            return Throughline.create(openTelemetry, Options.defaults().messageKey(false))
                    .recordInterceptor();
        }
    }

    @Import(MicrometersTracing.class)
    static class Observed extends Listening {}

    @Import(MicrometersTracing.class)
    static class ObservedBatches extends Batches {
        @Bean
        ContainerCustomizer<Object, Object, ConcurrentMessageListenerContainer<Object, Object>>
                customizer(@Value("${each:false}") boolean each) {
            return container -> {
                DirectFieldAccessor fields =
                        new DirectFieldAccessor(container.getContainerProperties());
                String name = "recordObservationsInBatch";
                if (fields.isWritableProperty(name)) fields.setPropertyValue(name, each);
            };
        }
    }

    /** As spring-boot-starter-actuator sets Micrometer's tracing up over OpenTelemetry. */
    @Configuration
    static class MicrometersTracing {
        @Bean
        Tracer tracer(OpenTelemetry openTelemetry) {
            return new OtelTracer(
                    openTelemetry.getTracer("spring"), new OtelCurrentTraceContext(), event -> {});
        }

        @Bean
        Propagator propagator(OpenTelemetry openTelemetry) {
            return new OtelPropagator(
                    openTelemetry.getPropagators(), openTelemetry.getTracer("spring"));
        }

        @Bean
        ObservationRegistry observationRegistry(Tracer tracer, Propagator propagator) {
            ObservationRegistry registry = ObservationRegistry.create();
            registry.observationConfig()
                    .observationHandler(
                            new io.micrometer.observation.ObservationHandler
                                    .FirstMatchingCompositeObservationHandler(
                                    new PropagatingSenderTracingObservationHandler<>(
                                            tracer, propagator),
                                    new PropagatingReceiverTracingObservationHandler<>(
                                            tracer, propagator),
                                    new DefaultTracingObservationHandler(tracer)));
            return registry;
        }
    }
}
