package io.throughline.faults;

import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.trace.ReadWriteSpan;
import io.opentelemetry.sdk.trace.ReadableSpan;
import io.opentelemetry.sdk.trace.SpanProcessor;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Traces as text: a line a span, under its parent, traces in the order in which they began. */
final class Trees implements SpanProcessor {
    private final List<ReadableSpan> ended = new ArrayList<>();

    @Override
    public synchronized void onEnd(ReadableSpan span) {
        ended.add(span);
    }

    @Override
    public boolean isEndRequired() {
        return true;
    }

    @Override
    public void onStart(Context parent, ReadWriteSpan span) {}

    @Override
    public boolean isStartRequired() {
        return false;
    }

    /** All traces; {@code run} is taken out of the names. */
    synchronized String text(String run) {
        List<SpanData> spans =
                ended.stream()
                        .map(ReadableSpan::toSpanData)
                        .sorted(Comparator.comparingLong(SpanData::getStartEpochNanos))
                        .toList();
        Map<String, String> names = new HashMap<>();
        for (SpanData span : spans) names.put(span.getSpanId(), span.getName().replace(run, ""));
        StringBuilder text = new StringBuilder();
        for (SpanData span : spans) {
            if (names.containsKey(span.getParentSpanId())) continue;
            text.append("trace\n");
            draw(span, "  ", spans, names, text);
        }
        return text.toString();
    }

    private static void draw(
            SpanData span,
            String indent,
            List<SpanData> spans,
            Map<String, String> names,
            StringBuilder text) {
        text.append(indent).append(span.getResource().getAttribute(Shop.SERVICE)).append(": ");
        text.append(names.get(span.getSpanId()));
        if (span.getKind() != SpanKind.INTERNAL) {
            text.append(" (").append(span.getKind().name().toLowerCase(Locale.ROOT)).append(')');
        }
        if (span.getStatus().getStatusCode() == StatusCode.ERROR) text.append(" ERROR");
        if (!span.getLinks().isEmpty()) {
            text.append(
                    span.getLinks().stream()
                            .map(link -> names.getOrDefault(link.getSpanContext().getSpanId(), "?"))
                            .collect(Collectors.joining(", ", " -> ", "")));
        }
        text.append('\n');
        for (SpanData child : spans) {
            if (child.getParentSpanId().equals(span.getSpanId())) {
                draw(child, indent + "  ", spans, names, text);
            }
        }
    }
}
