package io.throughline.spring.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.context.Context;
import io.opentelemetry.instrumentation.kafkaclients.v2_6.KafkaTelemetry;
import io.opentelemetry.instrumentation.spring.kafka.v2_7.SpringKafkaTelemetry;
import io.opentelemetry.sdk.autoconfigure.spi.AutoConfigurationCustomizerProvider;
import io.opentelemetry.sdk.trace.ReadWriteSpan;
import io.opentelemetry.sdk.trace.ReadableSpan;
import io.opentelemetry.sdk.trace.SpanProcessor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.CompositeRecordInterceptor;
import org.springframework.kafka.listener.RecordInterceptor;

/** An application that has OpenTelemetry's Spring Boot starter and our jar, on a real Kafka. */
@RealKafka
class StarterTest {
    private static final String OURS = "io.throughline.spring-kafka";
    private static final String THEIR_LISTENERS = "io.opentelemetry.spring-kafka-2.7";
    private static final String THEIR_CLIENTS = "io.opentelemetry.kafka-clients-2.6";

    private final Ended ended = new Ended();
    private final Told told = new Told();
    private final String topic = Broker.topic("orders");
    private BootApplication application;

    @AfterEach
    void stop() {
        if (application != null) application.close();
        told.close();
    }

    @Test
    void whatTheStarterTracesIsLeftToIt() throws Exception {
        start(Listening.class);
        application.template().send(topic, "one").join();
        assertEquals(List.of(THEIR_CLIENTS, THEIR_LISTENERS), spansOf(2));
        assertEquals(1, Broker.header(Broker.read(topic, 1).get(0), "traceparent").size());
    }

    @Test
    void itIsSaidOnceForEachSideHoweverManyContainersThereAre() throws Exception {
        start(Listening.class);
        application.template().send(topic, "one").join();
        spansOf(2);
        assertEquals(2, told.messages.size(), told.messages.toString());
        assertTrue(
                told.messages
                        .get(0)
                        .contains("process spans are made by OpenTelemetry's spring-kafka"),
                told.messages.get(0));
        assertTrue(
                told.messages
                        .get(1)
                        .contains("send spans are made by OpenTelemetry's kafka-clients"),
                told.messages.get(1));
    }

    @Test
    void whereItsKafkaIsSwitchedOffTheSpansAreOurs() throws Exception {
        start(Listening.class, "--otel.instrumentation.kafka.enabled=false");
        application.template().send(topic, "one").join();
        assertEquals(List.of(OURS, OURS), spansOf(2));
        assertEquals(List.of(), told.messages);
    }

    @Test
    void whereItLeavesListenersAloneTheyAreOursAndSendsAreItsOwn() throws Exception {
        start(Listening.class, "--otel.instrumentation.kafka.autoconfigure-interceptor=false");
        application.template().send(topic, "one").join();
        assertEquals(List.of(THEIR_CLIENTS, OURS), spansOf(2));
    }

    @Test
    void aProducerFactoryThatTheStarterDoesNotKnowIsOurs() throws Exception {
        start(OwnTemplate.class);
        application.template().send(topic, "one").join();
        assertEquals(List.of(THEIR_LISTENERS, OURS), spansOf(2));
    }

    @Test
    void aBatchIsTheStarters() throws Exception {
        start(Listening.class, "--spring.kafka.listener.type=batch");
        application.template().send(topic, "one").join();
        assertEquals(List.of(THEIR_CLIENTS, THEIR_LISTENERS), spansOf(2));
    }

    @Test
    void anInterceptorOfTheirLibrarySetByHandIsLeftAloneAlsoInAComposite() throws Exception {
        start(LibraryByHand.class, "--otel.instrumentation.kafka.enabled=false");
        application.template().send(topic, "one").join();
        assertEquals(List.of(THEIR_LISTENERS, OURS), spansOf(2));
    }

    @Test
    void aProducerThatHasTheirInterceptorByItsSettingsIsLeftToIt() throws Exception {
        start(InterceptedByHand.class, "--otel.instrumentation.kafka.enabled=false");
        application.template().send(topic, "one").join();
        assertEquals(List.of(THEIR_CLIENTS, OURS), spansOf(2));
        assertEquals(1, told.messages.size(), told.messages.toString());
        assertTrue(
                told.messages
                        .get(0)
                        .contains("send spans are made by OpenTelemetry's kafka-clients"),
                told.messages.get(0));
    }

    /** The scopes of the spans there are, in alphabetical order, once there are so many. */
    private List<String> spansOf(int count) throws InterruptedException {
        List<String> seen = new ArrayList<>();
        while (seen.size() < count) {
            String scope = ended.scopes.poll(30, TimeUnit.SECONDS);
            if (scope == null) throw new AssertionError("only " + seen);
            seen.add(scope);
        }
        application.close(); // whatever was still open has ended then
        application = null;
        ended.scopes.drainTo(seen);
        seen.sort(null);
        return seen;
    }

    private void start(Class<?> configuration, String... settings) {
        List<String> all = new ArrayList<>(List.of(settings));
        all.add("--otel.traces.exporter=none");
        all.add("--otel.metrics.exporter=none");
        all.add("--otel.logs.exporter=none");
        application = new BootApplication(configuration, topic, ended, all.toArray(String[]::new));
    }

    @Configuration
    @EnableAutoConfiguration
    static class Listening {
        @Bean
        AutoConfigurationCustomizerProvider recording(Ended ended) {
            return customizer ->
                    customizer.addTracerProviderCustomizer(
                            (provider, config) -> provider.addSpanProcessor(ended));
        }

        @Bean
        Charging charging() {
            return new Charging();
        }
    }

    static class OwnTemplate extends Listening {
        @Bean
        KafkaTemplate<String, String> ownTemplate() {
            return new KafkaTemplate<>(
                    new DefaultKafkaProducerFactory<>(Broker.producerSettings()));
        }
    }

    static class InterceptedByHand extends Listening {
        @Bean
        KafkaTemplate<String, String> intercepted(OpenTelemetry openTelemetry) {
            Map<String, Object> settings = new HashMap<>(Broker.producerSettings());
            settings.putAll(
                    KafkaTelemetry.create(openTelemetry).producerInterceptorConfigProperties());
            return new KafkaTemplate<>(new DefaultKafkaProducerFactory<>(settings));
        }
    }

    static class LibraryByHand extends Listening {
        @Bean
        RecordInterceptor<Object, Object> theirs(OpenTelemetry openTelemetry) {
            return new CompositeRecordInterceptor<>(
                    SpringKafkaTelemetry.create(openTelemetry).createRecordInterceptor());
        }
    }

    /** Two listeners, of which one has nothing to do: two containers. */
    static class Charging {
        @KafkaListener(topics = "${topic}")
        void charge(String order) {}

        @KafkaListener(topics = "${topic}-never", groupId = "never")
        void never(String order) {}
    }

    /** The scopes of the spans that have ended, in order. */
    static final class Ended implements SpanProcessor {
        private final BlockingQueue<String> scopes = new LinkedBlockingQueue<>();

        @Override
        public void onStart(Context parent, ReadWriteSpan span) {}

        @Override
        public boolean isStartRequired() {
            return false;
        }

        @Override
        public void onEnd(ReadableSpan span) {
            scopes.add(span.getInstrumentationScopeInfo().getName());
        }

        @Override
        public boolean isEndRequired() {
            return true;
        }
    }
}
