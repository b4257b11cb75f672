package io.throughline.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.instrumentation.kafkaclients.v2_6.KafkaTelemetry;
import io.opentelemetry.instrumentation.spring.kafka.v2_7.SpringKafkaTelemetry;
import io.throughline.spring.kafka.Options;
import io.throughline.spring.kafka.Throughline;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * What a record costs above an empty listener, beside OpenTelemetry's own library for spring-kafka:
 * in one process, and on the Kafka that KAFKA_BROKERS names; interleaved, as ratios. {@code
 * --short} shows that everything runs.
 */
public final class Bench {
    private static final String NONE = "none";
    private static final String OURS = "ours";
    private static final String THEIRS = "theirs";
    private static final String BY_HAND = "by hand";
    private static final String BARE = "propagation alone";

    private final boolean quick;
    private final List<ConsumerRecord<String, String>> records;

    private Bench(boolean quick) {
        this.quick = quick;
        this.records = records(quick ? 200 : 5_000);
    }

    public static void main(String[] arguments) throws Exception {
        Bench bench = new Bench(List.of(arguments).contains("--short"));
        System.out.printf(
                "Java %s, CPU a record above an empty listener, 95 %% intervals.%n"
                        + "theirs: opentelemetry-spring-kafka-2.7 and -kafka-clients-2.6; by hand:"
                        + " OpenTelemetry's api alone, extract, span, scope, end%n%n",
                System.getProperty("java.version"));
        System.out.printf(
                "%-44s %9s    %-8s %9s   %s%n", "path", "ours", "beside", "", "ours / beside");
        for (boolean sampled : new boolean[] {true, false}) {
            String how = sampled ? ", sampled" : ", not sampled";
            bench.records(sampled, how, false);
            bench.batches(sampled, how);
            bench.sends(sampled, how, false);
        }
        bench.records(true, ", sampled, metrics collected", true);
        bench.sends(true, ", sampled, metrics collected", true);
        String brokers = System.getenv("KAFKA_BROKERS");
        if (brokers != null) new BrokerBench(brokers, bench.quick).run();
        if (bench.quick) System.out.println("\n--short: it ran; the figures say nothing");
    }

    private void records(boolean sampled, String how, boolean metered) {
        Telemetry ours = new Telemetry(sampled, metered);
        Telemetry theirs = new Telemetry(sampled, metered);
        Map<String, Variant> variants = new LinkedHashMap<>();
        Variant.Handler empty = record -> {};
        variants.put(NONE, Variant.records(null, empty));
        variants.put(
                OURS, Variant.records(Throughline.create(ours.sdk).recordInterceptor(), empty));
        variants.put(
                THEIRS,
                Variant.records(
                        SpringKafkaTelemetry.create(theirs.sdk).createRecordInterceptor(), empty));
        variants.put(BY_HAND, Variant.records(null, new ByHand(theirs.sdk, empty)));
        variants.put(
                BARE,
                Variant.records(
                        Throughline.create(ours.sdk, Options.defaults().spans(false))
                                .recordInterceptor(),
                        empty));
        Measure measured = measure(variants);
        line("listener" + how, measured, OURS, THEIRS);
        if (metered) return; // neither theirs nor a loop by hand measures the duration
        line("listener" + how, measured, OURS, BY_HAND);
        if (sampled) line("listener, propagation alone", measured, BARE, THEIRS);
        check(ours, theirs, sampled);
    }

    /**
     * Theirs has one span for the batch and no scope for its records; ours has both, so that what a
     * scope a record costs is set beside a loop that does it by hand.
     */
    private void batches(boolean sampled, String how) {
        Telemetry ours = new Telemetry(sampled, false);
        Telemetry theirs = new Telemetry(sampled, false);
        Throughline throughline = Throughline.create(ours.sdk);
        Map<String, Variant> variants = new LinkedHashMap<>();
        Variant.Handler empty = record -> {};
        variants.put(NONE, Variant.batches(null, empty));
        variants.put(OURS, Variant.batches(throughline.batchInterceptor(), empty));
        variants.put(
                THEIRS,
                Variant.batches(
                        SpringKafkaTelemetry.create(theirs.sdk).createBatchInterceptor(), empty));
        variants.put(
                "each",
                Variant.batches(
                        throughline.batchInterceptor(),
                        record -> throughline.processRecord(record, () -> {})));
        variants.put(
                BY_HAND,
                Variant.batches(
                        SpringKafkaTelemetry.create(theirs.sdk).createBatchInterceptor(),
                        new ByHand(theirs.sdk, empty)));
        Measure measured = measure(variants);
        line("batch of 100" + how, measured, OURS, THEIRS);
        // Both with a batch's span around: theirs for the loop by hand.
        line("  and a scope a record" + how, measured, "each", BY_HAND);
        check(ours, theirs, sampled);
    }

    private void sends(boolean sampled, String how, boolean metered) {
        Telemetry ours = new Telemetry(sampled, metered);
        Telemetry theirs = new Telemetry(sampled, metered);
        Map<String, Variant> variants = new LinkedHashMap<>();
        variants.put(NONE, Variant.sends(producer -> producer));
        variants.put(
                OURS,
                Variant.sends(
                        producer ->
                                Throughline.create(ours.sdk)
                                        .<String, String>producerPostProcessor()
                                        .apply(producer)));
        OpenTelemetry sdk = theirs.sdk;
        variants.put(THEIRS, Variant.sends(KafkaTelemetry.create(sdk)::wrap));
        line("send" + how, measure(variants), OURS, THEIRS);
        check(ours, theirs, sampled);
    }

    private Measure measure(Map<String, Variant> variants) {
        return new Measure(variants, records, quick ? 1 : 40, quick ? 3 : 61);
    }

    private static void line(String path, Measure measured, String name, String beside) {
        double[] ratio = measured.ratio(name, beside, NONE);
        System.out.printf(
                Locale.ROOT,
                "%-44s %6.2f us    %-8s %6.2f us   %.2f (%.2f to %.2f)%n",
                path,
                measured.addedMicros(name, NONE),
                beside,
                measured.addedMicros(beside, NONE),
                ratio[0],
                ratio[1],
                ratio[2]);
    }

    /** A variant that made no span would be the fastest. */
    private static void check(Telemetry ours, Telemetry theirs, boolean sampled) {
        if (sampled != ours.ended.get() > 0 || sampled != theirs.ended.get() > 0) {
            throw new AssertionError("spans: ours " + ours.ended + ", theirs " + theirs.ended);
        }
    }

    static String traceparent(Random random) {
        return String.format(
                "00-%016x%016x-%016x-01",
                random.nextLong() | 1, random.nextLong(), random.nextLong() | 1);
    }

    /** Records as a traced producer sends them, each in a trace of its own. */
    private static List<ConsumerRecord<String, String>> records(int count) {
        Random random = new Random(7);
        List<ConsumerRecord<String, String>> records = new ArrayList<>(count);
        for (int offset = 0; offset < count; offset++) {
            ConsumerRecord<String, String> record =
                    new ConsumerRecord<>("orders", 0, offset, "order-" + offset, "42");
            record.headers().add("content-type", "application/json".getBytes(UTF_8));
            record.headers().add("traceparent", traceparent(random).getBytes(UTF_8));
            records.add(record);
        }
        return records;
    }
}
