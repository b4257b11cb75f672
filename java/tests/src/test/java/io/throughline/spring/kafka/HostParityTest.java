package io.throughline.spring.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.stream.IntStream;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.listener.AcknowledgingMessageListener;
import org.springframework.kafka.listener.BatchInterceptor;
import org.springframework.kafka.listener.BatchListenerFailedException;
import org.springframework.kafka.listener.BatchMessageListener;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.ContainerProperties.AckMode;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.listener.RecordInterceptor;
import org.springframework.util.backoff.FixedBackOff;

/**
 * The same container with ours and without, on a real Kafka: what it calls, in which order, with
 * which errors, and what it commits, is the same.
 */
@RealKafka
class HostParityTest {
    /** What one run has shown, in order; its last event is awaited. */
    private static final class Seen {
        private final List<String> events = Collections.synchronizedList(new ArrayList<>());
        private final CountDownLatch done = new CountDownLatch(1);

        void add(String event) {
            events.add(event);
        }
    }

    private record Run(Seen seen, ConcurrentMessageListenerContainer<String, String> container) {}

    @Test
    void aListenerThatFailsTwiceAndIsRecovered() throws Exception {
        List<String> events =
                same(
                        3,
                        (run, traced) -> {
                            MessageListener<String, String> listener =
                                    record -> {
                                        run.seen.add("listen " + record.value());
                                        if (record.value().equals("1")) {
                                            throw new IllegalStateException("declined");
                                        }
                                        if (record.value().equals("2")) run.seen.done.countDown();
                                    };
                            run.container.setupMessageListener(listener);
                            run.container.setCommonErrorHandler(
                                    new DefaultErrorHandler(
                                            (record, error) ->
                                                    run.seen.add("recover " + chain(error)),
                                            new FixedBackOff(0, 1)));
                            interceptRecords(run, traced, own(run.seen));
                        });
        assertTrue(events.contains("own failure 1"), events.toString());
        assertEquals("committed 3", events.get(events.size() - 1));
    }

    @Test
    void anInterceptorOfTheUsersThatThrowsAndOneThatSkips() throws Exception {
        same(
                3,
                (run, traced) -> {
                    MessageListener<String, String> listener =
                            record -> {
                                run.seen.add("listen " + record.value());
                                if (record.value().equals("2")) run.seen.done.countDown();
                            };
                    run.container.setupMessageListener(listener);
                    run.container.setCommonErrorHandler(
                            new DefaultErrorHandler(
                                    (record, error) -> run.seen.add("recover " + chain(error)),
                                    new FixedBackOff(0, 0)));
                    interceptRecords(
                            run,
                            traced,
                            new RecordInterceptor<>() {
                                @Override
                                public ConsumerRecord<String, String> intercept(
                                        ConsumerRecord<String, String> record,
                                        Consumer<String, String> consumer) {
                                    run.seen.add("own intercept " + record.value());
                                    if (record.value().equals("0")) return null;
                                    if (record.value().equals("1")) {
                                        throw new IllegalArgumentException("own");
                                    }
                                    return record;
                                }

                                @Override
                                public void afterRecord(
                                        ConsumerRecord<String, String> record,
                                        Consumer<String, String> consumer) {
                                    run.seen.add("own after " + record.value());
                                }
                            });
                });
    }

    @Test
    void recordsThatAreAcknowledgedByHandAndOneThatIsNot() throws Exception {
        List<String> events =
                same(
                        3,
                        (run, traced) -> {
                            run.container.getContainerProperties().setAckMode(AckMode.MANUAL);
                            boolean[] refused = new boolean[1];
                            AcknowledgingMessageListener<String, String> listener =
                                    (record, acknowledgment) -> {
                                        run.seen.add("listen " + record.value());
                                        if (record.value().equals("1") && !refused[0]) {
                                            refused[0] = true;
                                            acknowledgment.nack(Duration.ZERO);
                                            return;
                                        }
                                        acknowledgment.acknowledge();
                                        if (record.value().equals("2")) run.seen.done.countDown();
                                    };
                            run.container.setupMessageListener(listener);
                            interceptRecords(run, traced, own(run.seen));
                        });
        assertEquals(2, Collections.frequency(events, "listen 1"));
    }

