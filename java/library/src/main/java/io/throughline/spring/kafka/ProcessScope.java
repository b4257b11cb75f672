package io.throughline.spring.kafka;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import org.springframework.kafka.listener.ListenerExecutionFailedException;
import org.springframework.kafka.listener.TimestampedException;

/**
 * What is open while a record, or a batch, is handled: a context made current on this thread, a
 * span, and a clock. It is closed on the thread that opened it, whatever became of the handler.
 */
final class ProcessScope {
    /** The context of the scope; what the handler sees. */
    final Context context;

    /** Null where no span is made. */
    private final Span span;

    /** Null where nothing is measured. */
    private final Source source;

    /** The batch that this is the scope of; null for a single record. */
    private final BatchScope batch;

    private final Meters meters;
    private final long began;
    private final Context before;
    private final Scope scope;
    private boolean done;

    /** The type of what failed; null where nothing has. */
    private String failure;

    private ProcessScope(
            Context context, Span span, Source source, BatchScope batch, Meters meters) {
        this.context = context;
        this.span = span;
        this.source = source;
        this.batch = batch;
        this.meters = meters;
        this.began = meters.now();
        this.before = Context.current();
        this.scope = context.makeCurrent();
    }

    /** Makes a record's context current; {@code span} ends with the scope, and may be null. */
    static ProcessScope ofRecord(Context context, Span span, Source source, Meters meters) {
        return new ProcessScope(context, span, source, null, meters);
    }

    /** The same for a batch. */
    static ProcessScope ofBatch(
            Context context, Span span, Source source, BatchScope batch, Meters meters) {
        return new ProcessScope(context, span, source, batch, meters);
    }

    /** A context alone: nothing ends with it, and nothing is measured. */
    static ProcessScope ofContext(Context context) {
        return new ProcessScope(context, null, null, null, Meters.NONE);
    }

    /** The handler failed. */
    void fail(Throwable error) {
        Throwable cause = causeOf(error);
        failure = cause.getClass().getName();
        if (span == null) return;
        try {
            describe(failure, cause.getMessage());
            span.recordException(cause);
        } catch (Throwable problem) {
            Faults.fault("describing a failure", problem);
        }
    }

    /** Nobody told how handling ended: the container stopped, or an Error went through it. */
    void abandon() {
        if (!done) {
            failure = "_OTHER";
            try {
                if (span != null) describe(failure, "handling was broken off");
            } catch (Throwable problem) {
                Faults.fault("describing a failure", problem);
            }
        }
        close();
    }

    /**
     * Puts back what was current before, even where the handler left a scope of its own open:
     * OpenTelemetry then ignores the closing of any other, and the thread would carry the handler's
     * context into the next record. Then ends the span.
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
        done();
    }

    /**
     * The handler is done, and its time over; its context stays current until the scope is closed.
     * A container sleeps through a back-off, and runs its recoverer, before it comes to that.
     */
    void done() {
        if (done) return;
        done = true;
        // The time of a batch whose records were handled singly is in theirs.
        boolean measured = source != null && (batch == null || !batch.hadSingles());
        if (measured) meters.processed(began, source.measured(failure));
        if (span != null) span.end();
    }

    private void describe(String type, String message) {
        span.setStatus(StatusCode.ERROR, message == null ? "" : message);
        span.setAttribute(Semconv.ERROR_TYPE, type);
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
