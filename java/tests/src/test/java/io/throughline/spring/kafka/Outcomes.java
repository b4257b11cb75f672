package io.throughline.spring.kafka;

import java.util.List;

/** The values of the metric throughline.context. */
final class Outcomes {
    private Outcomes() {}

    static List<String> of(Telemetry telemetry) {
        return telemetry.metrics.collectAllMetrics().stream()
                .filter(metric -> metric.getName().equals("throughline.context"))
                .flatMap(metric -> metric.getLongSumData().getPoints().stream())
                .map(point -> point.getAttributes().get(Semconv.OUTCOME))
                .toList();
    }
}
