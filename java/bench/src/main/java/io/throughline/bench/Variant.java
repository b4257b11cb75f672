package io.throughline.bench;

import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.kafka.listener.BatchInterceptor;
import org.springframework.kafka.listener.RecordInterceptor;

/** One way to do the same with the same records. */
interface Variant {
    /** Does it once with all of them. */
    void round(List<ConsumerRecord<String, String>> records);

    /** A listener of single records: what spring-kafka calls around it, in its order. */
    static Variant records(RecordInterceptor<String, String> interceptor, Handler handler) {
        return records -> {
            for (ConsumerRecord<String, String> record : records) {
                if (interceptor == null) {
                    handler.handle(record);
                    continue;
                }
                interceptor.intercept(record, null);
                handler.handle(record);
                interceptor.success(record, null);
                interceptor.afterRecord(record, null);
            }
        };
    }

    /** A listener of batches of 100. */
    static Variant batches(BatchInterceptor<String, String> interceptor, Handler handler) {
        return records -> {
            for (int from = 0; from < records.size(); from += 100) {
                List<ConsumerRecord<String, String>> batch = records.subList(from, from + 100);
                ConsumerRecords<String, String> delivered = delivered(batch);
                if (interceptor != null) interceptor.intercept(delivered, null);
                for (ConsumerRecord<String, String> record : batch) handler.handle(record);
                if (interceptor != null) interceptor.success(delivered, null);
            }
        };
    }

    /** Sends of single records, to a producer in memory that answers at once. */
    static Variant sends(Wrap wrap) {
        StringSerializer text = new StringSerializer();
        MockProducer<String, String> memory = new MockProducer<>(true, null, text, text);
        Producer<String, String> producer = wrap.apply(memory);
        return records -> {
            for (ConsumerRecord<String, String> record : records) {
                producer.send(new ProducerRecord<>("orders", record.key(), record.value()));
            }
            memory.clear();
        };
    }

    @SuppressWarnings({"deprecation", "unchecked"}) // the newer is not in spring-kafka 3.3's client
    private static ConsumerRecords<String, String> delivered(
            List<ConsumerRecord<String, String>> batch) {
        Map<TopicPartition, List<ConsumerRecord<String, String>>> map =
                Map.of(new TopicPartition("orders", 0), batch);
        return new ConsumerRecords<>(map);
    }

    /** What a listener does with a record. */
    interface Handler {
        void handle(ConsumerRecord<String, String> record);
    }

    /** Makes a producer traced. */
    interface Wrap {
        Producer<String, String> apply(Producer<String, String> producer);
    }
}
