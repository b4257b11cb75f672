package io.throughline.faults;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.context.Context;
import io.throughline.spring.kafka.Throughline;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.MessageListener;

/**
 * A forwarder injects by {@code headers.add}, as an article prints it, into the headers of the
 * record that it got: the record carries two traceparents. shipping reads the first, as Go's and
 * Python's readers do, and hangs under the sender before this one.
 */
public final class SecondHeader {
    private SecondHeader() {}

    public static void main(String[] arguments) throws Exception {
        Shop.run(arguments, SecondHeader::lost, SecondHeader::whole);
    }

    private static void lost() throws Exception {
        DefaultKafkaProducerFactory<String, String> producers = Shop.producers();
        KafkaTemplate<String, String> template = new KafkaTemplate<>(producers);
        String paid = Shop.topic("paid");
        forward(
                paid,
                record ->
                        ByTheBook.process(
                                "payments",
                                record,
                                () -> {
                                    Span send =
                                            Shop.tracer("payments")
                                                    .spanBuilder("send " + paid)
                                                    .setSpanKind(SpanKind.PRODUCER)
                                                    .startSpan();
                                    ProducerRecord<String, String> out =
                                            new ProducerRecord<>(
                                                    paid, null, "k", "paid", record.headers());
                                    ByTheBook.propagator("payments")
                                            .inject(
                                                    Context.current().with(send),
                                                    out.headers(),
                                                    (headers, key, value) ->
                                                            headers.add(
                                                                    key, value.getBytes(UTF_8)));
                                    template.send(out).join();
                                    send.end();
                                }),
                container -> {});
    }

    private static void whole() throws Exception {
        Throughline throughline = Throughline.create(Shop.openTelemetry("payments"));
        DefaultKafkaProducerFactory<String, String> producers = Shop.producers();
        producers.addPostProcessor(throughline.producerPostProcessor());
        KafkaTemplate<String, String> template = new KafkaTemplate<>(producers);
        String paid = Shop.topic("paid");
        forward(
                paid,
                record ->
                        template.send(
                                        new ProducerRecord<>(
                                                paid, null, "k", "paid", record.headers()))
                                .join(),
                container -> container.setRecordInterceptor(throughline.recordInterceptor()));
    }

    private interface Settings {
        void apply(ConcurrentMessageListenerContainer<String, String> container);
    }

    private static void forward(
            String paid, MessageListener<String, String> payments, Settings settings)
            throws Exception {
        String orders = Shop.topic("orders");
        Shop.placeOrder(orders, "order 1");
        ConcurrentMessageListenerContainer<String, String> container =
                Shop.container(orders, payments);
        settings.apply(container);
        container.start();

        CountDownLatch shipped = new CountDownLatch(1);
        MessageListener<String, String> shipping =
                record -> {
                    Context context =
                            ByTheBook.propagator("shipping")
                                    .extract(Context.root(), record.headers(), ByTheBook.FIRST);
                    Shop.tracer("shipping")
                            .spanBuilder("process " + record.topic())
                            .setSpanKind(SpanKind.CONSUMER)
                            .setParent(context)
                            .startSpan()
                            .end();
                    shipped.countDown();
                };
        ConcurrentMessageListenerContainer<String, String> next = Shop.container(paid, shipping);
        next.start();
        Shop.await(shipped);
        container.stop();
        next.stop();
    }
}
