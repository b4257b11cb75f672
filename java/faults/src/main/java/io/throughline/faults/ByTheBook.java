package io.throughline.faults;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapPropagator;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;

/** What tracing by hand looks like where it is right, for the faults that happen elsewhere. */
final class ByTheBook {
    private ByTheBook() {}

    /** Extracts, activates, starts a process span, and closes all of it. */
    static void process(String service, ConsumerRecord<?, ?> record, Runnable handler) {
        Context context = extract(service, record.headers());
        Span span =
                Shop.tracer(service)
                        .spanBuilder("process " + record.topic())
                        .setSpanKind(SpanKind.CONSUMER)
                        .setParent(context)
                        .startSpan();
        try (Scope scope = context.with(span).makeCurrent()) {
            handler.run();
        } catch (RuntimeException failed) {
            span.setStatus(StatusCode.ERROR);
            throw failed;
        } finally {
            span.end();
        }
    }

    /** The context that headers carry. */
    static Context extract(String service, Headers headers) {
        return propagator(service).extract(Context.root(), headers, LAST);
    }

    static TextMapPropagator propagator(String service) {
        return Shop.openTelemetry(service).getPropagators().getTextMapPropagator();
    }

    /** The last of repeated headers, as Java's readers take it. */
    static final TextMapGetter<Headers> LAST = new HeadersGetter(false);

    /** The first, as Go's and Python's take it. */
    static final TextMapGetter<Headers> FIRST = new HeadersGetter(true);

    private record HeadersGetter(boolean first) implements TextMapGetter<Headers> {
        @Override
        public Iterable<String> keys(Headers headers) {
            List<String> keys = new ArrayList<>();
            for (Header header : headers) keys.add(header.key());
            return keys;
        }

        @Override
        public String get(Headers headers, String key) {
            Header found = headers.lastHeader(key);
            if (first && found != null) found = headers.headers(key).iterator().next();
            return found == null ? null : new String(found.value(), UTF_8);
        }
    }
}
