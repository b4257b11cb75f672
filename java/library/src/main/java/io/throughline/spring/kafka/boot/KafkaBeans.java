package io.throughline.spring.kafka.boot;

import io.throughline.spring.kafka.Throughline;
import org.apache.kafka.clients.producer.Producer;
import org.springframework.beans.DirectFieldAccessor;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.BeanPostProcessor;
import org.springframework.kafka.config.AbstractKafkaListenerContainerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.core.ProducerFactory;
import org.springframework.kafka.core.ProducerPostProcessor;
import org.springframework.kafka.listener.AbstractMessageListenerContainer;
import org.springframework.kafka.listener.BatchInterceptor;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.kafka.listener.RecordInterceptor;

/**
 * Puts our interceptors around those that a factory or container has when it is ready. A
 * RecordInterceptor bean of our own would not do: Spring Boot takes one only where it is the only
 * one, so that a second silently switches both off.
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
            consume(factory, factory.getContainerProperties());
        } else if (bean instanceof AbstractMessageListenerContainer<?, ?> container) {
            consume(container, container.getContainerProperties());
        } else if (bean instanceof KafkaTemplate<?, ?> template) {
            produce(template);
        } else if (bean instanceof ProducerFactory<?, ?> factory) {
            produce(factory);
        }
        return bean;
    }

    /** The getters of these fields are public from spring-kafka 4.0 on; the fields are older. */
    private void consume(Object holder, ContainerProperties container) {
        if (!properties.getObject().consumer()) return;
        DirectFieldAccessor fields = new DirectFieldAccessor(holder);
        Object record = fields.getPropertyValue("recordInterceptor");
        if (!others.consumeRecords(container) && !others.made(record)) {
            fields.setPropertyValue(
                    "recordInterceptor",
                    throughline.getObject().recordInterceptor((RecordInterceptor<?, ?>) record));
        }
        Object batch = fields.getPropertyValue("batchInterceptor");
        if (!others.consumeBatches(container) && !others.made(batch)) {
            fields.setPropertyValue(
                    "batchInterceptor",
                    throughline.getObject().batchInterceptor((BatchInterceptor<?, ?>) batch));
        }
    }

    /** A template's factory need not be a bean, and may be a copy with other settings. */
    private void produce(KafkaTemplate<?, ?> template) {
        try {
            ProducerFactory<?, ?> factory = template.getProducerFactory();
            if (others.observes(template)) others.leave(factory);
            else produce(factory);
        } catch (UnsupportedOperationException routing) {
            // A RoutingKafkaTemplate has several factories, each a bean of its own.
        }
    }

    private <K, V> void produce(ProducerFactory<K, V> factory) {
        if (!properties.getObject().producer() || others.produce()) return;
        for (ProducerPostProcessor<K, V> each : factory.getPostProcessors()) {
            if (each instanceof UnlessObserved) return;
        }
        ProducerPostProcessor<K, V> ours = throughline.getObject().producerPostProcessor();
        factory.addPostProcessor(new UnlessObserved<>(ours, factory, others));
    }

    /** Asked when a producer is made: the template that observes its sends may be a later bean. */
    private record UnlessObserved<K, V>(
            ProducerPostProcessor<K, V> ours, ProducerFactory<K, V> factory, OtherTracing others)
            implements ProducerPostProcessor<K, V> {
        @Override
        public Producer<K, V> apply(Producer<K, V> producer) {
            return others.leaves(factory) ? producer : ours.apply(producer);
        }
    }
}
