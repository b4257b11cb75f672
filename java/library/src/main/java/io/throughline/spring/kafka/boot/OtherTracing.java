package io.throughline.spring.kafka.boot;

import io.throughline.spring.kafka.Throughline;
import java.lang.reflect.Proxy;
import java.util.Collection;
import java.util.Collections;
import java.util.Locale;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.logging.Logger;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.springframework.beans.DirectFieldAccessor;
import org.springframework.context.ApplicationContext;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.core.ProducerFactory;
import org.springframework.kafka.listener.CompositeBatchInterceptor;
import org.springframework.kafka.listener.CompositeRecordInterceptor;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.util.ClassUtils;

/**
 * Who else traces this application's Kafka clients. What they do is left to them: two spans for one
 * record would be worse than either. It is told once for each of them.
 */
final class OtherTracing {
    private static final Logger LOG = Logger.getLogger("io.throughline.spring.kafka");
    private static final String AGENT = "io.opentelemetry.javaagent.OpenTelemetryAgent";
    private static final String OF_SPRING = "io.opentelemetry.instrumentation.spring.kafka.";
    private static final String OF_CLIENTS = "io.opentelemetry.instrumentation.kafkaclients.";
    private static final String OURS = Throughline.class.getPackageName() + ".Tracing";
    private static final String MICROMETER_TRACER = "io.micrometer.tracing.Tracer";

    private final ApplicationContext context;
    private final Set<String> told = ConcurrentHashMap.newKeySet();
    private final Set<ProducerFactory<?, ?>> observed =
            Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));

    OtherTracing(ApplicationContext context) {
        this.context = context;
    }

    /**
     * Whether another makes the spans of the single records of a container, or we do already.
     *
     * @param interceptor what the container has; may be null
     */
    boolean consumeRecords(ContainerProperties container, Object interceptor) {
        if (has(interceptor, OURS)) return true;
        if (agent("spring-kafka")) return left("process", "the OpenTelemetry agent");
        if (has(interceptor, OF_SPRING)) return left("process", "OpenTelemetry's spring-kafka");
        return container.isObservationEnabled()
                && tracesObservations()
                && left("process", "Spring's observation");
    }

    /**
     * Whether another makes the spans of a container's batches, or we do already. Spring's
     * observation knows none, but from spring-kafka 4.0 on may make one for each record beside the
     * listener's call.
     */
    boolean consumeBatches(ContainerProperties container, Object interceptor) {
        if (has(interceptor, OURS)) return true;
        if (agent("spring-kafka")) return left("process", "the OpenTelemetry agent");
        if (has(interceptor, OF_SPRING)) return left("process", "OpenTelemetry's spring-kafka");
        DirectFieldAccessor fields = new DirectFieldAccessor(container);
        String name = "recordObservationsInBatch";
        return container.isObservationEnabled()
                && fields.isReadableProperty(name)
                && Boolean.TRUE.equals(fields.getPropertyValue(name))
                && tracesObservations()
                && left("process", "Spring's observation");
    }

    /** Whether another makes the spans of what a producer sends. */
    boolean produce(ProducerFactory<?, ?> factory, Producer<?, ?> producer) {
        if (agent("kafka")) return left("send", "the OpenTelemetry agent");
        if (observed.contains(factory)) return left("send", "Spring's observation");
        boolean wrapped =
                Proxy.isProxyClass(producer.getClass())
                        && isOf(Proxy.getInvocationHandler(producer), OF_CLIENTS);
        Object interceptors =
                factory.getConfigurationProperties().get(ProducerConfig.INTERCEPTOR_CLASSES_CONFIG);
        return (wrapped || String.valueOf(interceptors).contains(OF_CLIENTS))
                && left("send", "OpenTelemetry's kafka-clients");
    }

    /** Whether Spring's observation makes spans of what a template sends. */
    boolean observes(KafkaTemplate<?, ?> template) {
        Object enabled = new DirectFieldAccessor(template).getPropertyValue("observationEnabled");
        return Boolean.TRUE.equals(enabled) && tracesObservations();
    }

    /** Leaves the producers of a factory to Spring's observation. */
    void leave(ProducerFactory<?, ?> factory) {
        observed.add(factory);
    }

    private boolean left(String spans, String whom) {
        if (told.add(spans + whom)) {
            LOG.info(
                    () ->
                            "Throughline: "
                                    + spans
                                    + " spans are made by "
                                    + whom
                                    + ", and left to it. Switch it off to have ours.");
        }
        return true;
    }

    /** Whether an interceptor, or one that a composite asks, is of a package. */
    private static boolean has(Object interceptor, String prefix) {
        if (interceptor instanceof CompositeRecordInterceptor
                || interceptor instanceof CompositeBatchInterceptor) {
            Object delegates = new DirectFieldAccessor(interceptor).getPropertyValue("delegates");
            return delegates instanceof Collection<?> all
                    && all.stream().anyMatch(each -> has(each, prefix));
        }
        return isOf(interceptor, prefix);
    }

    private static boolean isOf(Object object, String prefix) {
        return object != null && object.getClass().getName().startsWith(prefix);
    }

    /**
     * Whether the OpenTelemetry agent runs in this process with that instrumentation switched on.
     */
    private static boolean agent(String instrumentation) {
        if (!ClassUtils.isPresent(AGENT, ClassLoader.getSystemClassLoader())) return false;
        boolean byDefault = setting("instrumentation.common.default-enabled", true);
        return setting("javaagent.enabled", true)
                && setting("instrumentation." + instrumentation + ".enabled", byDefault);
    }

    /** As the agent reads it: the system property first, then the environment. */
    private static boolean setting(String name, boolean otherwise) {
        String property = System.getProperty("otel." + name);
        if (property == null) {
            String variable = "OTEL_" + name.toUpperCase(Locale.ROOT).replaceAll("[.-]", "_");
            property = System.getenv(variable);
        }
        return property == null ? otherwise : Boolean.parseBoolean(property);
    }

    private boolean tracesObservations() {
        ClassLoader loader = context.getClassLoader();
        if (!ClassUtils.isPresent(MICROMETER_TRACER, loader)) return false;
        Class<?> type = ClassUtils.resolveClassName(MICROMETER_TRACER, loader);
        return context.getBeanNamesForType(type, true, false).length > 0;
    }
}
