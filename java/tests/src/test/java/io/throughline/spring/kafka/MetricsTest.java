package io.throughline.spring.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.sdk.metrics.data.HistogramPointData;
import io.opentelemetry.sdk.metrics.data.MetricData;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.listener.BatchMessageListener;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.util.backoff.FixedBackOff;

/** The messaging convention's metrics, and our own, on a real Kafka. */
@RealKafka
class MetricsTest {
    private final Application application = new Application();
    private final Telemetry telemetry = application.telemetry;
    private final String topic = Broker.topic("orders");
    private final String group = "group-" + UUID.randomUUID();

    @AfterEach
    void close() {
        application.close();
    }

    @Test
    void aDeliveredRecordIsCountedOnceAndTimedWithWhereItCameFrom() {
        listen(record -> telemetry.mark("charge card"));
        telemetry.inSpan("order", () -> application.template.send(topic, "k", "one").join());
        telemetry.span("process " + topic);
        application.stop();

        Attributes from =
                Attributes.builder()
                        .put("messaging.operation.name", "process")
                        .put("messaging.system", "kafka")
                        .put("messaging.destination.name", topic)
                        .put("messaging.destination.partition.id", "0")
                        .put("messaging.consumer.group.name", group)
                        .build();
        Attributes to =
                Attributes.builder()
                        .put("messaging.operation.name", "send")
                        .put("messaging.system", "kafka")
                        .put("messaging.destination.name", topic)
                        .build();
        assertEquals(Map.of(from, 1L), counts("messaging.client.consumed.messages"));
        assertEquals(Map.of(from, 1L), times("messaging.process.duration"));
        assertEquals(Map.of(to, 1L), counts("messaging.client.sent.messages"));
        assertEquals(Map.of(to, 1L), times("messaging.client.operation.duration"));
        assertEquals(
                Map.of(
                        Attributes.builder()
                                .put("messaging.system", "kafka")
                                .put("messaging.destination.name", topic)
                                .put("outcome", "extracted")
                                .build(),
                        1L),
                counts("throughline.context"));
    }

    @Test
    void durationsAreSecondsInTheConventionsBuckets() {
        long began = System.nanoTime();
        listen(record -> sleep(30));
        application.template.send(topic, "k", "one").join();
        telemetry.span("process " + topic);
        application.stop();
        double longest = (System.nanoTime() - began) / 1e9;

        MetricData metric = metric("messaging.process.duration");
        assertEquals("s", metric.getUnit());
        HistogramPointData point = metric.getHistogramData().getPoints().iterator().next();
        assertTrue(point.getSum() >= 0.03 && point.getSum() <= longest, "took " + point.getSum());
        assertEquals(
                List.of(
                        0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5,
                        10.0),
                point.getBoundaries());
    }

    @Test
    void eachAttemptIsADeliveryAndAFailureNamesItsError() {
        listen(
                record -> {
                    throw new IllegalStateException("no");
                });
        application.template.send(topic, "k", "one").join();
        telemetry.spans("process " + topic, 3);
        application.stop();
        assertEquals(
                List.of(3L), List.copyOf(counts("messaging.client.consumed.messages").values()));
        assertEquals(
                Map.of("java.lang.IllegalStateException", 3L),
                byError(times("messaging.process.duration")));
    }

    @Test
    void aFailedAttemptIsTimedBeforeTheBackOffAndTheRecovererAfterIt() throws Exception {
        BlockingQueue<List<Long>> timed = new LinkedBlockingQueue<>();
        application.listen(
                topic,
                record -> {
                    throw new IllegalStateException("no");
                },
                container ->
                        container.setCommonErrorHandler(
                                new DefaultErrorHandler(
                                        (record, error) -> timed.add(timesIfAny()),
                                        new FixedBackOff(0, 0))));
        application.template.send(topic, "k", "one").join();
        assertEquals(List.of(1L), timed.poll(30, TimeUnit.SECONDS));
        application.stop();
        assertEquals(List.of(1L), timesIfAny()); // and not once more at the end
    }

    @Test
    void aBatchThatIsHandledAsAWholeIsTimedOnce() throws Exception {
        CountDownLatch handled = new CountDownLatch(2);
        publish(2);
        listenToBatches(records -> records.forEach(record -> handled.countDown()));
        assertTrue(handled.await(30, TimeUnit.SECONDS));
        application.stop();
        int batches = telemetry.count(); // the only spans there are
        assertEquals(
                List.of((long) batches), List.copyOf(times("messaging.process.duration").values()));
        assertEquals(
                List.of(2L), List.copyOf(counts("messaging.client.consumed.messages").values()));
    }

