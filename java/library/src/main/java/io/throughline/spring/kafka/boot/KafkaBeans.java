package io.throughline.spring.kafka.boot;

import io.throughline.spring.kafka.Throughline;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.producer.Producer;
import org.springframework.beans.DirectFieldAccessor;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.kafka.config.AbstractKafkaListenerContainerFactory;
import org.springframework.kafka.config.ContainerCustomizer;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.core.ProducerFactory;
import org.springframework.kafka.core.ProducerPostProcessor;
import org.springframework.kafka.core.RoutingKafkaTemplate;
import org.springframework.kafka.listener.AbstractMessageListenerContainer;
import org.springframework.kafka.listener.BatchInterceptor;
import org.springframework.kafka.listener.RecordInterceptor;

/**
 * Puts our interceptors around those that a container has when it is made, after every customizer
 * of the application's. A RecordInterceptor bean of our own would not do: Spring Boot takes one
 * only where it is the only one, so that a second silently switches both off.
 */
final class KafkaBeans implements BeanPostProcessor {
    private final ObjectProvider<Throughline> throughline;
    private final ObjectProvider<ThroughlineProperties> properties;
    private final OtherTracing others;

    KafkaBeans(
            ObjectProvider<Throughline> throughline,
            ObjectProvider<ThroughlineProperties> properties,
            OtherTracing others) {
        this.throughline = throughline;
        this.properties = properties;
        this.others = others;
    }

    @Override
    public Object postProcessAfterInitialization(Object bean, String beanName) {
        if (bean instanceof AbstractKafkaListenerContainerFactory<?, ?, ?> factory) {
            consume(factory);
        } else if (bean instanceof AbstractMessageListenerContainer<?, ?> container) {
            consume(container);
        } else if (bean instanceof KafkaTemplate<?, ?> template) {
            produce(template);
        } else if (bean instanceof ProducerFactory<?, ?> factory) {
            produce(factory);
        }
        return bean;
    }

    /** Customizing is the last that a factory does to a container before it hands it out. */
    private <C extends AbstractMessageListenerContainer<K, V>, K, V> void consume(
            AbstractKafkaListenerContainerFactory<C, K, V> factory) {
        @SuppressWarnings("unchecked")
        ContainerCustomizer<K, V, C> own =
                (ContainerCustomizer<K, V, C>)
                        new DirectFieldAccessor(factory).getPropertyValue("containerCustomizer");
        factory.setContainerCustomizer(
                container -> {
                    if (own != null) own.configure(container);
                    consume(container);
                });
    }

    /** The getters of these fields are public from spring-kafka 4.0 on; the fields are older. */
    private void consume(AbstractMessageListenerContainer<?, ?> container) {
        if (!properties.getObject().consumer()) return;
        DirectFieldAccessor fields = new DirectFieldAccessor(container);
        Object record = fields.getPropertyValue("recordInterceptor");
        if (!others.consumeRecords(container.getContainerProperties(), record)) {
            fields.setPropertyValue(
                    "recordInterceptor",
                    throughline.getObject().recordInterceptor((RecordInterceptor<?, ?>) record));
        }
        Object batch = fields.getPropertyValue("batchInterceptor");
        if (!others.consumeBatches(container.getContainerProperties(), batch)) {
            fields.setPropertyValue(
                    "batchInterceptor",
                    throughline.getObject().batchInterceptor((BatchInterceptor<?, ?>) batch));
        }
    }

    /** A template's factory need not be a bean, and may be a copy with other settings. */
    private void produce(KafkaTemplate<?, ?> template) {
        for (ProducerFactory<?, ?> factory : factoriesOf(template)) {
            if (others.observes(template)) others.leave(factory);
            else produce(factory);
        }
    }

    private static Collection<ProducerFactory<?, ?>> factoriesOf(KafkaTemplate<?, ?> template) {
        if (!(template instanceof RoutingKafkaTemplate)) {
            return List.of(template.getProducerFactory());
        }
        Collection<ProducerFactory<?, ?>> factories = new ArrayList<>();
        Object routes = new DirectFieldAccessor(template).getPropertyValue("factoryMatchers");
        if (routes instanceof Map<?, ?> map) {
            map.values().forEach(each -> factories.add((ProducerFactory<?, ?>) each));
        }
        return factories;
    }

    private <K, V> void produce(ProducerFactory<K, V> factory) {
        if (!properties.getObject().producer()) return;
        for (ProducerPostProcessor<K, V> each : factory.getPostProcessors()) {
            if (each instanceof UnlessTraced) return;
        }
        ProducerPostProcessor<K, V> ours = throughline.getObject().producerPostProcessor();
        factory.addPostProcessor(new UnlessTraced<>(ours, factory, others));
    }

    /** Asked when a producer is made: the template that observes its sends may be a later bean. */
    private record UnlessTraced<K, V>(
            ProducerPostProcessor<K, V> ours, ProducerFactory<K, V> factory, OtherTracing others)
            implements ProducerPostProcessor<K, V> {
        @Override
        public Producer<K, V> apply(Producer<K, V> producer) {
            return others.produce(factory, producer) ? producer : ours.apply(producer);
        }
    }
}
