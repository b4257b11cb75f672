package io.throughline.faults;

import io.micrometer.context.ContextSnapshotFactory;
import io.opentelemetry.context.Context;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * "ContextSnapshot.captureFrom(Context.current())", as an article advises: the class is
 * Micrometer's, and knows nothing of OpenTelemetry's Context. Its factory captures what is
 * registered with it, which is nothing; what it wraps runs without context.
 */
public final class ContextSnapshotOfMicrometer {
    private ContextSnapshotOfMicrometer() {}

    public static void main(String[] arguments) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(2);
        Shop.run(
                arguments,
                () -> HandOff.handle(task -> pool.execute(captured(task))),
                () -> HandOff.handle(task -> pool.execute(Context.current().wrap(task))));
    }

    @SuppressWarnings("deprecation")
    private static Runnable captured(Runnable task) {
        try {
            return io.micrometer.context.ContextSnapshot.captureFrom(Context.current()).wrap(task);
        } catch (IllegalStateException unknown) {
            System.out.println("payments: " + unknown.getMessage().split(":")[0]);
            return ContextSnapshotFactory.builder().build().captureAll().wrap(task);
        }
    }
}
