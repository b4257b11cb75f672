package io.throughline.spring.kafka;

import io.opentelemetry.api.common.Attributes;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.logging.Level;
import java.util.logging.Logger;

/**
 * Tracing that fails costs the application nothing: the record goes on without it. Each step's
 * failure is logged once, with its reason.
 */
final class Faults {
    private static final Logger LOG = Logger.getLogger("io.throughline.spring.kafka");
    private static final Set<String> TOLD = ConcurrentHashMap.newKeySet();

    /** By step; process-wide, as the log is. */
    static final Counts COUNTS = new Counts();

    private Faults() {}

    /**
     * A step of tracing failed.
     *
     * @throws VirtualMachineError where that is what happened: it is no fault of tracing
     */
    static void fault(String step, Throwable reason) {
        if (reason instanceof VirtualMachineError fatal) throw fatal;
        COUNTS.of(Attributes.of(Semconv.STEP, step)).increment();
        if (!TOLD.add(step)) return;
        LOG.log(
                Level.WARNING,
                reason,
                () ->
                        "Throughline: "
                                + step
                                + " failed, and the record goes on without it. Told once.");
    }

    /** Something the application should know, told once. */
    static void warnOnce(String what) {
        if (TOLD.add(what)) LOG.warning(() -> "Throughline: " + what);
    }
}
