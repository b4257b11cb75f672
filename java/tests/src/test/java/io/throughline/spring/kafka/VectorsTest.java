package io.throughline.spring.kafka;

import static io.throughline.spring.kafka.Vectors.textOrNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.fasterxml.jackson.databind.JsonNode;
import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.baggage.BaggageBuilder;
import io.opentelemetry.api.baggage.BaggageEntryMetadata;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.springframework.kafka.listener.BatchInterceptor;
import org.springframework.kafka.listener.RecordInterceptor;
import org.springframework.kafka.support.KafkaUtils;

/** The vectors that every language reads, through the public interface. No broker is needed. */
class VectorsTest {
    /** The kinds that there is a reader for below, and those that there is none for. */
    private static final Set<String> READ =
            Set.of("extract", "inject", "forward", "dead-letter", "dead-letter-origin", "batch");

    /** RabbitMQ is no broker of spring-kafka's. */
    private static final Set<String> NOT_READ = Set.of("dead-letter-origin-rabbitmq");

    private static final Map<String, Integer> RAN = new HashMap<>();

    @Test
    void everyFileIsReadAndNamedByTheManifest() {
        Set<String> all = new TreeSet<>(READ);
        all.addAll(NOT_READ);
        Set<String> named = new TreeSet<>();
        Vectors.file("manifest").fieldNames().forEachRemaining(named::add);
        assertEquals(all, named);
        assertEquals(all, Vectors.files());
    }

    @AfterAll
    static void asManyRanAsTheManifestSays() {
        JsonNode manifest = Vectors.file("manifest");
        for (String kind : READ) {
            assertEquals(manifest.get(kind).asInt(), RAN.getOrDefault(kind, 0), kind);
        }
    }

    @TestFactory
    List<DynamicTest> extract() {
        return each(
                Vectors.of("extract", "name", "headers", "duplicates", "expect"),
                "extract",
                vector -> {
                    JsonNode expect = vector.get("expect");
                    Vectors.onlyKnown(expect, "outcome", "parent", "links", "baggage");
                    Options options = Options.defaults();
                    if (vector.has("duplicates")) {
                        options =
                                options.duplicates(
                                        Options.Duplicates.valueOf(
                                                vector.get("duplicates").asText().toUpperCase()));
                    }
                    try (Telemetry telemetry = new Telemetry()) {
                        Throughline throughline = Throughline.create(telemetry.sdk, options);
                        Baggage[] baggage = new Baggage[1];
                        Context[] active = new Context[1];
                        handle(
                                throughline,
                                Vectors.record("orders", 0, 0, 0, vector.get("headers")),
                                () -> {
                                    baggage[0] = Baggage.current();
                                    active[0] = Context.current();
                                });

                        SpanData process = telemetry.span("process orders");
                        assertEquals(
                                List.of(expect.get("outcome").asText()), Outcomes.of(telemetry));
                        JsonNode parent = expect.get("parent");
                        if (parent.isNull()) {
                            assertFalse(process.getParentSpanContext().isValid());
                        } else {
                            Vectors.onlyKnown(parent, "traceId", "spanId", "flags", "tracestate");
                            SpanContext is = active[0].get(ContextKeys.ORIGIN).creation();
                            assertSpan(parent, is);
                            assertEquals(is.getSpanId(), process.getParentSpanId());
                            assertEquals(is.getTraceId(), process.getTraceId());
                            assertEquals(
                                    is.isSampled(), process.getParentSpanContext().isSampled());
                        }
                        assertEquals(expect.get("links").size(), process.getLinks().size());
                        for (int at = 0; at < process.getLinks().size(); at++) {
                            assertSpan(
                                    expect.get("links").get(at),
                                    process.getLinks().get(at).getSpanContext());
                        }
                        Set<String> members = new TreeSet<>();
                        baggage[0].forEach(
                                (key, entry) -> {
                                    String properties = entry.getMetadata().getValue();
                                    members.add(
                                            key
                                                    + "="
                                                    + entry.getValue()
                                                    + (properties.isEmpty() ? "" : ";")
                                                    + properties);
                                });
                        assertEquals(Vectors.members(expect.get("baggage")), members);
                    }
                });
    }

