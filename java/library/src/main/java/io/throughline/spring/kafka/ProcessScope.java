package io.throughline.spring.kafka;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import org.springframework.kafka.listener.ListenerExecutionFailedException;
import org.springframework.kafka.listener.TimestampedException;

/**
 * What is open while a record, or a batch, is handled: a context made current on this thread, and a
 * span. It is closed on the thread that opened it, whatever became of the handler.
 */
final class ProcessScope {
    /** The context of the scope; what the handler sees. */
    final Context context;

    /** Null where no span is made. */
    private final Span span;

    private final Context before;
    private final Scope scope;
    private boolean failed;

    private ProcessScope(Context context, Span span) {
        this.context = context;
        this.span = span;
        this.before = Context.current();
        this.scope = context.makeCurrent();
    }

    /** Makes a context current; {@code span} ends with the scope, and may be null. */
    static ProcessScope open(Context context, Span span) {
        return new ProcessScope(context, span);
    }

    /** The handler failed. Told twice, the first reason stays. */
    void fail(Throwable error) {
        if (failed) return;
        failed = true;
        if (span == null) return;
        try {
            Throwable cause = causeOf(error);
            span.setStatus(StatusCode.ERROR, cause.getMessage() == null ? "" : cause.getMessage());
            span.setAttribute(Semconv.ERROR_TYPE, cause.getClass().getName());
            span.recordException(cause);
        } catch (Throwable problem) {
            Faults.fault("describing a failure", problem);
        }
    }

    /** Nobody told how handling ended: the container stopped, or an Error went through it. */
    void abandon() {
        if (span != null && !failed) {
            span.setStatus(StatusCode.ERROR, "handling was broken off");
            span.setAttribute(Semconv.ERROR_TYPE, "_OTHER");
        }
        failed = true;
        close();
    }

    /**
     * Ends the span and puts back what was current before, even where the handler left a scope of
     * its own open: OpenTelemetry then ignores the closing of any other, and the thread would carry
     * the handler's context into the next record.
     */
    void close() {
        if (Context.current() != context) {
            Faults.warnOnce(
                    "a scope that the handler opened was still open when the record was done; the"
                            + " thread's context is put back. Close it: try (Scope scope ="
                            + " context.makeCurrent()) { ... }");
        }
        scope.close();
        // Not closed on purpose: it is what puts the thread's own context back.
        if (Context.current() != before) before.makeCurrent();
        if (span != null) span.end();
    }

    boolean hasFailed() {
        return failed;
    }

    /** What the listener threw, out of what spring-kafka wraps around it. */
    static Throwable causeOf(Throwable error) {
        Throwable cause = error;
        while ((cause instanceof ListenerExecutionFailedException
                        || cause instanceof TimestampedException)
                && cause.getCause() != null) {
            cause = cause.getCause();
        }
        return cause;
    }
}
