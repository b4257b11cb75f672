package io.throughline.faults;

import io.opentelemetry.context.Context;
import io.throughline.spring.kafka.Throughline;
import java.util.concurrent.CountDownLatch;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.listener.RecordInterceptor;

/**
 * An interceptor that calls makeCurrent and never closes the scope, as an article prints it. The
 * next record on that thread comes from someone who traces nothing, and is handled in the trace of
 * the order before it.
 */
public final class ScopeNeverClosed {
    private ScopeNeverClosed() {}

    public static void main(String[] arguments) throws Exception {
        Shop.run(
                arguments,
                () ->
                        handle(
                                (record, consumer) -> {
                                    ByTheBook.propagator("payments")
                                            .extract(
                                                    Context.current(),
                                                    record.headers(),
                                                    ByTheBook.LAST)
                                            .makeCurrent();
                                    return record;
                                }),
                () ->
                        handle(
                                Throughline.create(Shop.openTelemetry("payments"))
                                        .recordInterceptor()));
    }

    private static void handle(RecordInterceptor<String, String> interceptor) throws Exception {
        String orders = Shop.topic("orders");
        Shop.placeOrder(orders, "order 1");
        Shop.placeUntraced(orders, "order 2");
        CountDownLatch handled = new CountDownLatch(2);
        MessageListener<String, String> listener =
                record -> {
                    Shop.work("payments", "charge " + record.value());
                    handled.countDown();
                };
        ConcurrentMessageListenerContainer<String, String> container =
                Shop.container(orders, listener);
        container.setRecordInterceptor(interceptor);
        container.start();
        Shop.await(handled);
        container.stop();
    }
}
