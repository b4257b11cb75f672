package io.throughline.spring.kafka;

import io.opentelemetry.api.common.AttributeKey;
import java.util.UUID;

/** Names of OpenTelemetry's messaging conventions, v1.44.0 (status: Development), and our own. */
final class Semconv {
    static final AttributeKey<String> SYSTEM = AttributeKey.stringKey("messaging.system");
    static final AttributeKey<String> OPERATION_NAME =
            AttributeKey.stringKey("messaging.operation.name");
    static final AttributeKey<String> OPERATION_TYPE =
            AttributeKey.stringKey("messaging.operation.type");
    static final AttributeKey<String> DESTINATION =
            AttributeKey.stringKey("messaging.destination.name");
    static final AttributeKey<String> PARTITION =
            AttributeKey.stringKey("messaging.destination.partition.id");
    static final AttributeKey<String> GROUP =
            AttributeKey.stringKey("messaging.consumer.group.name");
    static final AttributeKey<Long> BATCH_COUNT =
            AttributeKey.longKey("messaging.batch.message_count");
    static final AttributeKey<Long> OFFSET = AttributeKey.longKey("messaging.kafka.offset");
    static final AttributeKey<String> KEY = AttributeKey.stringKey("messaging.kafka.message.key");
    static final AttributeKey<Boolean> TOMBSTONE =
            AttributeKey.booleanKey("messaging.kafka.message.tombstone");
    static final AttributeKey<String> ERROR_TYPE = AttributeKey.stringKey("error.type");

    /** Our own: how many spans' contexts a record with several traceparents claimed. */
    static final AttributeKey<Long> DUPLICATES =
            AttributeKey.longKey("throughline.context.duplicates");

    /** Our own: the links that a batch span has room for are 128; how many more there were. */
    static final AttributeKey<Long> LINKS_DROPPED =
            AttributeKey.longKey("throughline.links.dropped");

    /** Our own, on the metric {@code throughline.context}. */
    static final AttributeKey<String> OUTCOME = AttributeKey.stringKey("outcome");

    /** Our own, on the metric {@code throughline.faults}. */
    static final AttributeKey<String> STEP = AttributeKey.stringKey("step");

    /** A key may be of any length; a span holds so many characters of it. */
    private static final int MAX_KEY = 256;

    /** An SDK's span keeps this many links. */
    static final int MAX_LINKS = 128;

    private Semconv() {}

    /**
     * A key as a span may hold it: text or a number, so much of it as in every language; bytes and
     * objects say nothing there.
     */
    static String keyText(Object key) {
        if (key instanceof CharSequence || key instanceof Number || key instanceof UUID) {
            String text = key.toString();
            return text.length() <= MAX_KEY ? text : text.substring(0, MAX_KEY);
        }
        return null;
    }
}
