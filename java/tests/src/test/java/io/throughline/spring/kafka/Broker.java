package io.throughline.spring.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** The real broker of a test: topics of its own, and records as they stand in them. */
final class Broker {
    static final String ADDRESS = System.getenv("KAFKA_BROKERS");
    private static final Duration LONGEST = Duration.ofSeconds(30);

    private Broker() {}

    /** A new topic of one partition. */
    static String topic(String name) {
        String topic = name + "-" + UUID.randomUUID().toString().substring(0, 8);
        create(topic);
        return topic;
    }

    static void create(String topic) {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", ADDRESS))) {
            admin.createTopics(List.of(new NewTopic(topic, 1, (short) 1))).all().get();
        } catch (Exception failed) {
            throw new IllegalStateException("creating " + topic, failed);
        }
    }

    static Map<String, Object> producerSettings() {
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", ADDRESS);
        settings.put("key.serializer", StringSerializer.class);
        settings.put("value.serializer", StringSerializer.class);
        return settings;
    }

    static Map<String, Object> consumerSettings(String group) {
        Map<String, Object> settings = new HashMap<>();
        settings.put("bootstrap.servers", ADDRESS);
        settings.put("group.id", group);
        settings.put("auto.offset.reset", "earliest");
        settings.put("key.deserializer", StringDeserializer.class);
        settings.put("value.deserializer", StringDeserializer.class);
        return settings;
    }

    /** Sends bare records: what some other service would have published. */
    @SafeVarargs
    static void publish(ProducerRecord<String, String>... records) {
        List<ProducerRecord<String, String>> all = new ArrayList<>();
        for (ProducerRecord<String, String> record : records) all.add(record);
        publish(all);
    }

    static void publish(List<ProducerRecord<String, String>> records) {
        try (KafkaProducer<String, String> producer = new KafkaProducer<>(producerSettings())) {
            for (ProducerRecord<String, String> record : records) producer.send(record).get();
        } catch (Exception failed) {
            throw new IllegalStateException(failed);
        }
    }

    /** A bare record with these headers: name, value, name, value. */
    static ProducerRecord<String, String> record(String topic, String value, String... headers) {
        ProducerRecord<String, String> record = new ProducerRecord<>(topic, "key", value);
        for (int at = 0; at < headers.length; at += 2) {
            record.headers().add(headers[at], headers[at + 1].getBytes(UTF_8));
        }
        return record;
    }

    /** The first {@code count} records of a topic's one partition, once they are there. */
    static List<ConsumerRecord<String, String>> read(String topic, int count) {
        Map<String, Object> settings = consumerSettings("reader");
        settings.put("enable.auto.commit", false);
        try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(settings)) {
            TopicPartition partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            List<ConsumerRecord<String, String>> read = new ArrayList<>();
            long until = System.nanoTime() + LONGEST.toNanos();
            while (read.size() < count && System.nanoTime() < until) {
                consumer.poll(Duration.ofMillis(200)).forEach(read::add);
            }
            if (read.size() < count) {
                throw new AssertionError(topic + " has " + read.size() + " records, not " + count);
            }
            return read;
        }
    }

    /** Values of a record's header, in order. */
    static List<String> header(ConsumerRecord<?, ?> record, String name) {
        List<String> values = new ArrayList<>();
        record.headers()
                .headers(name)
                .forEach(header -> values.add(new String(header.value(), UTF_8)));
        return values;
    }
}
