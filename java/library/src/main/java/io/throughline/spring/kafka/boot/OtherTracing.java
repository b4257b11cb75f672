package io.throughline.spring.kafka.boot;

import io.throughline.spring.kafka.Throughline;
import java.util.Collections;
import java.util.Locale;
import java.util.Set;
import java.util.WeakHashMap;
import org.springframework.beans.DirectFieldAccessor;
import org.springframework.context.ApplicationContext;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.core.ProducerFactory;
import org.springframework.kafka.listener.ContainerProperties;
import org.springframework.util.ClassUtils;

/**
 * Who else traces this application's Kafka clients. What they do is left to them: two spans for one
 * record would be worse than either.
 */
final class OtherTracing {
    private static final String AGENT = "io.opentelemetry.javaagent.OpenTelemetryAgent";
    private static final String INSTRUMENTATION = "io.opentelemetry.instrumentation.spring.kafka.";
    private static final String OURS = Throughline.class.getPackageName() + ".Tracing";
    private static final String STARTER =
            "io.opentelemetry.instrumentation.spring.autoconfigure.internal.instrumentation.kafka"
                    + ".ConcurrentKafkaListenerContainerFactoryPostProcessor";
    private static final String MICROMETER_TRACER = "io.micrometer.tracing.Tracer";

    private final ApplicationContext context;
    private final Set<ProducerFactory<?, ?>> left =
            Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));

    OtherTracing(ApplicationContext context) {
        this.context = context;
    }

    /** Whether another makes the spans of the single records of a container. */
    boolean consumeRecords(ContainerProperties container) {
        return agent("spring-kafka")
                || hasBean(STARTER)
                || (container.isObservationEnabled() && hasBean(MICROMETER_TRACER));
    }

    /**
     * Whether another makes the spans of a container's batches. Spring's observation knows none,
     * but from spring-kafka 4.0 on may make one for each record beside the listener's call.
     */
    boolean consumeBatches(ContainerProperties container) {
        if (agent("spring-kafka") || hasBean(STARTER)) return true;
        DirectFieldAccessor fields = new DirectFieldAccessor(container);
        String name = "recordObservationsInBatch";
        return container.isObservationEnabled()
                && hasBean(MICROMETER_TRACER)
                && fields.isReadableProperty(name)
                && Boolean.TRUE.equals(fields.getPropertyValue(name));
    }

    /**
     * Whether an interceptor traces already: OpenTelemetry's own, or ours set by the application.
     */
    boolean made(Object interceptor) {
        if (interceptor == null) return false;
        String name = interceptor.getClass().getName();
        return name.startsWith(INSTRUMENTATION) || name.startsWith(OURS);
    }

    /** Whether another traces all producers. */
    boolean produce() {
        return agent("kafka") || hasBean(STARTER);
    }

    /** Whether Spring's observation makes spans of what a template sends. */
    boolean observes(KafkaTemplate<?, ?> template) {
        Object enabled = new DirectFieldAccessor(template).getPropertyValue("observationEnabled");
        return Boolean.TRUE.equals(enabled) && hasBean(MICROMETER_TRACER);
    }

    /** Leaves the producers of a factory to Spring's observation. */
    void leave(ProducerFactory<?, ?> factory) {
        left.add(factory);
    }

    /** Whether the producers of a factory are left to Spring's observation. */
    boolean leaves(ProducerFactory<?, ?> factory) {
        return left.contains(factory);
    }

    /**
     * Whether the OpenTelemetry agent runs in this process with that instrumentation switched on.
     */
    private boolean agent(String instrumentation) {
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

    private boolean hasBean(String className) {
        ClassLoader loader = context.getClassLoader();
        if (!ClassUtils.isPresent(className, loader)) return false;
        Class<?> type = ClassUtils.resolveClassName(className, loader);
        return context.getBeanNamesForType(type, true, false).length > 0;
    }
}
