package io.throughline.spring.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.util.Optional;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/**
 * What a dead letter tells of the record it stands for; what its writer left out is empty.
 *
 * @param convention who wrote it
 * @param destination the topic that the record was read from
 * @param partition its partition
 * @param offset its offset
 * @param timestampMs its timestamp, in milliseconds since 1970
 * @param group the consumer group that could not handle it
 * @param errorType the class of what was thrown
 * @param errorMessage its message
 * @param attempts how often handling was tried
 * @param failed traceparent of the failed attempt's span
 */
public record DeadLetterOrigin(
        Convention convention,
        Optional<String> destination,
        Optional<Integer> partition,
        Optional<Long> offset,
        Optional<Long> timestampMs,
        Optional<String> group,
        Optional<String> errorType,
        Optional<String> errorMessage,
        Optional<Integer> attempts,
        Optional<String> failed) {

    /** Who wrote a dead letter. */
    public enum Convention {
        /** Throughline, in any language: {@code dlq.*}. */
        THROUGHLINE,
        /** spring-kafka's DeadLetterPublishingRecoverer: {@code kafka_dlt-*}. */
        SPRING_KAFKA,
        /** Kafka Connect: {@code __connect.errors.*}. */
        KAFKA_CONNECT
    }

    /** Reads a dead letter's headers; empty where they are no dead letter's. Never throws. */
    static Optional<DeadLetterOrigin> of(Headers headers) {
        DeadLetterOrigin found = ours(headers);
        if (found == null) found = springKafka(headers);
        if (found == null) found = kafkaConnect(headers);
        return Optional.ofNullable(found);
    }

    private static DeadLetterOrigin ours(Headers headers) {
        if (!DeadLetterHeaders.anyIn(headers)) return null;
        return new DeadLetterOrigin(
                Convention.THROUGHLINE,
                text(headers, DeadLetterHeaders.DESTINATION),
                small(whole(headers, DeadLetterHeaders.PARTITION)),
                whole(headers, DeadLetterHeaders.OFFSET),
                whole(headers, DeadLetterHeaders.TIMESTAMP),
                text(headers, DeadLetterHeaders.GROUP),
                text(headers, DeadLetterHeaders.ERROR_TYPE),
                text(headers, DeadLetterHeaders.ERROR_MESSAGE),
                small(whole(headers, DeadLetterHeaders.ATTEMPTS)),
                text(headers, DeadLetterHeaders.FAILED));
    }

    /**
     * Each hop appends where it took the record from: the first is the origin, the error the last.
     */
    private static DeadLetterOrigin springKafka(Headers headers) {
        byte[] destination = first(headers, "kafka_dlt-original-topic");
        if (destination == null) return null;
        String prefix = "kafka_dlt-";
        Optional<String> cause = text(headers, prefix + "exception-cause-fqcn");
        return new DeadLetterOrigin(
                Convention.SPRING_KAFKA,
                Optional.of(new String(destination, UTF_8)),
                small(bigEndian(headers, prefix + "original-partition")),
                bigEndian(headers, prefix + "original-offset"),
                bigEndian(headers, prefix + "original-timestamp"),
                Optional.ofNullable(first(headers, prefix + "original-consumer-group"))
                        .map(bytes -> new String(bytes, UTF_8)),
                cause.isPresent() ? cause : text(headers, prefix + "exception-fqcn"),
                text(headers, prefix + "exception-message"),
                Optional.empty(),
                Optional.empty());
    }

    private static DeadLetterOrigin kafkaConnect(Headers headers) {
        String prefix = "__connect.errors.";
        String destination = TraceHeaders.text(headers, prefix + "topic");
        if (destination == null) return null;
        return new DeadLetterOrigin(
                Convention.KAFKA_CONNECT,
                Optional.of(destination),
                small(whole(headers, prefix + "partition")),
                whole(headers, prefix + "offset"),
                Optional.empty(),
                text(headers, prefix + "connector.name"),
                text(headers, prefix + "exception.class.name"),
                text(headers, prefix + "exception.message"),
                Optional.empty(),
                Optional.empty());
    }

    private static Optional<String> text(Headers headers, String name) {
        return Optional.ofNullable(TraceHeaders.text(headers, name));
    }

    private static Optional<Long> whole(Headers headers, String name) {
        return text(headers, name).filter(text -> text.matches("-?\\d{1,18}")).map(Long::valueOf);
    }

    private static Optional<Integer> small(Optional<Long> number) {
        return number.filter(value -> value == value.intValue()).map(Long::intValue);
    }

    private static byte[] first(Headers headers, String name) {
        for (Header header : headers.headers(name)) return header.value();
        return null;
    }

    private static Optional<Long> bigEndian(Headers headers, String name) {
        byte[] value = first(headers, name);
        if (value == null) return Optional.empty();
        if (value.length == Integer.BYTES)
            return Optional.of((long) ByteBuffer.wrap(value).getInt());
        if (value.length == Long.BYTES) return Optional.of(ByteBuffer.wrap(value).getLong());
        return Optional.empty();
    }
}
