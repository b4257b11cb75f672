package io.throughline.spring.kafka;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.metrics.ObservableLongMeasurement;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/**
 * The time series of one counter, as plain numbers that the SDK reads when it collects: counting on
 * the instrument itself would cost each record a look-up by its attributes.
 */
final class Counts {
    /** Series beyond this many are counted together, as the metrics SDK itself does. */
    static final int MAX_SERIES = 2000;

    private static final Attributes OVERFLOW =
            Attributes.of(AttributeKey.booleanKey("otel.metric.overflow"), true);

    private final Map<Attributes, LongAdder> series = new ConcurrentHashMap<>();

    /** The one series with these attributes; keep it, and count on it. */
    LongAdder of(Attributes attributes) {
        LongAdder known = series.get(attributes);
        if (known != null) return known;
        Attributes kept = series.size() < MAX_SERIES ? attributes : OVERFLOW;
        return series.computeIfAbsent(kept, made -> new LongAdder());
    }

    void observe(ObservableLongMeasurement measurement) {
        series.forEach(
                (attributes, count) -> {
                    long sum = count.sum();
                    if (sum > 0) measurement.record(sum, attributes);
                });
    }
}