    @TestFactory
    List<DynamicTest> inject() {
        return each(
                Vectors.of("inject", "name", "context", "headers", "expect"),
                "inject",
                vector -> {
                    JsonNode expect = vector.get("expect");
                    Vectors.onlyKnown(expect, "headers", "traceparent", "tracestate", "baggage");
                    Vectors.onlyKnown(vector.get("context"), "span", "baggage");
                    Context context = Context.root();
                    JsonNode span = vector.get("context").get("span");
                    if (!span.isNull()) context = context.with(Span.wrap(spanOf(span)));
                    BaggageBuilder baggage = Baggage.builder();
                    for (JsonNode member : vector.get("context").get("baggage")) {
                        String properties = member.size() > 2 ? member.get(2).asText() : "";
                        baggage.put(
                                member.get(0).asText(),
                                member.get(1).asText(),
                                BaggageEntryMetadata.create(properties));
                    }
                    context = context.with(baggage.build());
                    try (Telemetry telemetry = new Telemetry()) {
                        Headers given = Vectors.headers(vector.get("headers"));
                        Header[] before = given.toArray();
                        Headers out = Throughline.create(telemetry.sdk).inject(given, context);

                        Map<String, String> own = Vectors.own(out);
                        assertEquals(
                                Vectors.kept(Vectors.headers(expect.get("headers"))),
                                Vectors.kept(out));
                        assertEquals(textOrNull(expect.get("traceparent")), own.get("traceparent"));
                        assertEquals(textOrNull(expect.get("tracestate")), own.get("tracestate"));
                        assertEquals(
                                Vectors.members(expect.get("baggage")),
                                Vectors.decoded(own.get("baggage")));
                        assertEquals(List.of(before), List.of(given.toArray()));
                    }
                });
    }

    @TestFactory
    List<DynamicTest> forward() {
        return each(
                Vectors.of("forward", "name", "consumed", "sent", "expect"),
                "forward",
                vector -> {
                    JsonNode expect = vector.get("expect");
                    JsonNode sent = vector.get("sent");
                    Vectors.onlyKnown(sent, "topic", "headers");
                    try (Telemetry telemetry = new Telemetry();
                            MockProducer<String, String> producer = producer()) {
                        Throughline throughline = Throughline.create(telemetry.sdk);
                        Producer<String, String> traced =
                                throughline.<String, String>producerPostProcessor().apply(producer);
                        ProducerRecord<String, String> record =
                                new ProducerRecord<>(
                                        sent.get("topic").asText(),
                                        null,
                                        "k",
                                        "v",
                                        Vectors.headers(sent.get("headers")));
                        Runnable send = () -> traced.send(record);
                        if (vector.get("consumed").isNull()) send.run();
                        else {
                            handle(
                                    throughline,
                                    Vectors.record("elsewhere", 0, 0, 0, vector.get("consumed")),
                                    send);
                        }

                        Headers out = producer.history().get(0).headers();
                        SpanData sending = telemetry.span("send " + sent.get("topic").asText());
                        SpanData process =
                                vector.get("consumed").isNull()
                                        ? null
                                        : telemetry.span("process elsewhere");
                        SpanContext carried = assertCarried(expect, out);
                        assertEquals(sending.getSpanId(), carried.getSpanId());
                        assertEquals(sending.getTraceId(), carried.getTraceId());
                        String parent = textOrNull(expect.get("parent"));
                        assertEquals(
                                parent == null ? "0000000000000000" : idOf(parent, process),
                                sending.getParentSpanId());
                        Set<String> links = new TreeSet<>();
                        for (JsonNode link : expect.get("links")) {
                            links.add(idOf(link.asText(), process));
                        }
                        Set<String> linked = new TreeSet<>();
                        sending.getLinks()
                                .forEach(link -> linked.add(link.getSpanContext().getSpanId()));
                        assertEquals(links, linked);
                        assertTrace(expect, carried.getTraceId(), process, sending);
                    }
                });
    }

