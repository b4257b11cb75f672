package io.throughline.spring.kafka;

import io.opentelemetry.api.common.AttributesBuilder;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanBuilder;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.context.Context;
import java.util.IdentityHashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.springframework.kafka.support.KafkaUtils;

/**
 * A batch that a listener is given as a whole. Its records belong to many traces: its span is the
 * root of its own, with a link to each, and no record's baggage is active in it.
 *
 * @param records each record's context, read once
 * @param group the consumer group, for the spans of single records on any thread; may be null
 */
record BatchScope(Map<ConsumerRecord<?, ?>, Extracted> records, String group) {

    /** What a record of this batch carries; null for any other. */
    Extracted contextOf(ConsumerRecord<?, ?> record) {
        return records.get(record);
    }

    /** Opens a batch's scope on this thread; null where all of its topics are ignored. */
    static ProcessScope open(Tracing tracing, ConsumerRecords<?, ?> delivered) {
        Context clean = ContextKeys.clean(Context.current());
        String group = KafkaUtils.getConsumerGroupId();
        Map<ConsumerRecord<?, ?>, Extracted> read = new IdentityHashMap<>(delivered.count());
        BatchScope batch = new BatchScope(read, group);
        Context context = clean.with(ContextKeys.BATCH, batch);
        SpanBuilder builder = tracing.tracer().spanBuilder(name(delivered));
        int links = 0;
        int dropped = 0;
        for (ConsumerRecord<?, ?> record : delivered) {
            if (tracing.options.ignore().test(record.topic())) continue;
            Extracted extracted =
                    tracing.carrying().read(record.headers(), tracing.options.duplicates(), clean);
            tracing.count(record.topic(), extracted.outcome());
            read.put(record, extracted);
            for (SpanContext each : extracted.all()) {
                if (links++ < Semconv.MAX_LINKS) builder.addLink(each);
                else dropped++;
            }
        }
        if (read.isEmpty()) return null;
        if (!tracing.options.spans()) return ProcessScope.open(context, null);
        builder.setNoParent().setSpanKind(SpanKind.CONSUMER);
        builder.setAllAttributes(attributes(delivered, group, read.size()).build());
        Span span = builder.startSpan();
        if (dropped > 0) span.setAttribute(Semconv.LINKS_DROPPED, (long) dropped);
        return ProcessScope.open(context.with(span), span);
    }

    private static String name(ConsumerRecords<?, ?> delivered) {
        String topic = oneTopic(delivered);
        return topic == null ? "process" : "process " + topic;
    }

    private static AttributesBuilder attributes(
            ConsumerRecords<?, ?> delivered, String group, int count) {
        AttributesBuilder attributes = Semconv.process(oneTopic(delivered), group);
        if (delivered.partitions().size() == 1) {
            int partition = delivered.partitions().iterator().next().partition();
            attributes.put(Semconv.PARTITION, Integer.toString(partition));
        }
        return attributes.put(Semconv.BATCH_COUNT, (long) count);
    }

    private static String oneTopic(ConsumerRecords<?, ?> delivered) {
        String topic = null;
        for (TopicPartition partition : delivered.partitions()) {
            if (topic != null && !topic.equals(partition.topic())) return null;
            topic = partition.topic();
        }
        return topic;
    }
}
