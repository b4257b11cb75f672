package io.throughline.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.sun.management.OperatingSystemMXBean;
import io.opentelemetry.instrumentation.kafkaclients.v2_6.KafkaTelemetry;
import io.opentelemetry.instrumentation.spring.kafka.v2_7.SpringKafkaTelemetry;
import io.throughline.spring.kafka.Throughline;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.BatchMessageListener;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.support.TopicPartitionOffset;

/**
 * The same on a real Kafka, end to end: a container that reads a topic's records, and a template
 * that sends them, bare, with ours and with OpenTelemetry's library, in turn within one run.
 */
final class BrokerBench {
    private static final String BARE = "bare";
    private static final String OURS = "ours";
    private static final String THEIRS = "theirs";

    private final String brokers;
    private final int records;
    private final int warmUps;
    private final int rounds;
    private final String topic = "bench-" + UUID.randomUUID();
    private final OperatingSystemMXBean process =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    BrokerBench(String brokers, boolean quick) {
        this.brokers = brokers;
        this.records = quick ? 500 : 20_000;
        this.warmUps = quick ? 1 : 5;
        this.rounds = quick ? 1 : 21;
    }

    void run() throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", brokers))) {
            NewTopic read = new NewTopic(topic, 1, (short) 1);
            admin.createTopics(List.of(read, new NewTopic(topic + "-sent", 1, (short) 1)))
                    .all()
                    .get();
            fill();
            System.out.printf(
                    "%nOn a real Kafka, CPU a record in all: of the listener's thread, poll and"
                            + " container with it; of the whole process for sends%n%n%-57s %9s"
                            + " %9s %9s   %s%n",
                    "path", BARE, OURS, THEIRS, "added: ours / theirs");
            for (boolean sampled : new boolean[] {true, false}) {
                String how = sampled ? ", sampled" : ", not sampled";
                listeners(how, sampled);
                batches(how, sampled);
                sends(how, sampled);
            }
            admin.deleteTopics(List.of(topic, topic + "-sent")).all().get();
        }
    }

    private void listeners(String how, boolean sampled) throws Exception {
        Telemetry ours = new Telemetry(sampled, false);
        Telemetry theirs = new Telemetry(sampled, false);
        Map<String, Work> variants = new LinkedHashMap<>();
        variants.put(BARE, () -> listen(container -> {}));
        Throughline throughline = Throughline.create(ours.sdk);
        variants.put(
                OURS,
                () ->
                        listen(
                                container ->
                                        container.setRecordInterceptor(
                                                throughline.recordInterceptor())));
        SpringKafkaTelemetry telemetry = SpringKafkaTelemetry.create(theirs.sdk);
        variants.put(
                THEIRS,
                () ->
                        listen(
                                container ->
                                        container.setRecordInterceptor(
                                                telemetry.createRecordInterceptor())));
        line("listener" + how, measure(variants));
        check(sampled, ours, theirs);
    }

    private void batches(String how, boolean sampled) throws Exception {
        Telemetry ours = new Telemetry(sampled, false);
        Telemetry theirs = new Telemetry(sampled, false);
        Throughline throughline = Throughline.create(ours.sdk);
        ByHand byHand = new ByHand(theirs.sdk, record -> {});
        SpringKafkaTelemetry telemetry = SpringKafkaTelemetry.create(theirs.sdk);
        Map<String, Work> variants = new LinkedHashMap<>();
        variants.put(BARE, () -> listenToBatches(container -> {}, record -> {}));
        variants.put(
                OURS,
                () ->
                        listenToBatches(
                                container ->
                                        container.setBatchInterceptor(
                                                throughline.batchInterceptor()),
                                record -> throughline.processRecord(record, () -> {})));
        variants.put(
                THEIRS,
                () ->
                        listenToBatches(
                                container ->
                                        container.setBatchInterceptor(
                                                telemetry.createBatchInterceptor()),
                                byHand));
        line("batches, a scope a record (theirs: by hand)" + how, measure(variants));
        check(sampled, ours, theirs);
    }

    private void sends(String how, boolean sampled) throws Exception {
        Telemetry ours = new Telemetry(sampled, false);
        Telemetry theirs = new Telemetry(sampled, false);
        Map<String, Work> variants = new LinkedHashMap<>();
        List<DefaultKafkaProducerFactory<String, String>> factories = new ArrayList<>();
        BiConsumer<String, Consumer<DefaultKafkaProducerFactory<String, String>>> variant =
                (name, settings) -> {
                    DefaultKafkaProducerFactory<String, String> factory = producers();
                    settings.accept(factory);
                    factories.add(factory);
                    KafkaTemplate<String, String> template = new KafkaTemplate<>(factory);
                    variants.put(name, () -> send(template));
                };
        variant.accept(BARE, factory -> {});
        Throughline throughline = Throughline.create(ours.sdk);
        variant.accept(
                OURS, factory -> factory.addPostProcessor(throughline.producerPostProcessor()));
        KafkaTelemetry telemetry = KafkaTelemetry.create(theirs.sdk);
        variant.accept(THEIRS, factory -> factory.addPostProcessor(telemetry::wrap));
        line("send" + how, measure(variants));
        factories.forEach(DefaultKafkaProducerFactory::destroy);
        check(sampled, ours, theirs);
    }

    /** CPU of the listener's thread between a first record and the last, in nanoseconds. */
    private double listen(Consumer<ConcurrentMessageListenerContainer<String, String>> settings)
            throws Exception {
        Clock clock = new Clock();
        MessageListener<String, String> listener = clock::saw;
        return read(listener, clock, settings);
    }

    private double listenToBatches(
            Consumer<ConcurrentMessageListenerContainer<String, String>> settings,
            Variant.Handler handler)
            throws Exception {
        Clock clock = new Clock();
        BatchMessageListener<String, String> listener =
                batch -> {
                    for (ConsumerRecord<String, String> record : batch) {
                        handler.handle(record);
                        clock.saw(record);
                    }
                };
        return read(listener, clock, settings);
    }

    private double read(
            Object listener,
            Clock clock,
            Consumer<ConcurrentMessageListenerContainer<String, String>> settings)
            throws Exception {
        ContainerProperties properties =
                new ContainerProperties(new TopicPartitionOffset(topic, 0, 0L));
        properties.setMessageListener(listener);
        properties.setGroupId("bench");
        Map<String, Object> consumer = new HashMap<>();
        consumer.put("bootstrap.servers", brokers);
        consumer.put("enable.auto.commit", false);
        ConcurrentMessageListenerContainer<String, String> container =
                new ConcurrentMessageListenerContainer<>(
                        new DefaultKafkaConsumerFactory<>(
                                consumer, new StringDeserializer(), new StringDeserializer()),
                        properties);
        properties.setAckMode(ContainerProperties.AckMode.BATCH);
        settings.accept(container);
        container.start();
        boolean done = clock.done.await(120, TimeUnit.SECONDS);
        container.stop();
        if (!done) throw new AssertionError("not all of " + records + " records in two minutes");
        return (double) clock.spent / (records - 1);
    }

    /** CPU of the process from the first send until all are answered, in nanoseconds a record. */
    private double send(KafkaTemplate<String, String> template) throws Exception {
        CountDownLatch answered = new CountDownLatch(records);
        long began = process.getProcessCpuTime();
        for (int at = 0; at < records; at++) {
            template.send(topic + "-sent", "order-" + at, "42")
                    .whenComplete((result, error) -> answered.countDown());
        }
        template.flush();
        if (!answered.await(120, TimeUnit.SECONDS)) throw new AssertionError("not all answered");
        return (double) (process.getProcessCpuTime() - began) / records;
    }

    private Measure measure(Map<String, Work> variants) throws Exception {
        for (int round = 0; round < warmUps; round++) {
            for (Work each : variants.values()) each.nanos();
        }
        Map<String, double[]> nanos = new LinkedHashMap<>();
        variants.keySet().forEach(name -> nanos.put(name, new double[rounds]));
        List<String> order = new ArrayList<>(variants.keySet());
        Random random = new Random(42);
        for (int round = 0; round < rounds; round++) {
            Collections.shuffle(order, random);
            for (String name : order) nanos.get(name)[round] = variants.get(name).nanos();
        }
        return new Measure(nanos);
    }

    private static void line(String path, Measure measured) {
        double[] ratio = measured.ratio(OURS, THEIRS, BARE);
        System.out.printf(
                Locale.ROOT,
                "%-57s %6.2f us %6.2f us %6.2f us   %.2f (%.2f to %.2f)%n",
                path,
                measured.micros(BARE),
                measured.micros(OURS),
                measured.micros(THEIRS),
                ratio[0],
                ratio[1],
                ratio[2]);
    }

    /** A variant that made no span would be the fastest. */
    private static void check(boolean sampled, Telemetry ours, Telemetry theirs) {
        if (sampled != ours.ended.get() > 0 || sampled != theirs.ended.get() > 0) {
            throw new AssertionError("spans: ours " + ours.ended + ", theirs " + theirs.ended);
        }
    }

    private DefaultKafkaProducerFactory<String, String> producers() {
        return new DefaultKafkaProducerFactory<>(
                Map.of("bootstrap.servers", brokers),
                new StringSerializer(),
                new StringSerializer());
    }

    /** Records as a traced producer sends them, each in a trace of its own. */
    private void fill() {
        DefaultKafkaProducerFactory<String, String> factory = producers();
        KafkaTemplate<String, String> template = new KafkaTemplate<>(factory);
        Random random = new Random(7);
        for (int at = 0; at < records; at++) {
            ProducerRecord<String, String> record =
                    new ProducerRecord<>(topic, "order-" + at, "42");
            record.headers().add("content-type", "application/json".getBytes(UTF_8));
            record.headers().add("traceparent", Bench.traceparent(random).getBytes(UTF_8));
            template.send(record);
        }
        template.flush();
        factory.destroy();
    }

    /** One variant's work, once; nanoseconds a record. */
    private interface Work {
        double nanos() throws Exception;
    }

    private final class Clock {
        private final CountDownLatch done = new CountDownLatch(1);
        private long began;
        private long spent;

        private void saw(ConsumerRecord<String, String> record) {
            if (record.offset() == 0) {
                began = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
            } else if (record.offset() == records - 1) {
                spent = ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() - began;
                done.countDown();
            }
        }
    }
}