    @TestFactory
    List<DynamicTest> deadLetter() {
        return each(
                Vectors.of("dead-letter", "name", "record", "where", "error", "options", "expect"),
                "dead-letter",
                vector -> {
                    JsonNode from = vector.get("record");
                    Vectors.onlyKnown(
                            from,
                            "topic",
                            "partition",
                            "offset",
                            "timestampMs",
                            "group",
                            "headers");
                    JsonNode expect = vector.get("expect");
                    Vectors.onlyKnown(
                            expect,
                            "traceId",
                            "parent",
                            "flags",
                            "tracestate",
                            "baggage",
                            "headers",
                            "dlq");
                    DeadLetterOptions options = options(vector.get("options"));
                    try (Telemetry telemetry = new Telemetry()) {
                        Throughline throughline = Throughline.create(telemetry.sdk);
                        ConsumerRecord<String, String> record =
                                Vectors.record(
                                        from.get("topic").asText(),
                                        from.get("partition").asInt(),
                                        Long.parseLong(from.get("offset").asText()),
                                        from.get("timestampMs").asLong(),
                                        from.get("headers"));
                        List<Headers> letter = new ArrayList<>();
                        Runnable park =
                                () ->
                                        letter.add(
                                                throughline
                                                        .deadLetter(
                                                                "parked",
                                                                record,
                                                                new RuntimeException(
                                                                        vector.get("error")
                                                                                .asText()),
                                                                options)
                                                        .headers());
                        KafkaUtils.setConsumerGroupId(from.get("group").asText());
                        if (vector.get("where").asText().equals("outside")) park.run();
                        else handle(throughline, record, park);
                        KafkaUtils.clearConsumerGroupId();

                        boolean handled = vector.get("where").asText().equals("handler");
                        SpanData process =
                                handled ? telemetry.span("process " + record.topic()) : null;
                        Map<String, String> dlq = new HashMap<>();
                        List<String> names = new ArrayList<>();
                        for (Header header : letter.get(0)) {
                            if (!header.key().startsWith("dlq.")) continue;
                            names.add(header.key());
                            assertNull(dlq.put(header.key(), new String(header.value())));
                        }
                        SpanContext carried =
                                assertCarried(expect, letter.get(0), names.toArray(String[]::new));
                        String parent = textOrNull(expect.get("parent"));
                        assertEquals(
                                parent == null ? null : idOf(parent, process),
                                carried == null ? null : carried.getSpanId());
                        assertTrace(
                                expect,
                                carried == null ? null : carried.getTraceId(),
                                process,
                                null);
                        assertFalse(dlq.remove("dlq.error.type").isEmpty());
                        String failed = dlq.remove("dlq.failed");
                        assertEquals("process".equals(parent), failed != null);
                        if (failed != null) {
                            assertTrue(failed.contains("-" + process.getSpanId() + "-"));
                        }
                        Map<String, String> told = new HashMap<>();
                        expect.get("dlq")
                                .properties()
                                .forEach(each -> told.put(each.getKey(), each.getValue().asText()));
                        assertEquals(told, dlq);
                    }
                });
    }

