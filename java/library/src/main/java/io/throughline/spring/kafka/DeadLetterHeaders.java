package io.throughline.spring.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.opentelemetry.api.trace.SpanContext;
import java.util.Set;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/**
 * The headers of a dead letter: UTF-8 text, numbers in decimal. One vocabulary in every language.
 */
final class DeadLetterHeaders {
    static final String DESTINATION = "dlq.origin.destination";
    static final String PARTITION = "dlq.origin.partition";
    static final String OFFSET = "dlq.origin.offset";
    static final String TIMESTAMP = "dlq.origin.timestamp";
    static final String GROUP = "dlq.origin.group";
    static final String ERROR_TYPE = "dlq.error.type";
    static final String ERROR_MESSAGE = "dlq.error.message";
    static final String ATTEMPTS = "dlq.attempts";
    static final String FAILED = "dlq.failed";

    /** All of them. */
    static final Set<String> NAMES =
            Set.of(
                    DESTINATION,
                    PARTITION,
                    OFFSET,
                    TIMESTAMP,
                    GROUP,
                    ERROR_TYPE,
                    ERROR_MESSAGE,
                    ATTEMPTS,
                    FAILED);

    private DeadLetterHeaders() {}

    /** Whether any of ours is there. */
    static boolean anyIn(Headers headers) {
        for (Header header : headers) if (NAMES.contains(header.key())) return true;
        return false;
    }

    /** Whether these are the headers of a dead letter of ours. */
    static boolean isLetter(Headers headers) {
        return headers.lastHeader(DESTINATION) != null;
    }

    /** The failed attempt that a record is a replay of: a letter on its way back to its origin. */
    static SpanContext failedAttempt(Headers headers, String topic) {
        if (!topic.equals(TraceHeaders.text(headers, DESTINATION))) return null;
        return failed(headers);
    }

    /** Whether what a record carries is the attempt that it is the dead letter of. */
    static boolean carriesItsAttempt(Headers headers, SpanContext carried) {
        SpanContext failed = failed(headers);
        return failed != null
                && failed.getSpanId().equals(carried.getSpanId())
                && failed.getTraceId().equals(carried.getTraceId());
    }

    private static SpanContext failed(Headers headers) {
        String text = TraceHeaders.text(headers, FAILED);
        return text == null ? null : Traceparent.parse(text.getBytes(UTF_8));
    }
}
