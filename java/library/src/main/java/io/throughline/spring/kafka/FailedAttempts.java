package io.throughline.spring.kafka;

import io.opentelemetry.api.trace.SpanContext;
import java.nio.ByteBuffer;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/**
 * The spans in which records of a batch failed, for the dead letter that is published later, by
 * spring-kafka's recoverer and out of any scope. Bounded: the oldest is forgotten, and its dead
 * letter then continues the record's creation context.
 */
final class FailedAttempts {
    private static final int KEPT = 1024;

    private record Place(String topic, int partition, long offset) {}

    private final Map<Place, SpanContext> attempts =
            new LinkedHashMap<>() {
                @Override
                protected boolean removeEldestEntry(Map.Entry<Place, SpanContext> eldest) {
                    return size() > KEPT;
                }
            };

    synchronized void remember(ConsumerRecord<?, ?> record, SpanContext attempt) {
        Place place = new Place(record.topic(), record.partition(), record.offset());
        attempts.remove(place); // so that it counts as the youngest
        attempts.put(place, attempt);
    }

    /** The last failed attempt at a record; null where none is known. */
    synchronized SpanContext of(ConsumerRecord<?, ?> record) {
        return attempts.get(new Place(record.topic(), record.partition(), record.offset()));
    }

    /** The attempt that a dead letter of spring-kafka's stands for; null where none is known. */
    synchronized SpanContext of(ProducerRecord<?, ?> letter) {
        if (attempts.isEmpty()) return null;
        Headers headers = letter.headers();
        String topic = TraceHeaders.text(headers, "kafka_dlt-original-topic");
        ByteBuffer partition = number(headers, "kafka_dlt-original-partition", Integer.BYTES);
        ByteBuffer offset = number(headers, "kafka_dlt-original-offset", Long.BYTES);
        if (topic == null || partition == null || offset == null) return null;
        return attempts.get(new Place(topic, partition.getInt(), offset.getLong()));
    }

    private static ByteBuffer number(Headers headers, String name, int bytes) {
        Header header = headers.lastHeader(name);
        byte[] value = header == null ? null : header.value();
        return value == null || value.length != bytes ? null : ByteBuffer.wrap(value);
    }
}
