package io.throughline.faults;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.context.Scope;
import io.throughline.spring.kafka.Throughline;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.listener.RecordInterceptor;

/**
 * The process span is started before the context is extracted: it is the root of a second trace.
 */
public final class SpanBeforeExtract {
    private SpanBeforeExtract() {}

    public static void main(String[] arguments) throws Exception {
        Shop.run(
                arguments,
                () -> handle(null, SpanBeforeExtract::charge),
                () ->
                        handle(
                                Throughline.create(Shop.openTelemetry("payments"))
                                        .recordInterceptor(),
                                record -> Shop.work("payments", "charge card")));
    }

    private static void charge(ConsumerRecord<String, String> record) {
        Span span =
                Shop.tracer("payments")
                        .spanBuilder("process " + record.topic())
                        .setSpanKind(SpanKind.CONSUMER)
                        .startSpan();
        try (Scope scope = ByTheBook.extract("payments", record.headers()).makeCurrent()) {
            Shop.work("payments", "charge card");
        } finally {
            span.end();
        }
    }

    private static void handle(
            RecordInterceptor<String, String> interceptor, MessageListener<String, String> listener)
            throws Exception {
        String orders = Shop.topic("orders");
        Shop.placeOrder(orders, "order 1");
        CountDownLatch handled = new CountDownLatch(1);
        MessageListener<String, String> counted =
                record -> {
                    listener.onMessage(record);
                    handled.countDown();
                };
        ConcurrentMessageListenerContainer<String, String> container =
                Shop.container(orders, counted);
        if (interceptor != null) container.setRecordInterceptor(interceptor);
        container.start();
        Shop.await(handled);
        container.stop();
    }
}
