package io.throughline.spring.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.ContextKey;
import io.opentelemetry.context.Scope;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.springframework.core.task.SimpleAsyncTaskExecutor;
import org.springframework.scheduling.concurrent.ThreadPoolTaskExecutor;

/** Where a listener's context is on another thread, and where it is not. */
@RealKafka
class ThreadsTest {
    private final Application application = new Application();
    private final Telemetry telemetry = application.telemetry;
    private final String topic = Broker.topic("orders");
    private final ExecutorService pool = Executors.newFixedThreadPool(2);

    @AfterEach
    void stop() {
        application.close();
        pool.shutdownNow();
    }

    @Test
    void theActiveContextIsTheThreadsOwnAndClosingAScopePutsBackWhatWasThere() throws Exception {
        ContextKey<String> mine = ContextKey.named("mine");
        Context before = Context.current();
        AtomicReference<Context> elsewhere = new AtomicReference<>();
        try (Scope scope = before.with(mine, "here").makeCurrent()) {
            assertEquals("here", Context.current().get(mine));
            Thread other = new Thread(() -> elsewhere.set(Context.current()));
            other.start();
            other.join();
        }
        assertSame(Context.root(), elsewhere.get());
        assertSame(before, Context.current());
    }

    @Test
    void aTaskOnAPoolHasNoContextOfItsSubmitter() {
        application.listen(topic, record -> pool.execute(() -> telemetry.mark("charge card")));
        assertNotEquals(order(), telemetry.span("charge card").getTraceId());
    }

    @Test
    void aTaskOnAWrappedPoolHasTheContextOfItsSubmitter() {
        ExecutorService wrapped = Context.taskWrapping(pool);
        application.listen(topic, record -> wrapped.execute(() -> telemetry.mark("charge card")));
        assertEquals(order(), telemetry.span("charge card").getTraceId());
    }

    @Test
    void aPoolThreadKeepsNothingOfTheTaskBefore() {
        ExecutorService one = Executors.newSingleThreadExecutor();
        ExecutorService wrapped = Context.taskWrapping(one);
        application.listen(
                topic,
                record -> {
                    wrapped.execute(() -> telemetry.mark("charge card"));
                    one.execute(() -> telemetry.mark("not its record's"));
                });
        String order = order();
        assertEquals(order, telemetry.span("charge card").getTraceId());
        assertNotEquals(order, telemetry.span("not its record's").getTraceId());
        one.shutdown();
    }

    @Test
    void aNewThreadHasNoContextOfItsCreatorAndAWrappedTaskHas() {
        application.listen(
                topic,
                record -> {
                    new Thread(() -> telemetry.mark("bare")).start();
                    new Thread(Context.current().wrap(() -> telemetry.mark("wrapped"))).start();
                });
        String order = order();
        assertNotEquals(order, telemetry.span("bare").getTraceId());
        assertEquals(order, telemetry.span("wrapped").getTraceId());
    }

    @Test
    void aScheduledTaskLosesItAndOneOnAWrappedSchedulerDoesNot() {
        ScheduledExecutorService bare = Executors.newSingleThreadScheduledExecutor();
        ScheduledExecutorService wrapped = Context.taskWrapping(bare);
        application.listen(
                topic,
                record -> {
                    bare.schedule(() -> telemetry.mark("bare"), 1, TimeUnit.MILLISECONDS);
                    wrapped.schedule(() -> telemetry.mark("wrapped"), 1, TimeUnit.MILLISECONDS);
                });
        String order = order();
        assertNotEquals(order, telemetry.span("bare").getTraceId());
        assertEquals(order, telemetry.span("wrapped").getTraceId());
        bare.shutdown();
    }

    @Test
    void aQueuesWorkerHandlesARecordInItsTraceWhereItProcessesIt() {
        BlockingQueue<ConsumerRecord<String, String>> queue = new LinkedBlockingQueue<>();
        pool.execute(
                () -> {
                    while (!Thread.currentThread().isInterrupted()) {
                        try {
                            ConsumerRecord<String, String> record = queue.take();
                            telemetry.mark("bare");
                            application.throughline.processRecord(
                                    record, () -> telemetry.mark("charge card"));
                        } catch (InterruptedException stopped) {
                            return;
                        }
                    }
                });
        application.listen(topic, queue::add);
        String order = order();
        assertNotEquals(order, telemetry.span("bare").getTraceId());
        assertEquals(order, telemetry.span("charge card").getTraceId());
    }

