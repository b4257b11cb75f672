package io.throughline.spring.kafka;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.context.Context;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Supplier;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.springframework.kafka.core.ProducerPostProcessor;
import org.springframework.kafka.listener.BatchInterceptor;
import org.springframework.kafka.listener.RecordInterceptor;

/**
 * Keeps a record's trace whole across Kafka, for spring-kafka. With Spring Boot the jar alone is
 * enough; without it, one instance is given to the factories:
 *
 * <pre>{@code
 * Throughline throughline = Throughline.create(openTelemetry);
 * producerFactory.addPostProcessor(throughline.producerPostProcessor());
 * containerFactory.setRecordInterceptor(throughline.recordInterceptor());
 * containerFactory.setBatchInterceptor(throughline.batchInterceptor());
 * }</pre>
 *
 * <p>Thread-safe. Nothing here throws on what a record carries.
 */
public final class Throughline {
    private final Tracing tracing;
    private final RecordScopes scopes;
    private final FailedAttempts attempts = new FailedAttempts();

    private Throughline(Supplier<OpenTelemetry> openTelemetry, Options options) {
        this.tracing = new Tracing(openTelemetry, options);
        this.scopes = new RecordScopes(tracing);
    }

    /** With this OpenTelemetry and the default options. */
    public static Throughline create(OpenTelemetry openTelemetry) {
        return create(openTelemetry, Options.defaults());
    }

    /** With this OpenTelemetry. */
    public static Throughline create(OpenTelemetry openTelemetry, Options options) {
        Objects.requireNonNull(openTelemetry, "openTelemetry");
        return create(() -> openTelemetry, options);
    }

    /**
     * With an OpenTelemetry that is asked for when the first record comes, and once: for {@code
     * GlobalOpenTelemetry::get}, or a bean that is not made yet.
     */
    public static Throughline create(Supplier<OpenTelemetry> openTelemetry, Options options) {
        Objects.requireNonNull(openTelemetry, "openTelemetry");
        return new Throughline(openTelemetry, Objects.requireNonNull(options, "options"));
    }

    /** The scope of each record, for a container or its factory. */
    public <K, V> RecordInterceptor<K, V> recordInterceptor() {
        return recordInterceptor(null);
    }

    /**
     * The same around an interceptor of yours, which runs inside the record's scope, also where it
     * throws. {@code inner} may be null.
     */
    public <K, V> RecordInterceptor<K, V> recordInterceptor(RecordInterceptor<K, V> inner) {
        return new TracingRecordInterceptor<>(scopes, inner);
    }

    /** The scope of each batch; {@link #processRecord} gives its records theirs. */
    public <K, V> BatchInterceptor<K, V> batchInterceptor() {
        return batchInterceptor(null);
    }

    /** The same around an interceptor of yours. {@code inner} may be null. */
    public <K, V> BatchInterceptor<K, V> batchInterceptor(BatchInterceptor<K, V> inner) {
        return new TracingBatchInterceptor<>(tracing, inner);
    }

    /** For {@code ProducerFactory.addPostProcessor}: what its producers send carries context. */
    public <K, V> ProducerPostProcessor<K, V> producerPostProcessor() {
        return producer -> TracingProducer.of(producer, tracing, attempts);
    }

    /**
     * Handles one record of a batch, or one from a queue of your own, in its own producer's trace:
     * its context active, a span that ends with the call. The record that is active already is not
     * given a second span.
     *
     * <pre>{@code
     * for (ConsumerRecord<String, String> record : records) {
     *     throughline.processRecord(record, () -> charge(record));
     * }
     * }</pre>
     *
     * @throws E what the handler throws, the same object
     */
    public <E extends Exception> void processRecord(ConsumerRecord<?, ?> record, Task<E> handler)
            throws E {
        callRecord(
                record,
                () -> {
                    handler.run();
                    return null;
                });
    }

    /** The same for a handler that returns something. */
    public <T, E extends Exception> T callRecord(ConsumerRecord<?, ?> record, Call<T, E> handler)
            throws E {
        ProcessScope scope = null;
        try {
            scope = scopes.hold(record);
        } catch (Throwable problem) {
            Faults.fault("opening a record's scope", problem);
        }
        if (scope == null) return handler.call();
        try {
            return handler.call();
        } catch (Throwable error) {
            scope.fail(error);
            SpanContext attempt = ContextKeys.attemptIn(scope.context);
            if (attempt != null) attempts.remember(record, attempt);
            throw error;
        } finally {
            try {
                scope.close();
            } catch (Throwable problem) {
                Faults.fault("closing a record's scope", problem);
            }
        }
    }

    /** The context that a record carries, for those who start their own spans under it. */
    public Context contextOf(ConsumerRecord<?, ?> record) {
        return scopes.contextOf(record);
    }

    /**
     * New headers with a context in place of whatever these carry, in every letter case. What is
     * given is not written to.
     */
    public Headers inject(Headers headers, Context context) {
        List<Header> fields = tracing.carrying().fieldsOf(context);
        return TraceHeaders.replaced(headers, tracing.carrying().fields, fields);
    }

    /**
     * The record to publish in place of one that can't be handled: same key, value and headers, the
     * {@code dlq.*} headers, and the trace of the record itself, whatever is active. Sending it is
     * yours.
     */
    public <K, V> ProducerRecord<K, V> deadLetter(
            String topic, ConsumerRecord<K, V> record, Throwable error) {
        return deadLetter(topic, record, error, DeadLetterOptions.defaults());
    }

    /** The same, with options. */
    public <K, V> ProducerRecord<K, V> deadLetter(
            String topic, ConsumerRecord<K, V> record, Throwable error, DeadLetterOptions options) {
        SpanContext attempt = attemptOf(record);
        Context carried = scopes.contextOf(record);
        Context context = attempt == null ? carried : carried.with(Span.wrap(attempt));
        Headers headers =
                DeadLetters.headers(
                        record,
                        DeadLetters.facts(record, error, attempt, options),
                        context,
                        tracing.carrying());
        return new ProducerRecord<>(topic, null, record.key(), record.value(), headers);
    }

    /**
     * The {@code dlq.*} headers of a record, for spring-kafka's own recoverer:
     *
     * <pre>{@code recoverer.addHeadersFunction(throughline::deadLetterHeaders);}</pre>
     */
    public Headers deadLetterHeaders(ConsumerRecord<?, ?> record, Exception error) {
        DeadLetterOptions options = DeadLetterOptions.defaults();
        List<Header> facts = DeadLetters.facts(record, error, attemptOf(record), options);
        return new RecordHeaders(facts);
    }

    /** What a dead letter tells of its record, whoever wrote it; empty for any other record. */
    public static Optional<DeadLetterOrigin> deadLetterOf(ConsumerRecord<?, ?> record) {
        return DeadLetterOrigin.of(record.headers());
    }

    private SpanContext attemptOf(ConsumerRecord<?, ?> record) {
        SpanContext underWay = DeadLetters.attemptAt(record);
        return underWay == null ? attempts.of(record) : underWay;
    }

    /** A handler. */
    @FunctionalInterface
    public interface Task<E extends Exception> {
        /** Handles the record. */
        void run() throws E;
    }

    /** A handler that returns something. */
    @FunctionalInterface
    public interface Call<T, E extends Exception> {
        /** Handles the record. */
        T call() throws E;
    }
}
