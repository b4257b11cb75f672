package io.throughline.spring.kafka;

import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.springframework.kafka.listener.BatchInterceptor;

/**
 * A batch's scope around its listener. spring-kafka calls success or failure right after the
 * listener and before the error handler, which may deliver the batch again from there: the scope is
 * closed in either. The user's own interceptor is asked first, for it may hand on other records.
 */
final class TracingBatchInterceptor<K, V> implements BatchInterceptor<K, V> {
    private final Tracing tracing;
    private final BatchInterceptor<K, V> inner;
    private final ThreadLocal<ProcessScope> open = new ThreadLocal<>();

    TracingBatchInterceptor(Tracing tracing, BatchInterceptor<K, V> inner) {
        this.tracing = tracing;
        this.inner = inner;
    }

    @Override
    public ConsumerRecords<K, V> intercept(ConsumerRecords<K, V> records, Consumer<K, V> consumer) {
        abandon();
        if (inner == null) {
            open(records);
            return records;
        }
        // The records that the listener is given are those to read: the user's may be others.
        ConsumerRecords<K, V> given = null;
        try {
            given = inner.intercept(records, consumer);
        } finally {
            if (given != null) open(given);
        }
        return given;
    }

    @Override
    public void success(ConsumerRecords<K, V> records, Consumer<K, V> consumer) {
        try {
            if (inner != null) inner.success(records, consumer);
        } finally {
            end(null);
        }
    }

    @Override
    public void failure(ConsumerRecords<K, V> records, Exception error, Consumer<K, V> consumer) {
        try {
            if (inner != null) inner.failure(records, error, consumer);
        } finally {
            end(error);
        }
    }

    @Override
    public void setupThreadState(Consumer<?, ?> consumer) {
        if (inner != null) inner.setupThreadState(consumer);
    }

    @Override
    public void clearThreadState(Consumer<?, ?> consumer) {
        try {
            if (inner != null) inner.clearThreadState(consumer);
        } finally {
            abandon();
        }
    }

    private void open(ConsumerRecords<K, V> records) {
        try {
            open.set(BatchScope.open(tracing, records));
        } catch (Throwable problem) {
            Faults.fault("opening a batch's scope", problem);
        }
    }

    private void end(Exception error) {
        ProcessScope scope = open.get();
        open.remove();
        if (scope == null) return;
        try {
            if (error != null) scope.fail(error);
            scope.close();
        } catch (Throwable problem) {
            Faults.fault("closing a batch's scope", problem);
        }
    }

    private void abandon() {
        ProcessScope left = open.get();
        open.remove();
        if (left == null) return;
        try {
            left.abandon();
        } catch (Throwable problem) {
            Faults.fault("closing a batch's scope", problem);
        }
    }
}
