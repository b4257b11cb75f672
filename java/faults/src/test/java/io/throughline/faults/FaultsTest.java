package io.throughline.faults;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Each program loses its trace in the way that it claims, and the same program with ours does not.
 * Both run as they stand, each in a process of its own, on a real Kafka.
 */
class FaultsTest {
    private static final String CHARGED =
            """
            trace
              checkout: place order 1
                payments: process orders (consumer)
                  payments: charge card
            """;
    private static final String CHARGED_ELSEWHERE =
            """
            trace
              checkout: place order 1
                payments: process orders (consumer)
            trace
              payments: charge card
            """;

    @Test
    void anInterceptorThatClosesNoScopeHandlesTheNextOrderInTheTraceBefore() throws Exception {
        tells(
                ScopeNeverClosed.class,
                """
                trace
                  checkout: place order 1
                    payments: charge order 1
                    payments: charge order 2
                """,
                """
                trace
                  checkout: place order 1
                    payments: process orders (consumer)
                      payments: charge order 1
                trace
                  payments: process orders (consumer)
                    payments: charge order 2
                """);
    }

    @Test
    void aScopeKeptInAHeaderIsPublishedByWhoeverForwards() throws Exception {
        tells(
                JunkHeader.class,
                """
                shipping: headers [traceparent, _otel_scope]
                trace
                  checkout: place order 1
                    shipping: process paid (consumer)
                      shipping: pack
                """,
                """
                shipping: headers [traceparent]
                trace
                  checkout: place order 1
                    payments: process orders (consumer)
                      payments: send paid (producer)
                        shipping: process paid (consumer)
                          shipping: pack
                """);
    }

    @Test
    void aHeaderThatIsAddedNotReplacedHangsTheNextServiceUnderTheSenderBefore() throws Exception {
        tells(
                SecondHeader.class,
                """
                trace
                  checkout: place order 1
                    payments: process orders (consumer)
                      payments: send paid (producer)
                    shipping: process paid (consumer)
                """,
                """
                trace
                  checkout: place order 1
                    payments: process orders (consumer)
                      payments: send paid (producer)
                        shipping: process paid (consumer)
                """);
    }

    @Test
    void aHeaderWithoutAValueKeepsTheOrderFromBeingHandled() throws Exception {
        tells(
                HeaderWithoutValue.class,
                """
                payments: not charged: NullPointerException
                trace
                  checkout: place order 1
                """,
                CHARGED);
    }

    @Test
    void aThreadPoolLosesItsSubmittersContext() throws Exception {
        tells(ThreadPool.class, CHARGED_ELSEWHERE, CHARGED);
    }

    @Test
    @Tag("virtual-threads")
    void aVirtualThreadLosesItsCreatorsContext() throws Exception {
        tells(VirtualThread.class, CHARGED_ELSEWHERE, CHARGED);
    }

    @Test
    void springsExecutorLosesItsSubmittersContext() throws Exception {
        tells(ListenerExecutor.class, CHARGED_ELSEWHERE, CHARGED);
    }

    @Test
    void micrometersContextSnapshotKnowsNothingOfOpenTelemetrysContext() throws Exception {
        tells(
                ContextSnapshotOfMicrometer.class,
                "payments: No ContextAccessor for contextType\n" + CHARGED_ELSEWHERE,
                CHARGED);
    }

    @Test
    void oneContextForABatchChargesEveryOrderInTheFirstOnesTrace() throws Exception {
        tells(
                OneContextForABatch.class,
                """
                trace
                  checkout: place order 1
                    payments: charge order 1
                    payments: charge order 2
                    payments: charge order 3
                trace
                  checkout: place order 2
                trace
                  checkout: place order 3
                """,
                """
                trace
                  checkout: place order 1
                    payments: process orders (consumer) -> process orders
                      payments: charge order 1
                trace
                  checkout: place order 2
                    payments: process orders (consumer) -> process orders
                      payments: charge order 2
                trace
                  checkout: place order 3
                    payments: process orders (consumer) -> process orders
                      payments: charge order 3
                trace
                  payments: process orders (consumer) -> place order 1, place order 2, place order 3
                """);
    }

    @Test
    void aDeadLetterThatIsNotReinjectedKnowsNothingOfTheAttemptThatFailed() throws Exception {
        tells(
                DeadLetterNotReinjected.class,
                """
                trace
                  checkout: place order 1
                    payments: process orders (consumer) ERROR
                      payments: charge card
                    support: process orders.dlq (consumer)
                      support: call customer
                """,
                """
                trace
                  checkout: place order 1
                    payments: process orders (consumer) ERROR
                      payments: charge card
                      payments: send orders.dlq (producer)
                        support: process orders.dlq (consumer)
                          support: call customer
                """);
    }

    @Test
    void aSpanStartedBeforeTheExtractIsTheRootOfASecondTrace() throws Exception {
        tells(
                SpanBeforeExtract.class,
                """
                trace
                  checkout: place order 1
                    payments: charge card
                trace
                  payments: process orders (consumer)
                """,
                CHARGED);
    }

    @Test
    void aSecondInterceptorBeanSwitchesBothOff() throws Exception {
        tells(
                TwoInterceptorBeans.class,
                """
                trace
                  checkout: place order 1
                trace
                  payments: charge card
                """,
                CHARGED);
    }

    private static void tells(Class<?> program, String lost, String whole) throws Exception {
        boolean named = System.getenv("KAFKA_BROKERS") != null;
        if (System.getenv("CI") == null) {
            assumeTrue(named, "KAFKA_BROKERS names no Kafka: npm run java starts one");
        }
        // Each has topics of its own: they run side by side.
        CompletableFuture<String> losing =
                CompletableFuture.supplyAsync(() -> output(program, "--lost"));
        String keeping = output(program, "--whole");
        assertEquals(lost, losing.get(), program.getSimpleName() + " --lost");
        assertEquals(whole, keeping, program.getSimpleName() + " --whole");
    }

    private static String output(Class<?> program, String argument) {
        try {
            Process process =
                    new ProcessBuilder(
                                    List.of(
                                            System.getProperty("tests.java"),
                                            "-XX:TieredStopAtLevel=1",
                                            "-cp",
                                            System.getProperty("surefire.test.class.path"),
                                            program.getName(),
                                            argument))
                            .redirectError(ProcessBuilder.Redirect.INHERIT)
                            .start();
            String output = new String(process.getInputStream().readAllBytes(), UTF_8);
            int code = process.waitFor();
            assertEquals(0, code, output);
            return output;
        } catch (IOException | InterruptedException failed) {
            throw new IllegalStateException(failed);
        }
    }
}
