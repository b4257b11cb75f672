package io.throughline.bench;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/**
 * CPU time of this thread a record, variants side by side: in each round every one, in any order.
 */
final class Measure {
    private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();
    private static final int RESAMPLES = 2000;

    private final Random random = new Random(42);
    private final Map<String, double[]> nanos = new LinkedHashMap<>();

    Measure(
            Map<String, Variant> variants,
            List<ConsumerRecord<String, String>> records,
            int warmUps,
            int rounds) {
        for (int round = 0; round < warmUps; round++) {
            variants.values().forEach(variant -> variant.round(records));
        }
        variants.keySet().forEach(name -> nanos.put(name, new double[rounds]));
        List<String> order = new ArrayList<>(variants.keySet());
        for (int round = 0; round < rounds; round++) {
            Collections.shuffle(order, random);
            for (String name : order) {
                long began = THREADS.getCurrentThreadCpuTime();
                variants.get(name).round(records);
                long spent = THREADS.getCurrentThreadCpuTime() - began;
                nanos.get(name)[round] = (double) spent / records.size();
            }
        }
    }

    /** What was measured elsewhere: nanoseconds a record of each variant, round by round. */
    Measure(Map<String, double[]> measured) {
        nanos.putAll(measured);
    }

    /** Microseconds a record of a variant, the median of its rounds. */
    double micros(String name) {
        return median(nanos.get(name)) / 1000;
    }

    /**
     * Microseconds a record that a variant adds to another, the median of the paired differences.
     */
    double addedMicros(String name, String floor) {
        return median(differences(name, floor)) / 1000;
    }

    /**
     * What one adds to the floor, as a share of what the other adds: the ratio of the medians, and
     * the interval that holds it in 95 of 100 resamples of the rounds.
     */
    double[] ratio(String one, String other, String floor) {
        double[] ours = differences(one, floor);
        double[] theirs = differences(other, floor);
        double[] resampled = new double[RESAMPLES];
        for (int at = 0; at < RESAMPLES; at++) {
            double[] left = new double[ours.length];
            double[] right = new double[ours.length];
            for (int round = 0; round < ours.length; round++) {
                int drawn = random.nextInt(ours.length);
                left[round] = ours[drawn];
                right[round] = theirs[drawn];
            }
            resampled[at] = median(left) / median(right);
        }
        Arrays.sort(resampled);
        return new double[] {
            median(ours) / median(theirs),
            resampled[(int) (RESAMPLES * 0.025)],
            resampled[(int) (RESAMPLES * 0.975)]
        };
    }

    private double[] differences(String name, String floor) {
        double[] all = nanos.get(name).clone();
        for (int round = 0; round < all.length; round++) all[round] -= nanos.get(floor)[round];
        return all;
    }

    private static double median(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        int middle = sorted.length / 2;
        return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
