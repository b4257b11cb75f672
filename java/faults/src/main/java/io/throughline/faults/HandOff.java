package io.throughline.faults;

import io.throughline.spring.kafka.Throughline;
import java.util.concurrent.CountDownLatch;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.MessageListener;

/** An order whose card is charged on another thread: how it gets there is the fault. */
final class HandOff {
    private HandOff() {}

    /** Runs a task on another thread. */
    interface Thread {
        void run(Runnable task);
    }

    /** The process span is right in both: what differs is the way to the other thread. */
    static void handle(Thread thread) throws Exception {
        String orders = Shop.topic("orders");
        Shop.placeOrder(orders, "order 1");
        CountDownLatch charged = new CountDownLatch(1);
        MessageListener<String, String> listener =
                record ->
                        thread.run(
                                () -> {
                                    Shop.work("payments", "charge card");
                                    charged.countDown();
                                });
        ConcurrentMessageListenerContainer<String, String> container =
                Shop.container(orders, listener);
        container.setRecordInterceptor(
                Throughline.create(Shop.openTelemetry("payments")).recordInterceptor());
        container.start();
        Shop.await(charged);
        container.stop();
    }
}
