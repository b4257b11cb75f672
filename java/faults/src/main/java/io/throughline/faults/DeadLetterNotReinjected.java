package io.throughline.faults;

import io.throughline.spring.kafka.Throughline;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.TopicPartition;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.util.backoff.FixedBackOff;

/**
 * spring-kafka's DeadLetterPublishingRecoverer copies the record's headers, the stale traceparent
 * among them: whoever reads the dead letter hangs under checkout, and knows nothing of the attempt
 * that failed.
 */
public final class DeadLetterNotReinjected {
    private DeadLetterNotReinjected() {}

    public static void main(String[] arguments) throws Exception {
        Shop.run(arguments, DeadLetterNotReinjected::lost, DeadLetterNotReinjected::whole);
    }

    private static void lost() throws Exception {
        park(
                Shop.producers(),
                record -> ByTheBook.process("payments", record, DeadLetterNotReinjected::charge),
                record -> ByTheBook.process("support", record, DeadLetterNotReinjected::call),
                container -> {},
                container -> {});
    }

    private static void whole() throws Exception {
        Throughline payments = Throughline.create(Shop.openTelemetry("payments"));
        Throughline support = Throughline.create(Shop.openTelemetry("support"));
        DefaultKafkaProducerFactory<String, String> producers = Shop.producers();
        producers.addPostProcessor(payments.producerPostProcessor());
        park(
                producers,
                record -> charge(),
                record -> call(),
                container -> container.setRecordInterceptor(payments.recordInterceptor()),
                container -> container.setRecordInterceptor(support.recordInterceptor()));
    }

    private static void charge() {
        Shop.work("payments", "charge card");
        throw new IllegalStateException("card declined");
    }

    private static void call() {
        Shop.work("support", "call customer");
    }

    private interface Settings {
        void apply(ConcurrentMessageListenerContainer<String, String> container);
    }

    private static void park(
            DefaultKafkaProducerFactory<String, String> producers,
            MessageListener<String, String> payments,
            MessageListener<String, String> support,
            Settings paying,
            Settings supporting)
            throws Exception {
        String orders = Shop.topic("orders");
        String parked = Shop.topic("orders.dlq");
        Shop.placeOrder(orders, "order 1");
        ConcurrentMessageListenerContainer<String, String> container =
                Shop.container(orders, payments);
        paying.apply(container);
        container.setCommonErrorHandler(
                new DefaultErrorHandler(
                        new DeadLetterPublishingRecoverer(
                                new KafkaTemplate<>(producers),
                                (record, error) -> new TopicPartition(parked, 0)),
                        new FixedBackOff(0, 0)));
        container.start();
        CountDownLatch called = new CountDownLatch(1);
        MessageListener<String, String> counted =
                record -> {
                    support.onMessage(record);
                    called.countDown();
                };
        ConcurrentMessageListenerContainer<String, String> next = Shop.container(parked, counted);
        supporting.apply(next);
        next.start();
        Shop.await(called);
        container.stop();
        next.stop();
        producers.destroy();
    }
}