    @Test
    void aTaskDecoratorOfSpringsPassesItOn() {
        ThreadPoolTaskExecutor executor = new ThreadPoolTaskExecutor();
        executor.setTaskDecorator(task -> Context.current().wrap(task));
        executor.initialize();
        application.listen(topic, record -> executor.execute(() -> telemetry.mark("charge card")));
        assertEquals(order(), telemetry.span("charge card").getTraceId());
        executor.shutdown();
    }

    @Test
    void aStageOfASendsFutureRunsInTheContextOfTheSend() {
        String next = Broker.topic("payments");
        AtomicBoolean later = new AtomicBoolean();
        application.listen(
                topic,
                record ->
                        application
                                .template
                                .send(next, "paid")
                                .thenAccept(
                                        result -> {
                                            later.set(true);
                                            telemetry.mark("note receipt");
                                        }));
        assertEquals(order(), telemetry.span("note receipt").getTraceId());
        assertTrue(later.get());
    }

    @Test
    void supplyAsyncLosesItAndAWrappedSupplierDoesNot() {
        application.listen(
                topic,
                record -> {
                    CompletableFuture.runAsync(() -> telemetry.mark("bare"));
                    CompletableFuture.runAsync(
                            Context.current().wrap(() -> telemetry.mark("wrapped")));
                });
        String order = order();
        assertNotEquals(order, telemetry.span("bare").getTraceId());
        assertEquals(order, telemetry.span("wrapped").getTraceId());
    }

    @Test
    @Tag("virtual-threads")
    void aListenerOnAVirtualThreadRunsInsideItsProducersTrace() {
        AtomicBoolean virtual = new AtomicBoolean();
        SimpleAsyncTaskExecutor executor = new SimpleAsyncTaskExecutor("kafka-");
        executor.setVirtualThreads(true);
        application.listen(
                topic,
                record -> {
                    virtual.set(isVirtual());
                    telemetry.mark("charge card");
                },
                container -> container.getContainerProperties().setListenerTaskExecutor(executor));
        assertEquals(order(), telemetry.span("charge card").getTraceId());
        assertTrue(virtual.get());
        telemetry.allEnded();
    }

    @Test
    @Tag("virtual-threads")
    void aVirtualThreadPerTaskHasNoContextOfItsSubmitter() throws Exception {
        try (ExecutorServiceCloser virtual = new ExecutorServiceCloser(perTask())) {
            application.listen(
                    topic, record -> virtual.executor.execute(() -> telemetry.mark("charge card")));
            assertNotEquals(order(), telemetry.span("charge card").getTraceId());
        }
    }

    @Test
    @Tag("virtual-threads")
    void aWrappedVirtualThreadPerTaskHasTheContextOfItsSubmitter() throws Exception {
        try (ExecutorServiceCloser virtual = new ExecutorServiceCloser(perTask())) {
            ExecutorService wrapped = Context.taskWrapping(virtual.executor);
            AtomicBoolean isVirtual = new AtomicBoolean();
            application.listen(
                    topic,
                    record ->
                            wrapped.execute(
                                    () -> {
                                        isVirtual.set(isVirtual());
                                        telemetry.mark("charge card");
                                    }));
            assertEquals(order(), telemetry.span("charge card").getTraceId());
            assertTrue(isVirtual.get());
        }
    }

    /** Sends a record in a span of its own, and gives that span's trace. */
    private String order() {
        Span order = telemetry.inSpan("order", () -> application.template.send(topic, "one"));
        return order.getSpanContext().getTraceId();
    }

    /** Compiled for Java 17, run on a newer one. */
    private static ExecutorService perTask() throws ReflectiveOperationException {
        return (ExecutorService)
                Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
    }

    private static boolean isVirtual() {
        try {
            return (boolean) Thread.class.getMethod("isVirtual").invoke(Thread.currentThread());
        } catch (ReflectiveOperationException older) {
            return false;
        }
    }

    private record ExecutorServiceCloser(ExecutorService executor) implements AutoCloseable {
        @Override
        public void close() {
            executor.shutdown();
        }
    }
}
