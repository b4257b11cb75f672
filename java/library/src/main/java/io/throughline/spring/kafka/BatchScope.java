package io.throughline.spring.kafka;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.context.Context;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.springframework.kafka.support.KafkaUtils;

/**
 * A batch that a listener is given as a whole. Its records belong to many traces: its span is the
 * root of its own, with a link to each, and no record's baggage is active in it.
 */
final class BatchScope {
    /** Each record's context, read once. */
    private final Map<ConsumerRecord<?, ?>, Extracted> read;

    /** The consumer group, for the spans of single records on any thread; may be null. */
    final String group;

    private final List<SpanContext> links = new ArrayList<>();
    private long dropped;
    private volatile boolean hadSingles;

    private BatchScope(int count, String group) {
        this.read = new IdentityHashMap<>(count);
        this.group = group;
    }

    /** What a record of this batch carries; null for any other. */
    Extracted contextOf(ConsumerRecord<?, ?> record) {
        return read.get(record);
    }

    /** A record of it is handled by itself: the batch as a whole is not measured beside it. */
    void hasSingle() {
        if (!hadSingles) hadSingles = true;
    }

    boolean hadSingles() {
        return hadSingles;
    }

    /** Opens a batch's scope on this thread; null where all of its topics are ignored. */
    static ProcessScope open(Tracing tracing, ConsumerRecords<?, ?> delivered) {
        Context clean = ContextKeys.clean(Context.current());
        BatchScope batch = new BatchScope(delivered.count(), KafkaUtils.getConsumerGroupId());
        batch.read(tracing, delivered, clean);
        if (batch.read.isEmpty()) return null;
        Source source = shared(tracing, delivered, batch.group);
        Context context = clean.with(ContextKeys.BATCH, batch);
        Span span = null;
        try {
            if (tracing.options.spans()) span = batch.start(tracing, source);
            if (span != null && span.isRecording()) tracing.carrying().tellWhatLacks();
        } catch (Throwable problem) {
            Faults.fault("starting a batch's span", problem);
        }
        Context active = span == null ? context : context.with(span);
        return ProcessScope.ofBatch(active, span, source, batch, tracing.meters());
    }

    private void read(Tracing tracing, ConsumerRecords<?, ?> delivered, Context clean) {
        Options options = tracing.options;
        for (TopicPartition partition : delivered.partitions()) {
            if (options.ignore().test(partition.topic())) continue;
            Source source = tracing.delivering(partition.topic(), partition.partition(), group);
            for (ConsumerRecord<?, ?> record : delivered.records(partition)) {
                Extracted extracted =
                        tracing.carrying().read(record.headers(), options.duplicates(), clean);
                source.countDelivery(extracted.outcome());
                read.put(record, extracted);
                for (SpanContext each : extracted.all()) {
                    if (links.size() < Semconv.MAX_LINKS) links.add(each);
                    else dropped++;
                }
            }
        }
    }

    private Span start(Tracing tracing, Source source) {
        SpanBuilder builder =
                tracing.tracer()
                        .spanBuilder(source.spanName)
                        .setNoParent()
                        .setSpanKind(SpanKind.CONSUMER)
                        .setAllAttributes(source.span)
                        .setAttribute(Semconv.BATCH_COUNT, (long) read.size());
        for (SpanContext each : links) builder.addLink(each);
        if (dropped > 0) builder.setAttribute(Semconv.LINKS_DROPPED, dropped);
        return builder.startSpan();
    }

    /** Where its records come from, as far as they share it. */
    private static Source shared(Tracing tracing, ConsumerRecords<?, ?> delivered, String group) {
        TopicPartition first = null;
        for (TopicPartition partition : delivered.partitions()) {
            if (first == null) first = partition;
            if (!first.topic().equals(partition.topic())) return tracing.source(null, null, group);
        }
        Integer partition = delivered.partitions().size() == 1 ? first.partition() : null;
        return tracing.source(first.topic(), partition, group);
    }
}