    @Test
    void aBatchWhoseRecordsAreHandledSinglyIsTimedByTheRecordAndNeverBoth() throws Exception {
        CountDownLatch handled = new CountDownLatch(3);
        publish(3);
        listenToBatches(
                records -> {
                    for (ConsumerRecord<String, String> record : records) {
                        application.throughline.processRecord(record, handled::countDown);
                    }
                });
        assertTrue(handled.await(30, TimeUnit.SECONDS));
        application.stop();
        assertEquals(List.of(3L), List.copyOf(times("messaging.process.duration").values()));
        assertEquals(
                List.of(3L), List.copyOf(counts("messaging.client.consumed.messages").values()));
        assertEquals(List.of(3L), List.copyOf(counts("throughline.context").values()));
    }

    @Test
    void aRecordThatItsListenerHandsToAQueueIsOneDelivery() throws Exception {
        List<ConsumerRecord<String, String>> queue = new ArrayList<>();
        CountDownLatch queued = new CountDownLatch(1);
        listen(
                record -> {
                    queue.add(record);
                    queued.countDown();
                });
        application.template.send(topic, "k", "one").join();
        assertTrue(queued.await(30, TimeUnit.SECONDS));
        Thread worker =
                new Thread(() -> application.throughline.processRecord(queue.get(0), () -> {}));
        worker.start();
        worker.join();
        application.stop();
        assertEquals(
                List.of(1L), List.copyOf(counts("messaging.client.consumed.messages").values()));
        assertEquals(List.of(1L), List.copyOf(counts("throughline.context").values()));
    }

    @Test
    void aSendThatIsRefusedIsCountedByItsError() {
        String none = "no such topic!";
        try {
            application.template.send(none, "k", "v").join();
        } catch (RuntimeException refused) {
            // as ever
        }
        telemetry.span("send " + none);
        Map<String, Long> sent = byError(counts("messaging.client.sent.messages"));
        assertEquals(Map.of("org.apache.kafka.common.errors.InvalidTopicException", 1L), sent);
        assertEquals(sent, byError(times("messaging.client.operation.duration")));
    }

    @Test
    void withoutSpansTheMeasuresAreTheSame() throws Exception {
        try (Application bare = new Application(Options.defaults().spans(false))) {
            CountDownLatch handled = new CountDownLatch(1);
            bare.listen(topic, record -> handled.countDown());
            bare.template.send(topic, "k", "one").join();
            assertTrue(handled.await(30, TimeUnit.SECONDS));
            bare.stop();
            for (String name :
                    List.of("messaging.process.duration", "messaging.client.operation.duration")) {
                assertEquals(List.of(1L), List.copyOf(times(bare.telemetry, name).values()), name);
            }
            assertEquals(0, bare.telemetry.count());
        }
    }

    private void listen(MessageListener<String, String> with) {
        application.start(
                topic,
                with,
                container -> container.setCommonErrorHandler(threeAttempts()),
                Map.of("group.id", group));
    }

    private void listenToBatches(BatchMessageListener<String, String> with) {
        application.start(topic, with, container -> {}, Map.of("group.id", group));
    }

    private static DefaultErrorHandler threeAttempts() {
        return new DefaultErrorHandler((record, error) -> {}, new FixedBackOff(0, 2));
    }

    private List<Long> timesIfAny() {
        return telemetry.metrics.collectAllMetrics().stream()
                .filter(metric -> metric.getName().equals("messaging.process.duration"))
                .flatMap(metric -> metric.getHistogramData().getPoints().stream())
                .map(HistogramPointData::getCount)
                .toList();
    }

    private void publish(int count) {
        Broker.publish(
                IntStream.range(0, count)
                        .mapToObj(at -> Broker.record(topic, "order " + at))
                        .toList());
    }

    private static void sleep(int ms) {
        try {
            Thread.sleep(ms); // what is measured
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private MetricData metric(String name) {
        return metric(telemetry, name);
    }

    private static MetricData metric(Telemetry telemetry, String name) {
        return telemetry.metrics.collectAllMetrics().stream()
                .filter(metric -> metric.getName().equals(name))
                .findFirst()
                .orElseThrow(() -> new AssertionError("no metric " + name));
    }

    private Map<Attributes, Long> counts(String name) {
        Map<Attributes, Long> counts = new HashMap<>();
        metric(name)
                .getLongSumData()
                .getPoints()
                .forEach(point -> counts.put(point.getAttributes(), point.getValue()));
        return counts;
    }

    private Map<Attributes, Long> times(String name) {
        return times(telemetry, name);
    }

    private static Map<Attributes, Long> times(Telemetry telemetry, String name) {
        Map<Attributes, Long> times = new HashMap<>();
        metric(telemetry, name)
                .getHistogramData()
                .getPoints()
                .forEach(point -> times.put(point.getAttributes(), point.getCount()));
        return times;
    }

    private static Map<String, Long> byError(Map<Attributes, Long> points) {
        Map<String, Long> errors = new TreeMap<>();
        points.forEach(
                (attributes, count) ->
                        errors.put(String.valueOf(attributes.get(Semconv.ERROR_TYPE)), count));
        return errors;
    }
}
