package io.throughline.spring.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.baggage.propagation.W3CBaggagePropagator;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.propagation.ContextPropagators;
import io.opentelemetry.context.propagation.TextMapGetter;
import io.opentelemetry.context.propagation.TextMapPropagator;
import io.opentelemetry.context.propagation.TextMapSetter;
import io.opentelemetry.extension.trace.propagation.B3Propagator;
import java.util.Collection;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.junit.jupiter.api.Test;

/** Which headers carry a context, by which propagator. No broker needed. */
class CarryingTest {
    private static final String TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
    private static final String OTHER = "0af7651916cd43dd8448eb211c80319c";
    private static final String SPAN = "00f067aa0ba902b7";

    @Test
    void eachOfARepeatedHeaderIsReadByAForeignPropagator() {
        Headers headers =
                new RecordHeaders()
                        .add("b3", bytes(TRACE + "-" + SPAN + "-1"))
                        .add("b3", bytes(OTHER + "-" + SPAN + "-1"));
        Carrying carrying = new Carrying(B3Propagator.injectingSingleHeader());
        Extracted read = carrying.read(headers, Options.Duplicates.NEW, Context.root());
        assertEquals(Extracted.Outcome.DUPLICATE, read.outcome());
        assertNull(read.parent());
        assertEquals(
                List.of(TRACE, OTHER),
                read.several().stream().map(each -> each.getTraceId()).toList());
    }

    @Test
    void aRepeatedBaggageIsOneListForAForeignPropagatorToo() {
        Headers headers =
                new RecordHeaders()
                        .add("baggage", bytes("tenant=a"))
                        .add("Baggage", bytes("tier=gold"));
        Carrying carrying = new Carrying(b3AndBaggage());
        Extracted alone = carrying.read(headers, Options.Duplicates.NEW, Context.root());
        assertEquals(Extracted.Outcome.MISSING, alone.outcome());
        assertEquals(Set.of("tenant", "tier"), alone.baggage().asMap().keySet());
        headers.add("b3", bytes(TRACE + "-" + SPAN + "-1"));
        Extracted read = carrying.read(headers, Options.Duplicates.NEW, Context.root());
        assertEquals(Extracted.Outcome.EXTRACTED, read.outcome());
        assertEquals(TRACE, read.parent().getTraceId());
        assertEquals(Set.of("tenant", "tier"), read.baggage().asMap().keySet());
    }

    @Test
    void aForeignHeaderIsMissingMalformedOrReadAFewTimes() {
        Carrying carrying = new Carrying(b3AndBaggage());
        Headers headers = new RecordHeaders().add("b3", null).add("other", bytes("1"));
        assertEquals(
                Extracted.Outcome.MISSING,
                carrying.read(headers, Options.Duplicates.NEW, Context.root()).outcome());
        headers.add("b3", bytes("none"));
        assertEquals(
                Extracted.Outcome.MALFORMED,
                carrying.read(headers, Options.Duplicates.NEW, Context.root()).outcome());
        Headers many = new RecordHeaders();
        for (int trace = 1; trace <= 20; trace++) {
            many.add("b3", bytes(String.format("%032x-%s-1", trace, SPAN)));
        }
        Extracted read = carrying.read(many, Options.Duplicates.NEW, Context.root());
        assertEquals(8, read.several().size());
    }

    @Test
    void theRandomFlagOfACreationContextIsNotThatOfAnotherTrace() {
        Carrying carrying = new Carrying(W3CTraceContextPropagator.getInstance());
        ContextKeys.Origin origin = new ContextKeys.Origin(null, span(TRACE, "03"));
        Context context = Context.root().with(ContextKeys.ORIGIN, origin);
        for (String trace : List.of(TRACE, OTHER)) {
            List<Header> fields = carrying.fieldsOf(context.with(Span.wrap(span(trace, "01"))));
            String flags = trace.equals(TRACE) ? "-03" : "-01";
            assertTrue(new String(fields.get(0).value(), UTF_8).endsWith(flags));
        }
    }

    @Test
    void aStaleTracestateGoesThoughThePropagatorNamesTheTraceparentAlone() {
        OpenTelemetry alone =
                OpenTelemetry.propagating(ContextPropagators.create(new TraceparentAlone()));
        Headers headers = new RecordHeaders().add("tracestate", bytes("stale=1"));
        Context context = Context.root().with(Span.wrap(span(TRACE, "01")));
        Headers injected = Throughline.create(alone).inject(headers, context);
        assertNull(injected.lastHeader("tracestate"));
        assertEquals(1, injected.toArray().length);
    }

    private static SpanContext span(String trace, String flags) {
        return Traceparent.parse(bytes("00-" + trace + "-" + SPAN + "-" + flags));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(UTF_8);
    }

    private static TextMapPropagator b3AndBaggage() {
        return TextMapPropagator.composite(
                B3Propagator.injectingSingleHeader(), W3CBaggagePropagator.getInstance());
    }

    private static final class TraceparentAlone implements TextMapPropagator {
        @Override
        public Collection<String> fields() {
            return List.of("traceparent");
        }

        @Override
        public <C> void inject(Context context, C carrier, TextMapSetter<C> setter) {}

        @Override
        public <C> Context extract(Context context, C carrier, TextMapGetter<C> getter) {
            return context;
        }
    }
}
