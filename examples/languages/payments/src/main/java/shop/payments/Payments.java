package shop.payments;

import io.opentelemetry.sdk.OpenTelemetrySdk;
import io.opentelemetry.sdk.autoconfigure.AutoConfiguredOpenTelemetrySdk;
import java.io.IOException;
import java.util.Collection;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.common.TopicPartition;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.kafka.config.ContainerCustomizer;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.ConcurrentMessageListenerContainer;
import org.springframework.kafka.listener.ConsumerAwareRebalanceListener;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.util.backoff.FixedBackOff;

/**
 * Charges each order's card. Paid orders go on to shipping, those that can't be paid to the dead
 * letters. Nothing in here is about traces but the SDK: Throughline's jar is on the class path.
 */
@SpringBootApplication
public class Payments {
    private static final long RETRY_MS = 20;

    public static void main(String[] args) {
        SpringApplication.run(Payments.class, args);
        endWithParent();
    }

    /** The service's own SDK; OTEL_SERVICE_NAME, OTEL_EXPORTER_OTLP_ENDPOINT and others say the rest. */
    @Bean(destroyMethod = "close")
    OpenTelemetrySdk openTelemetry() {
        return AutoConfiguredOpenTelemetrySdk.builder()
                .disableShutdownHook() // closed with the context: after the listeners, not beside them
                .build()
                .getOpenTelemetrySdk();
    }

    /**
     * Says that it is ready once every consumer has its partitions. While they join one after
     * another, a partition that changes hands may have its last records handled twice.
     */
    @Bean
    ContainerCustomizer<Object, Object, ConcurrentMessageListenerContainer<Object, Object>>
            readiness() {
        Set<String> joined = ConcurrentHashMap.newKeySet();
        return container ->
                container
                        .getContainerProperties()
                        .setConsumerRebalanceListener(
                                new ConsumerAwareRebalanceListener() {
                                    @Override
                                    public void onPartitionsAssigned(
                                            Consumer<?, ?> consumer,
                                            Collection<TopicPartition> partitions) {
                                        if (joined.add(Thread.currentThread().getName())
                                                && joined.size() == container.getConcurrency()) {
                                            System.out.println("ready");
                                        }
                                    }
                                });
    }

    /** One more attempt, then spring-kafka's own dead letter. */
    @Bean
    DefaultErrorHandler errorHandler(
            KafkaTemplate<String, String> template,
            @Value("${topics.dead-letters}") String deadLetters) {
        DeadLetterPublishingRecoverer recoverer =
                new DeadLetterPublishingRecoverer(
                        template, (record, error) -> new TopicPartition(deadLetters, -1));
        return new DefaultErrorHandler(recoverer, new FixedBackOff(RETRY_MS, 1));
    }

    /** Whoever started this holds its standard input; when that closes, it is gone. */
    private static void endWithParent() {
        Thread watch =
                new Thread(
                        () -> {
                            try {
                                while (System.in.read() >= 0) {}
                            } catch (IOException closed) {
                                // as at its end
                            }
                            System.exit(0);
                        });
        watch.setDaemon(true);
        watch.start();
    }
}
