package io.throughline.faults;

import io.opentelemetry.context.Context;
import org.springframework.scheduling.concurrent.ThreadPoolTaskExecutor;

/**
 * A listener runs on Spring's own executor, as one that is marked @Async does. Spring copies no
 * context: a TaskDecorator does.
 */
public final class ListenerExecutor {
    private ListenerExecutor() {}

    public static void main(String[] arguments) throws Exception {
        ThreadPoolTaskExecutor bare = new ThreadPoolTaskExecutor();
        bare.initialize();
        ThreadPoolTaskExecutor decorated = new ThreadPoolTaskExecutor();
        decorated.setTaskDecorator(task -> Context.current().wrap(task));
        decorated.initialize();
        Shop.run(
                arguments,
                () -> HandOff.handle(bare::execute),
                () -> HandOff.handle(decorated::execute));
    }
}
