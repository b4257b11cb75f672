package io.throughline.spring.kafka;

import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.context.Context;
import java.math.BigInteger;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.springframework.kafka.retrytopic.RetryTopicHeaders;
import org.springframework.kafka.support.KafkaUtils;

/** Opens a record's scope: its own context extracted, then activated, and only then the span. */
final class RecordScopes {
    private final Tracing tracing;

    RecordScopes(Tracing tracing) {
        this.tracing = tracing;
    }

    /** The record's context as the application would see it, without a span of ours. */
    Context contextOf(ConsumerRecord<?, ?> record) {
        Context active = Context.current();
        return carried(active, read(record, active), true, null);
    }

    /**
     * A record that its container delivers; null where its topic is ignored, or where another of
     * our interceptors in a composite has opened its scope already.
     */
    ProcessScope deliver(ConsumerRecord<?, ?> record) {
        if (tracing.options.ignore().test(record.topic())) return null;
        Context active = Context.current();
        if (ContextKeys.recordOf(active) == record) return null;
        Extracted extracted = read(record, active);
        if (isNotDue(record)) {
            return ProcessScope.ofContext(carried(active, extracted, true, null));
        }
        String group = KafkaUtils.getConsumerGroupId();
        Source source = tracing.delivering(record.topic(), record.partition(), group);
        source.countDelivery(extracted.outcome());
        return open(record, extracted, active, source, null);
    }

    /**
     * A record that the application holds: of the active batch, or of its own. Null where its topic
     * is ignored, or where it is the one that is active already.
     */
    ProcessScope hold(ConsumerRecord<?, ?> record) {
        if (tracing.options.ignore().test(record.topic())) return null;
        Context active = Context.current();
        if (ContextKeys.recordOf(active) == record) return null;
        SpanContext around = Span.fromContext(active).getSpanContext();
        BatchScope batch = active.get(ContextKeys.BATCH);
        Extracted known = batch == null ? null : batch.contextOf(record);
        if (known != null) {
            batch.hasSingle();
            Source source = tracing.source(record.topic(), record.partition(), batch.group);
            return open(record, known, active, source, around.isSampled() ? around : null);
        }
        Extracted extracted = read(record, active);
        String group = batch == null ? KafkaUtils.getConsumerGroupId() : batch.group;
        Source source = tracing.source(record.topic(), record.partition(), group);
        if (!tracing.delivers(record.topic())) source.countDelivery(extracted.outcome());
        return open(record, extracted, active, source, ofAnotherTrace(around, extracted));
    }

    /**
     * A record of a retry topic is delivered, and thrown back before its listener is called, until
     * its time has come. That is no attempt, and gets no span. (Should its time come in the moment
     * between this look and spring-kafka's, its listener has the record's context and no span.)
     */
    private static boolean isNotDue(ConsumerRecord<?, ?> record) {
        Header due =
                record.headers().lastHeader(RetryTopicHeaders.DEFAULT_HEADER_BACKOFF_TIMESTAMP);
        if (due == null || due.value() == null || due.value().length == 0) return false;
        if (due.value().length > Long.BYTES) return false;
        return new BigInteger(due.value()).longValue() > System.currentTimeMillis();
    }

    private Extracted read(ConsumerRecord<?, ?> record, Context active) {
        return tracing.carrying().read(record.headers(), tracing.options.duplicates(), active);
    }

    /** A span that is active around a record, where it is of another trace; else null. */
    private static SpanContext ofAnotherTrace(SpanContext around, Extracted extracted) {
        if (!around.isValid()) return null;
        SpanContext parent = extracted.parent();
        boolean same = parent != null && parent.getTraceId().equals(around.getTraceId());
        return same ? null : around;
    }

    private ProcessScope open(
            ConsumerRecord<?, ?> record,
            Extracted extracted,
            Context active,
            Source source,
            SpanContext linked) {
        Options options = tracing.options;
        boolean continued = !options.spans() || options.relation() != Options.Relation.LINK;
        Context context = carried(active, extracted, continued, record);
        Span span = null;
        try {
            if (options.spans()) span = start(extracted, context, source, linked);
            // Without an SDK the parent itself comes back: the record's own context is then what
            // is active.
            if (span != null && span.isRecording()) describe(span, record, extracted);
        } catch (Throwable problem) {
            Faults.fault("starting a record's span", problem);
        }
        Context handled = span == null ? context : context.with(span);
        return ProcessScope.ofRecord(handled, span, source, tracing.meters());
    }

    private Span start(Extracted extracted, Context context, Source source, SpanContext linked) {
        SpanBuilder builder =
                tracing.tracer()
                        .spanBuilder(source.spanName)
                        .setSpanKind(SpanKind.CONSUMER)
                        .setParent(context)
                        .setAllAttributes(source.span);
        boolean parentCounts = tracing.options.relation() == Options.Relation.PARENT;
        for (SpanContext each : parentCounts ? extracted.several() : extracted.all()) {
            builder.addLink(each);
        }
        if (linked != null) builder.addLink(linked);
        return builder.startSpan();
    }

    /**
     * A context with what a record carries in place of what an earlier one, or whoever runs the
     * loop, left in it: span, baggage, record. The application's own values stay.
     */
    private static Context carried(
            Context active, Extracted extracted, boolean continued, ConsumerRecord<?, ?> record) {
        Context context = extracted.behind() == null ? active : extracted.behind();
        Baggage baggage = extracted.baggage();
        if (!baggage.isEmpty() || !Baggage.fromContext(context).isEmpty()) {
            context = context.with(baggage);
        }
        SpanContext parent = extracted.parent();
        context = context.with(ContextKeys.ORIGIN, new ContextKeys.Origin(record, parent));
        return context.with(parent != null && continued ? Span.wrap(parent) : Span.getInvalid());
    }

    private void describe(Span span, ConsumerRecord<?, ?> record, Extracted extracted) {
        tracing.carrying().tellWhatLacks();
        span.setAttribute(Semconv.OFFSET, record.offset());
        if (record.value() == null) span.setAttribute(Semconv.TOMBSTONE, true);
        String key = tracing.options.messageKey() ? Semconv.keyText(record.key()) : null;
        if (key != null) span.setAttribute(Semconv.KEY, key);
        if (!extracted.several().isEmpty()) {
            span.setAttribute(Semconv.DUPLICATES, (long) extracted.several().size());
        }
    }
}
