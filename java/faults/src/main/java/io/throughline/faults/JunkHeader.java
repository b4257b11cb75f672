package io.throughline.faults;

import io.opentelemetry.context.Context;
import io.throughline.spring.kafka.Throughline;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.MessageListener;
import org.springframework.kafka.listener.RecordInterceptor;

/**
 * The same article keeps the scope "on the record", as the text of the object in a header. Nobody
 * can close a scope by its text, and whoever passes the record's headers on publishes it.
 */
public final class JunkHeader {
    private JunkHeader() {}

    public static void main(String[] arguments) throws Exception {
        Shop.run(
                arguments,
                () ->
                        forward(
                                (record, consumer) -> {
                                    Context extracted =
                                            ByTheBook.extract("payments", record.headers());
                                    record.headers()
                                            .add(
                                                    "_otel_scope",
                                                    extracted.makeCurrent().toString().getBytes());
                                    return record;
                                },
                                Shop.producers()),
                () -> {
                    Throughline throughline = Throughline.create(Shop.openTelemetry("payments"));
                    DefaultKafkaProducerFactory<String, String> producers = Shop.producers();
                    producers.addPostProcessor(throughline.producerPostProcessor());
                    forward(throughline.recordInterceptor(), producers);
                });
    }

    private static void forward(
            RecordInterceptor<String, String> interceptor,
            DefaultKafkaProducerFactory<String, String> producers)
            throws Exception {
        String orders = Shop.topic("orders");
        String paid = Shop.topic("paid");
        Shop.placeOrder(orders, "order 1");
        KafkaTemplate<String, String> template = new KafkaTemplate<>(producers);
        MessageListener<String, String> payments =
                record ->
                        template.send(
                                new ProducerRecord<>(
                                        paid, null, record.key(), "paid", record.headers()));
        ConcurrentMessageListenerContainer<String, String> container =
                Shop.container(orders, payments);
        container.setRecordInterceptor(interceptor);
        container.start();

        CountDownLatch shipped = new CountDownLatch(1);
        MessageListener<String, String> shipping =
                record -> {
                    List<String> names = new ArrayList<>();
                    for (Header header : record.headers()) names.add(header.key());
                    System.out.println("shipping: headers " + names);
                    ByTheBook.process("shipping", record, () -> Shop.work("shipping", "pack"));
                    shipped.countDown();
                };
        ConcurrentMessageListenerContainer<String, String> next = Shop.container(paid, shipping);
        next.start();
        Shop.await(shipped);
        container.stop();
        next.stop();
        producers.destroy();
    }
}
