package io.throughline.faults;

import io.opentelemetry.context.Context;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A listener hands its work to a pool. OpenTelemetry keeps its context in a ThreadLocal, and the
 * pool's threads have none.
 */
public final class ThreadPool {
    private ThreadPool() {}

    public static void main(String[] arguments) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(2);
        Shop.run(
                arguments,
                () -> HandOff.handle(pool::execute),
                () -> HandOff.handle(Context.taskWrapping(pool)::execute));
    }
}
