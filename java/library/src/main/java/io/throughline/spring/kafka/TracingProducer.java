package io.throughline.spring.kafka;

import java.lang.reflect.InvocationHandler;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Proxy;
import java.util.LinkedHashSet;
import java.util.Set;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;

/**
 * A producer whose sends carry context; everything else is the producer's own. A proxy, because the
 * interface differs between the Kafka clients of spring-kafka's lines.
 */
final class TracingProducer implements InvocationHandler {
    private final Producer<?, ?> producer;
    private final Tracing tracing;
    private final FailedAttempts attempts;

    private TracingProducer(Producer<?, ?> producer, Tracing tracing, FailedAttempts attempts) {
        this.producer = producer;
        this.tracing = tracing;
        this.attempts = attempts;
    }

    @SuppressWarnings("unchecked")
    static <K, V> Producer<K, V> of(
            Producer<K, V> producer, Tracing tracing, FailedAttempts attempts) {
        if (isOurs(producer)) return producer;
        Set<Class<?>> interfaces = new LinkedHashSet<>();
        interfaces.add(Producer.class);
        for (Class<?> type = producer.getClass(); type != null; type = type.getSuperclass()) {
            for (Class<?> each : type.getInterfaces()) {
                if (Modifier.isPublic(each.getModifiers())) interfaces.add(each);
            }
        }
        return (Producer<K, V>)
                Proxy.newProxyInstance(
                        TracingProducer.class.getClassLoader(),
                        interfaces.toArray(Class<?>[]::new),
                        new TracingProducer(producer, tracing, attempts));
    }

    /** Whether a producer is traced already. */
    static boolean isOurs(Object producer) {
        return Proxy.isProxyClass(producer.getClass())
                && Proxy.getInvocationHandler(producer) instanceof TracingProducer;
    }

    @Override
    public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
        try {
            boolean isSend =
                    arguments != null
                            && method.getName().equals("send")
                            && arguments[0] instanceof ProducerRecord;
            if (isSend) {
                Callback callback = arguments.length > 1 ? (Callback) arguments[1] : null;
                return send((ProducerRecord<?, ?>) arguments[0], callback);
            }
            if (method.getName().equals("equals") && method.getParameterCount() == 1) {
                return proxy == arguments[0];
            }
            return method.invoke(producer, arguments);
        } catch (InvocationTargetException thrown) {
            throw thrown.getCause();
        }
    }

    private Object send(ProducerRecord<?, ?> record, Callback callback) {
        Sending sending = null;
        try {
            sending = Sending.open(record, callback, tracing, attempts);
        } catch (Throwable problem) {
            Faults.fault("opening a send's span", problem);
        }
        if (sending == null) return sendOn(record, callback);
        try {
            return sendOn(sending.record(), sending);
        } catch (Throwable thrown) {
            sending.end(null, thrown);
            throw thrown;
        }
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private Object sendOn(ProducerRecord record, Callback callback) {
        return ((Producer) producer).send(record, callback);
    }
}
