package io.throughline.faults;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.SpanProcessor;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerProperties;

/**
 * The shop that each fault happens in: checkout places orders, correctly; who consumes them is up
 * to the program. Spans go to OTEL_EXPORTER_OTLP_ENDPOINT; where that is unset, the traces are
 * printed.
 */
final class Shop {
    static final AttributeKey<String> SERVICE = AttributeKey.stringKey("service.name");

    private static final String RUN = "-" + UUID.randomUUID().toString().substring(0, 6);
    private static final Trees TREES = new Trees();
    private static final Map<String, OpenTelemetrySdk> SERVICES = new LinkedHashMap<>();

    private Shop() {}

    /** A program that may fail. */
    interface Program {
        void run() throws Exception;
    }

    /** Runs one of the two, as the command line says, and tells the traces. */
    static void run(String[] arguments, Program lost, Program whole) throws Exception {
        String chosen = arguments.length == 1 ? arguments[0] : "";
        if (!chosen.equals("--lost") && !chosen.equals("--whole")) {
            System.err.println("usage: one argument, --lost or --whole");
            System.exit(2);
        }
        if (brokers() == null) {
            System.err.println(
                    "KAFKA_BROKERS=host:port names the Kafka to use; one starts with\n"
                            + "  npm run services -- kafka");
            System.exit(2);
        }
        (chosen.equals("--lost") ? lost : whole).run();
        SERVICES.values().forEach(OpenTelemetrySdk::close);
        System.out.print(TREES.text(RUN));
        System.exit(0); // whatever threads a program left waiting
    }

    static String brokers() {
        return System.getenv("KAFKA_BROKERS");
    }

    /** A topic of this run. */
    static String topic(String name) throws Exception {
        String topic = name + RUN;
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers()))) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
        }
        return topic;
    }

    /** The SDK of one service. */
    static synchronized OpenTelemetry openTelemetry(String service) {
        return SERVICES.computeIfAbsent(
                service,
                name ->
                        OpenTelemetrySdk.builder()
                                .setTracerProvider(
                                        SdkTracerProvider.builder()
                                                .setResource(
                                                        Resource.builder()
                                                                .put(SERVICE, name)
                                                                .build())
                                                .addSpanProcessor(processor())
                                                .build())
                                .setPropagators(
                                        ContextPropagators.create(
                                                W3CTraceContextPropagator.getInstance()))
                                .build());
    }

    private static SpanProcessor processor() {
        String endpoint = System.getenv("OTEL_EXPORTER_OTLP_ENDPOINT");
        if (endpoint == null) return TREES;
        return BatchSpanProcessor.builder(
                        OtlpHttpSpanExporter.builder()
                                .setEndpoint(endpoint.replaceAll("/$", "") + "/v1/traces")
                                .build())
                .build();
    }

    static Tracer tracer(String service) {
        return openTelemetry(service).getTracer(service);
    }

    /** What a handler does: a span of its own, wherever the active context puts it. */
    static void work(String service, String name) {
        tracer(service).spanBuilder(name).startSpan().end();
    }

    /** An order by checkout, in a trace of its own, with a correct header, and others beside it. */
    static void placeOrder(String topic, String order, Header... others) throws Exception {
        Span span = tracer("checkout").spanBuilder("place " + order).startSpan();
        ProducerRecord<String, String> record = new ProducerRecord<>(topic, order, order);
        try (Scope scope = span.makeCurrent();
                KafkaProducer<String, String> producer = new KafkaProducer<>(producerSettings())) {
            W3CTraceContextPropagator.getInstance()
                    .inject(
                            Context.current(),
                            record.headers(),
                            (headers, key, value) -> headers.add(key, value.getBytes(UTF_8)));
            for (Header other : others) record.headers().add(other);
            producer.send(record).get();
        } finally {
            span.end();
        }
    }

    /** An order by someone who traces nothing. */
    static void placeUntraced(String topic, String order) throws Exception {
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(producerSettings())) {
            producer.send(new ProducerRecord<>(topic, order, order)).get();
        }
    }

    static Map<String, Object> producerSettings() {
        return Map.of(
                "bootstrap.servers",
                brokers(),
                "key.serializer",
                StringSerializer.class,
                "value.serializer",
                StringSerializer.class);
    }

    static DefaultKafkaProducerFactory<String, String> producers() {
        return new DefaultKafkaProducerFactory<>(producerSettings());
    }

    /** A container for a topic that is not started yet. */
    static ConcurrentMessageListenerContainer<String, String> container(
            String topic, Object listener) {
        ContainerProperties properties = new ContainerProperties(topic);
        properties.setMessageListener(listener);
        properties.setPollTimeout(100);
        return new ConcurrentMessageListenerContainer<>(
                new DefaultKafkaConsumerFactory<>(
                        Map.of(
                                "bootstrap.servers",
                                brokers(),
                                "group.id",
                                topic,
                                "auto.offset.reset",
                                "earliest",
                                "key.deserializer",
                                StringDeserializer.class,
                                "value.deserializer",
                                StringDeserializer.class)),
                properties);
    }

    /**
     * Waits until what is counted has happened, and gives up with a failure after half a minute.
     */
    static void await(CountDownLatch latch) throws InterruptedException {
        if (!latch.await(30, TimeUnit.SECONDS)) {
            System.err.println("what was waited for did not happen");
            System.exit(1);
        }
    }
}
