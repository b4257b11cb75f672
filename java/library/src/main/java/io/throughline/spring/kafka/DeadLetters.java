package io.throughline.spring.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.context.Context;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.springframework.kafka.listener.ListenerExecutionFailedException;
import org.springframework.kafka.support.KafkaHeaders;
import org.springframework.kafka.support.KafkaUtils;

/** Writes what a dead letter says of its record. */
final class DeadLetters {
    /** An error's message is cut to this many bytes of UTF-8. */
    private static final int MAX_ERROR_BYTES = 1024;

    private DeadLetters() {}

    /** The {@code dlq.*} headers of a record that can't be handled. */
    static List<Header> facts(
            ConsumerRecord<?, ?> record,
            Throwable error,
            SpanContext attempt,
            DeadLetterOptions options) {
        Throwable cause = ProcessScope.causeOf(error);
        List<Header> facts = new ArrayList<>(origin(record, error));
        add(facts, DeadLetterHeaders.ERROR_TYPE, cause.getClass().getName());
        if (options.errorMessage()) {
            String message = cause.getMessage() == null ? "" : cause.getMessage();
            add(facts, DeadLetterHeaders.ERROR_MESSAGE, cut(message));
        }
        int attempts = options.attempts().orElse(attempts(record.headers()));
        add(facts, DeadLetterHeaders.ATTEMPTS, Integer.toString(Math.max(1, attempts)));
        if (attempt != null) {
            add(facts, DeadLetterHeaders.FAILED, Traceparent.format(attempt, false));
        }
        return facts;
    }

    /** A record's headers as its dead letter has them: its own, these facts, this context. */
    static Headers headers(
            ConsumerRecord<?, ?> record, List<Header> facts, Context context, Carrying carrying) {
        Headers kept = TraceHeaders.replaced(record.headers(), DeadLetterHeaders.NAMES, List.of());
        List<Header> fields = new ArrayList<>(facts);
        List<Header> carried = carrying.fieldsOf(context);
        fields.addAll(carried);
        return carried.isEmpty()
                ? withAll(kept, facts)
                : TraceHeaders.replaced(kept, carrying.fields, fields);
    }

    /** The span of the attempt at this very record that is under way; null where there is none. */
    static SpanContext attemptAt(ConsumerRecord<?, ?> record) {
        Context current = Context.current();
        return ContextKeys.recordOf(current) == record ? ContextKeys.attemptIn(current) : null;
    }

    /**
     * A letter that is parked again on its way out of a dead-letter topic keeps its first origin;
     * one that failed again where it was replayed to names the record that failed now.
     */
    private static List<Header> origin(ConsumerRecord<?, ?> record, Throwable error) {
        List<Header> origin = new ArrayList<>();
        String first = TraceHeaders.text(record.headers(), DeadLetterHeaders.DESTINATION);
        if (first != null && !first.equals(record.topic())) {
            for (String name :
                    List.of(
                            DeadLetterHeaders.DESTINATION,
                            DeadLetterHeaders.PARTITION,
                            DeadLetterHeaders.OFFSET,
                            DeadLetterHeaders.TIMESTAMP,
                            DeadLetterHeaders.GROUP)) {
                add(origin, name, TraceHeaders.text(record.headers(), name));
            }
            return origin;
        }
        add(origin, DeadLetterHeaders.DESTINATION, record.topic());
        add(origin, DeadLetterHeaders.PARTITION, Integer.toString(record.partition()));
        add(origin, DeadLetterHeaders.OFFSET, Long.toString(record.offset()));
        if (record.timestamp() >= 0) { // a record may have none
            add(origin, DeadLetterHeaders.TIMESTAMP, Long.toString(record.timestamp()));
        }
        String group =
                error instanceof ListenerExecutionFailedException failure
                        ? failure.getGroupId()
                        : KafkaUtils.getConsumerGroupId();
        add(origin, DeadLetterHeaders.GROUP, group);
        return origin;
    }

    /**
     * The deliveries that spring-kafka counted, where the container or the retry topic tells them.
     */
    private static int attempts(Headers headers) {
        for (String name : List.of(KafkaHeaders.DELIVERY_ATTEMPT, "retry_topic-attempts")) {
            Header header = headers.lastHeader(name);
            byte[] value = header == null ? null : header.value();
            if (value != null && value.length == Integer.BYTES) {
                return ByteBuffer.wrap(value).getInt();
            }
        }
        return 1;
    }

    private static Headers withAll(Headers headers, List<Header> facts) {
        Headers all = new RecordHeaders(headers);
        for (Header fact : facts) all.add(fact);
        return all;
    }

    /** At most 1 KiB of UTF-8, never cut inside a character. */
    private static String cut(String text) {
        byte[] bytes = text.getBytes(UTF_8);
        if (bytes.length <= MAX_ERROR_BYTES) return text;
        int end = MAX_ERROR_BYTES;
        while (end > 0 && (bytes[end] & 0xc0) == 0x80) end--;
        return new String(bytes, 0, end, UTF_8);
    }

    private static void add(List<Header> headers, String name, String text) {
        if (text != null) headers.add(new RecordHeader(name, text.getBytes(UTF_8)));
    }
}