    @TestFactory
    List<DynamicTest> deadLetterOrigin() {
        return each(
                Vectors.of("dead-letter-origin", "name", "headers", "expect"),
                "dead-letter-origin",
                vector -> {
                    ConsumerRecord<String, String> record =
                            Vectors.record("dlq", 0, 0, 0, vector.get("headers"));
                    Map<String, String> read = new HashMap<>();
                    Throughline.deadLetterOf(record)
                            .ifPresent(
                                    origin -> {
                                        read.put(
                                                "convention",
                                                origin.convention()
                                                        .name()
                                                        .toLowerCase()
                                                        .replace('_', '-'));
                                        origin.destination()
                                                .ifPresent(v -> read.put("destination", v));
                                        origin.partition()
                                                .ifPresent(v -> read.put("partition", "" + v));
                                        origin.offset().ifPresent(v -> read.put("offset", "" + v));
                                        origin.timestampMs()
                                                .ifPresent(v -> read.put("timestampMs", "" + v));
                                        origin.group().ifPresent(v -> read.put("group", v));
                                        origin.errorType().ifPresent(v -> read.put("errorType", v));
                                        origin.errorMessage()
                                                .ifPresent(v -> read.put("errorMessage", v));
                                        origin.attempts()
                                                .ifPresent(v -> read.put("attempts", "" + v));
                                        origin.failed().ifPresent(v -> read.put("failed", v));
                                    });
                    Map<String, String> expected = new HashMap<>();
                    vector.get("expect")
                            .properties()
                            .forEach(each -> expected.put(each.getKey(), each.getValue().asText()));
                    assertEquals(expected, read);
                });
    }

    @TestFactory
    List<DynamicTest> batch() {
        return each(
                Vectors.of("batch", "name", "messages", "expect"),
                "batch",
                vector -> {
                    JsonNode expect = vector.get("expect");
                    Vectors.onlyKnown(expect, "links", "dropped", "messages");
                    try (Telemetry telemetry = new Telemetry()) {
                        Throughline throughline = Throughline.create(telemetry.sdk);
                        List<ConsumerRecord<String, String>> records = new ArrayList<>();
                        for (JsonNode headers : vector.get("messages")) {
                            records.add(Vectors.record("orders", 0, records.size(), 0, headers));
                        }
                        BatchInterceptor<String, String> interceptor =
                                throughline.batchInterceptor();
                        ConsumerRecords<String, String> delivered = delivered(records);
                        interceptor.intercept(delivered, null);
                        for (ConsumerRecord<String, String> record : records) {
                            throughline.processRecord(record, () -> {});
                        }
                        interceptor.success(delivered, null);

                        List<SpanData> ended =
                                telemetry.spans("process orders", records.size() + 1);
                        SpanData batch = ended.get(records.size());
                        assertFalse(batch.getParentSpanContext().isValid());
                        assertEquals(
                                (long) records.size(),
                                batch.getAttributes().get(Semconv.BATCH_COUNT));
                        Long dropped = batch.getAttributes().get(Semconv.LINKS_DROPPED);
                        assertEquals(expect.get("dropped").asLong(), dropped == null ? 0 : dropped);
                        assertEquals(texts(expect.get("links")), linked(batch));
                        for (int at = 0; at < records.size(); at++) {
                            JsonNode told = expect.get("messages").get(at);
                            SpanData process = ended.get(at);
                            String parent = textOrNull(told.get("parent"));
                            assertEquals(
                                    parent == null ? "0000000000000000" : parent,
                                    process.getParentSpanId());
                            List<String> links = texts(told.get("links"));
                            links.add(batch.getSpanId());
                            assertEquals(links, linked(process));
                            assertTrace(told, process.getTraceId(), null, process);
                        }
                    }
                });
    }

    private interface Reader {
        void read(JsonNode vector);
    }

    private static List<DynamicTest> each(List<JsonNode> vectors, String kind, Reader reader) {
        return vectors.stream()
                .map(
                        vector ->
                                dynamicTest(
                                        kind + ": " + vector.get("name").asText(),
                                        () -> {
                                            RAN.merge(kind, 1, Integer::sum);
                                            reader.read(vector);
                                        }))
                .toList();
    }

    private static void handle(
            Throughline throughline, ConsumerRecord<String, String> record, Runnable handler) {
        RecordInterceptor<String, String> interceptor = throughline.recordInterceptor();
        interceptor.intercept(record, null);
        handler.run();
        interceptor.success(record, null);
        interceptor.afterRecord(record, null);
    }

