package io.throughline.spring.kafka;

import io.opentelemetry.api.common.AttributesBuilder;
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
        Context clean = ContextKeys.clean(Context.current());
        return carried(clean, read(record, clean), true);
    }

    /**
     * A record that its container delivers; null where its topic is ignored, or where another of
     * our interceptors in a composite has opened its scope already.
     */
    ProcessScope deliver(ConsumerRecord<?, ?> record) {
        if (tracing.options.ignore().test(record.topic())) return null;
        if (Context.current().get(ContextKeys.RECORD) == record) return null;
        Context clean = ContextKeys.clean(Context.current());
        Extracted extracted = read(record, clean);
        if (isNotDue(record)) return ProcessScope.open(carried(clean, extracted, true), null);
        tracing.count(record.topic(), extracted.outcome());
        return open(record, extracted, clean, KafkaUtils.getConsumerGroupId(), null);
    }

    /**
     * A record that the application holds: of the active batch, or of its own. Null where its topic
     * is ignored, or where it is the one that is active already.
     */
    ProcessScope hold(ConsumerRecord<?, ?> record) {
        Context current = Context.current();
        if (tracing.options.ignore().test(record.topic())) return null;
        if (current.get(ContextKeys.RECORD) == record) return null;
        Context clean = ContextKeys.clean(current);
        BatchScope batch = current.get(ContextKeys.BATCH);
        Extracted known = batch == null ? null : batch.contextOf(record);
        Extracted extracted = known;
        if (extracted == null) {
            extracted = read(record, clean);
            tracing.count(record.topic(), extracted.outcome());
        }
        String group = batch == null ? KafkaUtils.getConsumerGroupId() : batch.group();
        SpanContext around = Span.fromContext(current).getSpanContext();
        return open(record, extracted, clean, group, linkTo(around, extracted, known != null));
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

    private Extracted read(ConsumerRecord<?, ?> record, Context clean) {
        return tracing.carrying().read(record.headers(), tracing.options.duplicates(), clean);
    }

    /** The batch's span where it is sampled, or a span of another trace that is active around. */
    private static SpanContext linkTo(SpanContext around, Extracted extracted, boolean inBatch) {
        if (!around.isValid()) return null;
        if (inBatch) return around.isSampled() ? around : null;
        SpanContext parent = extracted.parent();
        boolean same = parent != null && parent.getTraceId().equals(around.getTraceId());
        return same ? null : around;
    }

    private ProcessScope open(
            ConsumerRecord<?, ?> record,
            Extracted extracted,
            Context clean,
            String group,
            SpanContext linked) {
        Options options = tracing.options;
        boolean continued = !options.spans() || options.relation() != Options.Relation.LINK;
        Context context = carried(clean, extracted, continued).with(ContextKeys.RECORD, record);
        if (!options.spans()) return ProcessScope.open(context, null);
        SpanBuilder builder =
                tracing.tracer()
                        .spanBuilder("process " + record.topic())
                        .setSpanKind(SpanKind.CONSUMER)
                        .setParent(context)
                        .setAllAttributes(attributes(record, group).build());
        if (options.relation() == Options.Relation.PARENT) {
            for (SpanContext each : extracted.several()) builder.addLink(each);
        } else {
            for (SpanContext each : extracted.all()) builder.addLink(each);
        }
        if (linked != null) builder.addLink(linked);
        Span span = builder.startSpan();
        // Without an SDK the parent itself comes back: the record's own context is then what is
        // active.
        if (span.isRecording()) describe(span, record, extracted);
        return ProcessScope.open(context.with(span), span);
    }

    private static Context carried(Context clean, Extracted extracted, boolean continued) {
        Context context = extracted.behind() == null ? clean : extracted.behind();
        SpanContext parent = extracted.parent();
        boolean isParent = parent != null && continued;
        context = context.with(isParent ? Span.wrap(parent) : Span.getInvalid());
        if (parent != null) context = context.with(ContextKeys.CREATION, parent);
        if (extracted.baggage().isEmpty()) return context;
        return context.with(extracted.baggage());
    }

    static AttributesBuilder attributes(ConsumerRecord<?, ?> record, String group) {
        AttributesBuilder attributes = Semconv.process(record.topic(), group);
        attributes.put(Semconv.PARTITION, Integer.toString(record.partition()));
        return attributes;
    }

    private void describe(Span span, ConsumerRecord<?, ?> record, Extracted extracted) {
        span.setAttribute(Semconv.OFFSET, record.offset());
        if (record.value() == null) span.setAttribute(Semconv.TOMBSTONE, true);
        String key = tracing.options.messageKey() ? Semconv.keyText(record.key()) : null;
        if (key != null) span.setAttribute(Semconv.KEY, key);
        if (!extracted.several().isEmpty()) {
            span.setAttribute(Semconv.DUPLICATES, (long) extracted.several().size());
        }
    }
}