    @Test
    void aBatchOfWhichOneRecordFails() throws Exception {
        List<String> events =
                same(
                        3,
                        (run, traced) -> {
                            BatchMessageListener<String, String> listener =
                                    records -> {
                                        for (ConsumerRecord<String, String> record : records) {
                                            run.seen.add("listen " + record.value());
                                            if (record.value().equals("1")) {
                                                throw new BatchListenerFailedException(
                                                        "one", new Exception("declined"), record);
                                            }
                                            if (record.value().equals("2")) {
                                                run.seen.done.countDown();
                                            }
                                        }
                                    };
                            run.container.setupMessageListener(listener);
                            run.container.setCommonErrorHandler(
                                    new DefaultErrorHandler(
                                            (record, error) ->
                                                    run.seen.add(
                                                            "recover "
                                                                    + record.value()
                                                                    + " "
                                                                    + chain(error)),
                                            new FixedBackOff(0, 1)));
                            BatchInterceptor<String, String> own = ownOfBatches(run.seen);
                            run.container.setBatchInterceptor(
                                    traced == null ? own : traced.batchInterceptor(own));
                        });
        assertTrue(events.toString().contains("recover 1 "), events.toString());
    }

    /** Runs it with ours and without, and gives what both have shown. */
    private static List<String> same(int records, BiConsumer<Run, Throughline> settings)
            throws Exception {
        List<String> bare = run(records, null, settings);
        try (Telemetry telemetry = new Telemetry()) {
            assertEquals(bare, run(records, Throughline.create(telemetry.sdk), settings));
            telemetry.allEnded();
            assertTrue(telemetry.count() > 0);
        }
        return bare;
    }

    private static List<String> run(
            int records, Throughline traced, BiConsumer<Run, Throughline> settings)
            throws Exception {
        String topic = Broker.topic("orders");
        String group = "parity-" + UUID.randomUUID();
        Broker.publish(
                IntStream.range(0, records).mapToObj(at -> Broker.record(topic, "" + at)).toList());
        Seen seen = new Seen();
        ContainerProperties properties = new ContainerProperties(topic);
        properties.setPollTimeout(200);
        ConcurrentMessageListenerContainer<String, String> container =
                new ConcurrentMessageListenerContainer<>(
                        new DefaultKafkaConsumerFactory<>(Broker.consumerSettings(group)),
                        properties);
        settings.accept(new Run(seen, container), traced);
        container.start();
        boolean done = seen.done.await(30, TimeUnit.SECONDS);
        container.stop();
        assertTrue(done, () -> "only " + seen.events);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", Broker.ADDRESS))) {
            OffsetAndMetadata committed =
                    admin.listConsumerGroupOffsets(group)
                            .partitionsToOffsetAndMetadata()
                            .get()
                            .get(new TopicPartition(topic, 0));
            seen.add("committed " + (committed == null ? "nothing" : committed.offset()));
        }
        return List.copyOf(seen.events);
    }

    private static void interceptRecords(
            Run run, Throughline traced, RecordInterceptor<String, String> own) {
        run.container.setRecordInterceptor(traced == null ? own : traced.recordInterceptor(own));
    }

    /** An interceptor of the user's that tells all it is called with. */
    private static RecordInterceptor<String, String> own(Seen seen) {
        return new RecordInterceptor<>() {
            @Override
            public ConsumerRecord<String, String> intercept(
                    ConsumerRecord<String, String> record, Consumer<String, String> consumer) {
                seen.add("own intercept " + record.value());
                return record;
            }

            @Override
            public void success(
                    ConsumerRecord<String, String> record, Consumer<String, String> consumer) {
                seen.add("own success " + record.value());
            }

            @Override
            public void failure(
                    ConsumerRecord<String, String> record,
                    Exception error,
                    Consumer<String, String> consumer) {
                seen.add("own failure " + record.value());
                seen.add(chain(error));
            }

            @Override
            public void afterRecord(
                    ConsumerRecord<String, String> record, Consumer<String, String> consumer) {
                seen.add("own after " + record.value());
            }
        };
    }

    private static BatchInterceptor<String, String> ownOfBatches(Seen seen) {
        return new BatchInterceptor<>() {
            @Override
            public ConsumerRecords<String, String> intercept(
                    ConsumerRecords<String, String> records, Consumer<String, String> consumer) {
                seen.add("own intercept " + records.count());
                return records;
            }

            @Override
            public void success(
                    ConsumerRecords<String, String> records, Consumer<String, String> consumer) {
                seen.add("own success " + records.count());
            }

            @Override
            public void failure(
                    ConsumerRecords<String, String> records,
                    Exception error,
                    Consumer<String, String> consumer) {
                seen.add("own failure " + records.count() + " " + chain(error));
            }
        };
    }

    /** An error and its causes, by their classes: messages hold topics, which differ. */
    private static String chain(Throwable error) {
        StringBuilder chain = new StringBuilder();
        for (Throwable each = error; each != null; each = each.getCause()) {
            chain.append(each.getClass().getSimpleName()).append(' ');
        }
        return chain.toString();
    }
}
