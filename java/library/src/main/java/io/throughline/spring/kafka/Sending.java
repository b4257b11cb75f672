package io.throughline.spring.kafka;

import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/**
 * One record being sent: a span from the call until the broker's answer, and a copy of the record
 * with new headers. The application's record and its headers are not written to.
 */
final class Sending implements Callback {
    private final ProducerRecord<?, ?> record;
    private final Callback callback;
    private final Span span;
    private final Context active;
    private final AtomicBoolean ended = new AtomicBoolean();

    private Sending(ProducerRecord<?, ?> record, Callback callback, Span span, Context active) {
        this.record = record;
        this.callback = callback;
        this.span = span;
        this.active = active;
    }

    /** Null where the topic is ignored: the record is then sent as it is. */
    static Sending open(
            ProducerRecord<?, ?> record,
            Callback callback,
            Tracing tracing,
            FailedAttempts attempts) {
        if (tracing.options.ignore().test(record.topic())) return null;
        Context active = Context.current();
        Lineage lineage = Lineage.of(record, tracing, attempts);
        Span span = tracing.options.spans() ? start(record, lineage, tracing) : null;
        Context context = span == null ? lineage.parent() : lineage.parent().with(span);
        return new Sending(withContext(record, lineage, context, tracing), callback, span, active);
    }

    /** The record to send. */
    ProducerRecord<?, ?> record() {
        return record;
    }

    /**
     * The broker answered, on the producer's own thread: the application's callback runs in the
     * context of the send, and so do the stages that wait for KafkaTemplate's future.
     */
    @Override
    public void onCompletion(RecordMetadata metadata, Exception error) {
        end(metadata, error);
        if (callback == null) return;
        try (Scope scope = active.makeCurrent()) {
            callback.onCompletion(metadata, error);
        }
    }

    void end(RecordMetadata metadata, Throwable error) {
        if (span == null || !ended.compareAndSet(false, true)) return;
        try {
            if (metadata != null && metadata.partition() >= 0) {
                span.setAttribute(Semconv.PARTITION, Integer.toString(metadata.partition()));
            }
            if (metadata != null && metadata.hasOffset()) {
                span.setAttribute(Semconv.OFFSET, metadata.offset());
            }
            if (error != null) {
                span.setStatus(
                        StatusCode.ERROR, error.getMessage() == null ? "" : error.getMessage());
                span.setAttribute(Semconv.ERROR_TYPE, error.getClass().getName());
                span.recordException(error);
            }
            span.end();
        } catch (Throwable problem) {
            Faults.fault("ending a send's span", problem);
        }
    }

    private static Span start(ProducerRecord<?, ?> record, Lineage lineage, Tracing tracing) {
        // The convention: PRODUCER where its context is what the record carries, else CLIENT.
        SpanKind kind = lineage.untouched() ? SpanKind.CLIENT : SpanKind.PRODUCER;
        SpanBuilder builder =
                tracing.tracer()
                        .spanBuilder("send " + record.topic())
                        .setSpanKind(kind)
                        .setParent(lineage.parent())
                        .setAllAttributes(
                                Attributes.of(
                                        Semconv.OPERATION_NAME, "send",
                                        Semconv.OPERATION_TYPE, "send",
                                        Semconv.SYSTEM, "kafka",
                                        Semconv.DESTINATION, record.topic()));
        for (SpanContext link : lineage.links()) builder.addLink(link);
        Span span = builder.startSpan();
        if (span.isRecording()) {
            if (record.value() == null) span.setAttribute(Semconv.TOMBSTONE, true);
            String key = tracing.options.messageKey() ? Semconv.keyText(record.key()) : null;
            if (key != null) span.setAttribute(Semconv.KEY, key);
        }
        return span;
    }

    private static <K, V> ProducerRecord<K, V> withContext(
            ProducerRecord<K, V> record, Lineage lineage, Context context, Tracing tracing) {
        List<Header> fields =
                lineage.untouched() ? List.of() : tracing.carrying().fieldsOf(context);
        Headers headers = record.headers();
        if (lineage.untouched() || (lineage.carries() && fields.isEmpty())) return record;
        return new ProducerRecord<>(
                record.topic(),
                record.partition(),
                record.timestamp(),
                record.key(),
                record.value(),
                TraceHeaders.replaced(headers, tracing.carrying().fields, fields));
    }
}
