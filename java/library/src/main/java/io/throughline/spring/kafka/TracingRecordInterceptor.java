package io.throughline.spring.kafka;

import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.kafka.listener.RecordInterceptor;

/**
 * A record's scope around its listener, and around the error handler and recoverer after it: opened
 * in intercept, closed in afterRecord, which spring-kafka calls on the same thread whatever
 * happened in between. The user's own interceptor runs inside the scope. The span of a record that
 * failed ends before the error handler, which may sleep.
 *
 * <p>Where the container never comes to afterRecord (an Error, no error handler, a fenced
 * transaction), clearThreadState at the end of the poll closes it.
 */
final class TracingRecordInterceptor<K, V> implements RecordInterceptor<K, V> {
    private final RecordScopes scopes;
    private final RecordInterceptor<K, V> inner;

    /** One a thread, kept: setting and removing it costs more than the rest of a delivery. */
    private final ThreadLocal<Open> open = ThreadLocal.withInitial(Open::new);

    /** What is open on this thread. */
    private static final class Open {
        /** Between a record's delivery and its end. */
        private boolean delivered;

        /** Null where the record's topic is ignored. */
        private ProcessScope scope;

        /** What was open, which no longer is. */
        private ProcessScope take() {
            ProcessScope taken = scope;
            scope = null;
            delivered = false;
            return taken;
        }
    }

    TracingRecordInterceptor(RecordScopes scopes, RecordInterceptor<K, V> inner) {
        this.scopes = scopes;
        this.inner = inner;
    }

    @Override
    public ConsumerRecord<K, V> intercept(ConsumerRecord<K, V> record, Consumer<K, V> consumer) {
        open(record);
        return inner == null ? record : inner.intercept(record, consumer);
    }

    @Override
    public void success(ConsumerRecord<K, V> record, Consumer<K, V> consumer) {
        if (inner != null) inner.success(record, consumer);
    }

    @Override
    public void failure(ConsumerRecord<K, V> record, Exception error, Consumer<K, V> consumer) {
        // A record that could not be deserialized fails without having been intercepted.
        Open current = open.get();
        if (!current.delivered) open(record);
        ProcessScope scope = current.scope;
        if (scope != null) scope.fail(error);
        try {
            if (inner != null) inner.failure(record, error, consumer);
        } finally {
            if (scope != null) closeSafely(scope::done);
        }
    }

    @Override
    public void afterRecord(ConsumerRecord<K, V> record, Consumer<K, V> consumer) {
        try {
            if (inner != null) inner.afterRecord(record, consumer);
        } finally {
            ProcessScope scope = open.get().take();
            if (scope != null) closeSafely(scope::close);
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
            open.remove();
        }
    }

    private void open(ConsumerRecord<K, V> record) {
        abandon();
        Open current = open.get();
        current.delivered = true;
        try {
            current.scope = scopes.deliver(record);
        } catch (Throwable problem) {
            Faults.fault("opening a record's scope", problem);
        }
    }

    private void abandon() {
        ProcessScope left = open.get().take();
        if (left != null) closeSafely(left::abandon);
    }

    private static void closeSafely(Runnable close) {
        try {
            close.run();
        } catch (Throwable problem) {
            Faults.fault("closing a record's scope", problem);
        }
    }
}
