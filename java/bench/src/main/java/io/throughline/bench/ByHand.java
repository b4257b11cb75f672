package io.throughline.bench;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapPropagator;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/**
 * What a careful user writes with OpenTelemetry's api alone, for each record: extract, start a span
 * with the attributes that ours has, make it current, end it.
 */
record ByHand(Tracer tracer, TextMapPropagator propagator, Variant.Handler handler)
        implements Variant.Handler {
    private static final Attributes SHARED =
            Attributes.builder()
                    .put("messaging.operation.name", "process")
                    .put("messaging.operation.type", "process")
                    .put("messaging.system", "kafka")
                    .put("messaging.destination.name", "orders")
                    .put("messaging.destination.partition.id", "0")
                    .build();

    ByHand(OpenTelemetry openTelemetry, Variant.Handler handler) {
        this(
                openTelemetry.getTracer("by hand"),
                openTelemetry.getPropagators().getTextMapPropagator(),
                handler);
    }

    @Override
    public void handle(ConsumerRecord<String, String> record) {
        Context extracted =
                propagator.extract(Context.root(), record.headers(), HeadersGetter.INSTANCE);
        Span span =
                tracer.spanBuilder("process orders")
                        .setSpanKind(SpanKind.CONSUMER)
                        .setParent(extracted)
                        .setAllAttributes(SHARED)
                        .startSpan();
        if (span.isRecording()) {
            span.setAttribute("messaging.kafka.offset", record.offset());
            span.setAttribute("messaging.kafka.message.key", record.key());
        }
        try (Scope scope = extracted.with(span).makeCurrent()) {
            handler.handle(record);
        } finally {
            span.end();
        }
    }

    private enum HeadersGetter implements TextMapGetter<Headers> {
        INSTANCE;

        @Override
        public Iterable<String> keys(Headers headers) {
            List<String> keys = new ArrayList<>();
            for (Header header : headers) keys.add(header.key());
            return keys;
        }

        @Override
        public String get(Headers headers, String key) {
            Header header = headers.lastHeader(key);
            return header == null ? null : new String(header.value(), UTF_8);
        }
    }
}
