package io.throughline.spring.kafka.boot;

import io.opentelemetry.api.GlobalOpenTelemetry;
import io.opentelemetry.api.OpenTelemetry;
import io.throughline.spring.kafka.Options;
import io.throughline.spring.kafka.Throughline;
import java.util.logging.Logger;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.context.ApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.kafka.core.KafkaTemplate;

/**
 * Makes the jar alone enough: every container factory, container, producer factory and template of
 * the application is traced, beside whatever interceptors it has set itself. Where the
 * OpenTelemetry agent or Spring's own observation does it already, it is left to them.
 */
@AutoConfiguration(
        afterName = {
            "org.springframework.boot.autoconfigure.kafka.KafkaAutoConfiguration",
            "org.springframework.boot.kafka.autoconfigure.KafkaAutoConfiguration"
        })
@ConditionalOnClass({KafkaTemplate.class, OpenTelemetry.class})
@EnableConfigurationProperties(ThroughlineProperties.class)
public class ThroughlineAutoConfiguration {
    private static final Logger LOG = Logger.getLogger("io.throughline.spring.kafka");

    /**
     * With the application's OpenTelemetry bean where it has one, else with the global one. It is
     * looked up when the first record comes: templates and factories are made early, often by the
     * very configuration that defines it. Switched off it is there all the same, for those who
     * handle a batch's records with it, and leaves every record alone.
     */
    @Bean
    @ConditionalOnMissingBean
    static Throughline throughline(
            ObjectProvider<OpenTelemetry> openTelemetry, ThroughlineProperties properties) {
        if (!properties.enabled()) {
            Options nothing = properties.options().ignore(topic -> true);
            return Throughline.create(OpenTelemetry.noop(), nothing);
        }
        return Throughline.create(
                () -> {
                    OpenTelemetry bean = openTelemetry.getIfUnique();
                    return bean == null ? global() : bean;
                },
                properties.options());
    }

    private static OpenTelemetry global() {
        OpenTelemetry global = GlobalOpenTelemetry.get();
        Class<?> noop = OpenTelemetry.noop().getTracerProvider().getClass();
        if (global.getTracerProvider().getClass() == noop) {
            LOG.info(
                    "Throughline: there is neither one OpenTelemetry bean nor a global OpenTelemetry:"
                            + " no span is made. Give the application a bean of that type, or set the"
                            + " global one before the first record.");
        }
        return global;
    }

    @Bean
    @ConditionalOnProperty(prefix = "throughline", name = "enabled", matchIfMissing = true)
    static KafkaBeans throughlineKafkaBeans(
            ApplicationContext context,
            ObjectProvider<Throughline> throughline,
            ObjectProvider<ThroughlineProperties> properties) {
        return new KafkaBeans(throughline, properties, new OtherTracing(context));
    }
}
