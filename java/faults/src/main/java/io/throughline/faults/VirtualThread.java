package io.throughline.faults;

import io.opentelemetry.context.Context;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * The same with a virtual thread for each task, on Java 21 or newer. A ThreadLocal works in it as
 * in any thread; a new thread just does not have what its creator has.
 */
public final class VirtualThread {
    private VirtualThread() {}

    public static void main(String[] arguments) throws Exception {
        // Compiled for Java 17, where there is no such method.
        ExecutorService perTask =
                (ExecutorService)
                        Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        Shop.run(
                arguments,
                () -> HandOff.handle(perTask::execute),
                () -> HandOff.handle(Context.taskWrapping(perTask)::execute));
    }
}
