package io.throughline.faults;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.throughline.spring.kafka.Throughline;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.listener.RecordInterceptor;
import org.springframework.util.backoff.FixedBackOff;

/**
 * An order whose tracestate has no value, as Kafka allows. The getter that an article prints makes
 * a String of it: the interceptor throws before the listener is called, at each attempt.
 */
public final class HeaderWithoutValue {
    private static final TextMapGetter<Headers> OF_THE_ARTICLE =
            new TextMapGetter<>() {
                @Override
                public Iterable<String> keys(Headers headers) {
                    List<String> keys = new ArrayList<>();
                    for (Header header : headers) keys.add(header.key());
                    return keys;
                }

                @Override
                public String get(Headers headers, String key) {
                    Header header = headers.lastHeader(key);
                    return header == null ? null : new String(header.value(), UTF_8);
                }
            };

    private HeaderWithoutValue() {}

    public static void main(String[] arguments) throws Exception {
        Shop.run(
                arguments,
                () ->
                        charge(
                                (record, consumer) -> {
                                    ByTheBook.propagator("payments")
                                            .extract(
                                                    Context.root(),
                                                    record.headers(),
                                                    OF_THE_ARTICLE);
                                    return record;
                                }),
                () -> {
                    Throughline throughline = Throughline.create(Shop.openTelemetry("payments"));
                    charge(throughline.recordInterceptor());
                });
    }

    private static void charge(RecordInterceptor<String, String> interceptor) throws Exception {
        String orders = Shop.topic("orders");
        Shop.placeOrder(orders, "order 1", new RecordHeader("tracestate", null));
        CountDownLatch done = new CountDownLatch(1);
        MessageListener<String, String> payments =
                record -> {
                    Shop.work("payments", "charge card");
                    done.countDown();
                };
        ConcurrentMessageListenerContainer<String, String> container =
                Shop.container(orders, payments);
        container.setRecordInterceptor(interceptor);
        container.setCommonErrorHandler(
                new DefaultErrorHandler(
                        (record, error) -> {
                            Throwable cause = error;
                            while (cause.getCause() != null) cause = cause.getCause();
                            System.out.println(
                                    "payments: not charged: " + cause.getClass().getSimpleName());
                            done.countDown();
                        },
                        new FixedBackOff(0, 1)));
        container.start();
        Shop.await(done);
        container.stop();
    }
}
