package io.throughline.spring.kafka;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Consumer;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.BatchMessageListener;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.MessageListener;

/** spring-kafka as an application sets it up, with ours in it. All that it starts, it stops. */
final class Application implements AutoCloseable {
    final Telemetry telemetry;
    final Throughline throughline;
    final KafkaTemplate<String, String> template;
    private final DefaultKafkaProducerFactory<String, String> producers;
    private final List<ConcurrentMessageListenerContainer<String, String>> containers =
            new ArrayList<>();

    Application() {
        this(Options.defaults());
    }

    Application(Options options) {
        this(new Telemetry(), options);
    }

    Application(Telemetry telemetry, Options options) {
        this.telemetry = telemetry;
        this.throughline = Throughline.create(telemetry.sdk, options);
        this.producers = new DefaultKafkaProducerFactory<>(Broker.producerSettings());
        producers.addPostProcessor(throughline.producerPostProcessor());
        this.template = new KafkaTemplate<>(producers);
    }

    /** Listens to a topic, a record at a time. */
    void listen(String topic, MessageListener<String, String> listener) {
        listen(topic, listener, container -> {});
    }

    /** The same, with other settings of the container. */
    void listen(
            String topic,
            MessageListener<String, String> listener,
            Consumer<ConcurrentMessageListenerContainer<String, String>> settings) {
        start(topic, listener, settings, Map.of());
    }

    /** Listens to a topic, a batch at a time. */
    void listenToBatches(
            String topic,
            BatchMessageListener<String, String> listener,
            Consumer<ConcurrentMessageListenerContainer<String, String>> settings) {
        start(topic, listener, settings, Map.of());
    }

    void start(
            String topic,
            Object listener,
            Consumer<ConcurrentMessageListenerContainer<String, String>> settings,
            Map<String, Object> consumer) {
        Map<String, Object> all = Broker.consumerSettings("group-" + UUID.randomUUID());
        all.putAll(consumer);
        ContainerProperties properties = new ContainerProperties(topic);
        properties.setMessageListener(listener);
        properties.setPollTimeout(200);
        ConcurrentMessageListenerContainer<String, String> container =
                new ConcurrentMessageListenerContainer<>(
                        new DefaultKafkaConsumerFactory<>(all), properties);
        container.setRecordInterceptor(throughline.recordInterceptor());
        container.setBatchInterceptor(throughline.batchInterceptor());
        settings.accept(container);
        containers.add(container);
        container.start();
    }

    /** Stops what listens; the listeners' threads are done when this returns. */
    void stop() {
        containers.forEach(ConcurrentMessageListenerContainer::stop);
    }

    @Override
    public void close() {
        stop();
        producers.destroy();
        telemetry.close();
    }
}
