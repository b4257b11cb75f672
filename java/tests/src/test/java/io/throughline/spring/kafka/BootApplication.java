package io.throughline.spring.kafka;

import io.opentelemetry.api.OpenTelemetry;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.core.KafkaTemplate;

/** An application of Spring Boot's on the real Kafka, with the jar on its class path. */
final class BootApplication implements AutoCloseable {
    private final ConfigurableApplicationContext context;

    /**
     * Runs it.
     *
     * @param configuration what the application defines
     * @param topic what its listeners find as {@code ${topic}}
     * @param recorder what records its spans: a bean of the application
     * @param settings its other properties, as {@code --name=value}
     */
    BootApplication(Class<?> configuration, String topic, Object recorder, String... settings) {
        List<String> all = new ArrayList<>(List.of(settings));
        all.add("--topic=" + topic);
        all.add("--spring.main.banner-mode=off");
        all.add("--spring.kafka.bootstrap-servers=" + Broker.ADDRESS);
        all.add("--spring.kafka.consumer.auto-offset-reset=earliest");
        all.add("--spring.kafka.consumer.group-id=" + UUID.randomUUID());
        context =
                new SpringApplicationBuilder(configuration)
                        .web(WebApplicationType.NONE)
                        .initializers(
                                starting ->
                                        starting.getBeanFactory()
                                                .registerSingleton("recorder", recorder))
                        .run(all.toArray(String[]::new));
    }

    <T> T bean(Class<T> type) {
        return context.getBean(type);
    }

    /** How many beans of a type it has. */
    int beans(Class<?> type) {
        return context.getBeanNamesForType(type).length;
    }

    @SuppressWarnings("unchecked")
    KafkaTemplate<String, String> template() {
        return bean(KafkaTemplate.class);
    }

    @Override
    public void close() {
        SpringApplication.exit(context);
    }

    /** One that has the test's OpenTelemetry as its bean. */
    @Configuration
    @EnableAutoConfiguration
    static class Traced {
        @Bean
        OpenTelemetry openTelemetry(Telemetry telemetry) {
            return telemetry.sdk;
        }
    }
}
