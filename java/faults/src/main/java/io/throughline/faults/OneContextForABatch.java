package io.throughline.faults;

import io.opentelemetry.context.Scope;
import io.throughline.spring.kafka.Throughline;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.kafka.listener.BatchMessageListener;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;

/**
 * The first record's context serves for the whole batch: the others' orders are charged in its
 * trace.
 */
public final class OneContextForABatch {
    private OneContextForABatch() {}

    public static void main(String[] arguments) throws Exception {
        Throughline throughline = Throughline.create(Shop.openTelemetry("payments"));
        Shop.run(
                arguments,
                () ->
                        handle(
                                records -> {
                                    ConsumerRecord<String, String> first = records.get(0);
                                    try (Scope scope =
                                            ByTheBook.extract("payments", first.headers())
                                                    .makeCurrent()) {
                                        for (ConsumerRecord<String, String> record : records) {
                                            charge(record);
                                        }
                                    }
                                },
                                container -> {}),
                () ->
                        handle(
                                records -> {
                                    for (ConsumerRecord<String, String> record : records) {
                                        throughline.processRecord(record, () -> charge(record));
                                    }
                                },
                                container ->
                                        container.setBatchInterceptor(
                                                throughline.batchInterceptor())));
    }

    private static void charge(ConsumerRecord<String, String> record) {
        Shop.work("payments", "charge " + record.value());
    }

    private interface Settings {
        void apply(ConcurrentMessageListenerContainer<String, String> container);
    }

    private static void handle(BatchMessageListener<String, String> listener, Settings settings)
            throws Exception {
        String orders = Shop.topic("orders");
        for (int at = 1; at <= 3; at++) Shop.placeOrder(orders, "order " + at);
        CountDownLatch handled = new CountDownLatch(3);
        BatchMessageListener<String, String> counted =
                records -> {
                    listener.onMessage(records);
                    records.forEach(record -> handled.countDown());
                };
        ConcurrentMessageListenerContainer<String, String> container =
                Shop.container(orders, counted);
        settings.apply(container);
        container.start();
        Shop.await(handled);
        container.stop();
    }
}
