package io.throughline.spring.kafka;

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

    /** Null where no span is made. */
    private final Span span;

    private final Context active;
    private final Destination destination;
    private final Meters meters;
    private final long began;
    private final AtomicBoolean ended = new AtomicBoolean();

    private Sending(
            ProducerRecord<?, ?> record,
            Callback callback,
            Span span,
            Context active,
            Destination destination,
            Meters meters) {
        this.record = record;
        this.callback = callback;
        this.span = span;
        this.active = active;
        this.destination = destination;
        this.meters = meters;
        this.began = meters.now();
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
        Destination destination = tracing.destination(record.topic());
        Span span = null;
        try {
            if (tracing.options.spans()) span = start(destination, lineage, tracing);
            if (span != null && span.isRecording()) describe(span, record, tracing);
        } catch (Throwable problem) {
            Faults.fault("starting a send's span", problem);
        }
        Context context = span == null ? lineage.parent() : lineage.parent().with(span);
        ProducerRecord<?, ?> sent = record;
        try {
            sent = withContext(record, lineage, context, tracing);
        } catch (Throwable problem) {
            Faults.fault("writing a record's context", problem);
        }
        return new Sending(sent, callback, span, active, destination, tracing.meters());
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
        if (!ended.compareAndSet(false, true)) return;
        try {
            destination.count(meters, began, error == null ? null : error.getClass().getName());
        } catch (Throwable problem) {
            Faults.fault("counting a send", problem);
        }
        if (span == null) return;
        try {
            if (span.isRecording()) answered(metadata, error);
        } catch (Throwable problem) {
            Faults.fault("describing a send", problem);
        }
        try {
            span.end();
        } catch (Throwable problem) {
            Faults.fault("ending a send's span", problem);
        }
    }

    private void answered(RecordMetadata metadata, Throwable error) {
        if (metadata != null && metadata.partition() >= 0) {
            span.setAttribute(Semconv.PARTITION, Integer.toString(metadata.partition()));
        }
        if (metadata != null && metadata.hasOffset()) {
            span.setAttribute(Semconv.OFFSET, metadata.offset());
        }
        if (error != null) {
            span.setStatus(StatusCode.ERROR, error.getMessage() == null ? "" : error.getMessage());
            span.setAttribute(Semconv.ERROR_TYPE, error.getClass().getName());
            span.recordException(error);
        }
    }

    private static Span start(Destination destination, Lineage lineage, Tracing tracing) {
        // The convention: PRODUCER where its context is what the record carries, else CLIENT.
        SpanKind kind = lineage.untouched() ? SpanKind.CLIENT : SpanKind.PRODUCER;
        SpanBuilder builder =
                tracing.tracer()
                        .spanBuilder(destination.spanName)
                        .setSpanKind(kind)
                        .setParent(lineage.parent())
                        .setAllAttributes(destination.span);
        for (SpanContext link : lineage.links()) builder.addLink(link);
        return builder.startSpan();
    }

    private static void describe(Span span, ProducerRecord<?, ?> record, Tracing tracing) {
        tracing.carrying().tellWhatLacks();
        if (record.value() == null) span.setAttribute(Semconv.TOMBSTONE, true);
        String key = tracing.options.messageKey() ? Semconv.keyText(record.key()) : null;
        if (key != null) span.setAttribute(Semconv.KEY, key);
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