    @SuppressWarnings({
        "deprecation",
        "unchecked"
    }) // the other constructor is not in spring-kafka 3.3's client
    private static ConsumerRecords<String, String> delivered(
            List<ConsumerRecord<String, String>> records) {
        Map<TopicPartition, List<ConsumerRecord<String, String>>> map = new HashMap<>();
        map.put(new TopicPartition("orders", 0), records);
        try {
            return ConsumerRecords.class
                    .getConstructor(Map.class, Map.class)
                    .newInstance(map, Map.of());
        } catch (NoSuchMethodException older) {
            return new ConsumerRecords<>(map);
        } catch (ReflectiveOperationException failed) {
            throw new IllegalStateException(failed);
        }
    }

    private static MockProducer<String, String> producer() {
        StringSerializer text = new StringSerializer();
        return new MockProducer<>(true, null, text, text);
    }

    private static DeadLetterOptions options(JsonNode told) {
        DeadLetterOptions options = DeadLetterOptions.defaults();
        if (told == null) return options;
        Vectors.onlyKnown(told, "errorMessage", "attempts");
        if (told.has("errorMessage")) {
            options = options.errorMessage(told.get("errorMessage").asBoolean());
        }
        if (told.has("attempts")) options = options.attempts(told.get("attempts").asInt());
        return options;
    }

    private static SpanContext spanOf(JsonNode span) {
        Vectors.onlyKnown(span, "traceId", "spanId", "flags", "tracestate");
        TraceState state =
                span.has("tracestate")
                        ? Tracestate.parse(span.get("tracestate").asText())
                        : TraceState.getDefault();
        return SpanContext.create(
                span.get("traceId").asText(),
                span.get("spanId").asText(),
                TraceFlags.fromByte((byte) span.get("flags").asInt()),
                state);
    }

    private static void assertSpan(JsonNode expected, SpanContext is) {
        assertEquals(expected.get("traceId").asText(), is.getTraceId());
        assertEquals(expected.get("spanId").asText(), is.getSpanId());
        assertEquals(expected.get("flags").asInt(), is.getTraceFlags().asByte());
        String state = expected.has("tracestate") ? expected.get("tracestate").asText() : "";
        assertEquals(state, Tracestate.format(is.getTraceState()));
    }

    private static SpanContext assertCarried(JsonNode expect, Headers out, String... told) {
        Map<String, String> own = Vectors.own(out);
        String traceparent = own.get("traceparent");
        SpanContext carried =
                traceparent == null ? null : Traceparent.parse(traceparent.getBytes());
        assertEquals(
                textOrNull(expect.get("flags")),
                carried == null ? null : "" + carried.getTraceFlags().asByte());
        assertEquals(textOrNull(expect.get("tracestate")), own.get("tracestate"));
        assertEquals(Vectors.members(expect.get("baggage")), Vectors.decoded(own.get("baggage")));
        assertEquals(Vectors.kept(Vectors.headers(expect.get("headers"))), Vectors.kept(out, told));
        return carried;
    }

    private static void assertTrace(
            JsonNode expect, String traceId, SpanData process, SpanData span) {
        String told = textOrNull(expect.get("traceId"));
        if ("process".equals(told)) assertEquals(process.getTraceId(), traceId);
        else if ("new".equals(told)) {
            assertFalse(span.getParentSpanContext().isValid());
            span.getLinks()
                    .forEach(
                            link ->
                                    assertFalse(
                                            link.getSpanContext().getTraceId().equals(traceId)));
        } else assertEquals(told, traceId);
    }

    private static String idOf(String told, SpanData process) {
        return told.equals("process") ? process.getSpanId() : told;
    }

    private static List<String> linked(SpanData span) {
        return span.getLinks().stream().map(link -> link.getSpanContext().getSpanId()).toList();
    }

    private static List<String> texts(JsonNode list) {
        List<String> texts = new ArrayList<>();
        list.forEach(each -> texts.add(each.asText()));
        return texts;
    }
}
