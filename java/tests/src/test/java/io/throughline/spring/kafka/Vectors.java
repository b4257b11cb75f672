package io.throughline.spring.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLDecoder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;
import org.apache.kafka.common.record.TimestampType;

/** The files of conformance/, and what they speak of as Kafka's client holds it. */
final class Vectors {
    private static final Path FOLDER = Path.of(System.getProperty("conformance"), "vectors");
    private static final Set<String> OWN = Set.of("traceparent", "tracestate", "baggage");

    private Vectors() {}

    static JsonNode file(String name) {
        try {
            return new ObjectMapper().readTree(Files.readAllBytes(FOLDER.resolve(name + ".json")));
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** The names of all files but the manifest. */
    static Set<String> files() {
        try (Stream<Path> files = Files.list(FOLDER)) {
            Set<String> names = new TreeSet<>();
            files.forEach(file -> names.add(file.getFileName().toString().replace(".json", "")));
            names.remove("manifest");
            return names;
        } catch (IOException failed) {
            throw new UncheckedIOException(failed);
        }
    }

    /** The vectors of a file, every one of which has no field but these. */
    static List<JsonNode> of(String kind, String... known) {
        JsonNode file = file(kind);
        assertEquals(kind, file.get("kind").asText());
        List<JsonNode> vectors = new ArrayList<>();
        for (JsonNode vector : file.get("vectors")) {
            onlyKnown(vector, known);
            vectors.add(vector);
        }
        return vectors;
    }

    static void onlyKnown(JsonNode node, String... known) {
        Set<String> unknown = new TreeSet<>();
        node.fieldNames().forEachRemaining(unknown::add);
        unknown.removeAll(Set.of(known));
        assertTrue(unknown.isEmpty(), () -> "a field that this reader does not know: " + unknown);
    }

    static Headers headers(JsonNode list) {
        RecordHeaders headers = new RecordHeaders();
        for (JsonNode pair : list) headers.add(pair.get(0).asText(), bytes(pair.get(1)));
        return headers;
    }

    private static byte[] bytes(JsonNode value) {
        if (value.isNull()) return null;
        if (value.isTextual()) return value.asText().getBytes(UTF_8);
        onlyKnown(value, "base64");
        return Base64.getDecoder().decode(value.get("base64").asText());
    }

    static ConsumerRecord<String, String> record(
            String topic, int partition, long offset, long timestampMs, JsonNode headers) {
        return new ConsumerRecord<>(
                topic,
                partition,
                offset,
                timestampMs,
                TimestampType.CREATE_TIME,
                1,
                1,
                "k",
                "v",
                headers(headers),
                Optional.empty());
    }

    /** The three of ours among some headers: each at most once, in lower case. */
    static Map<String, String> own(Headers headers) {
        Map<String, String> own = new HashMap<>();
        for (Header header : headers) {
            if (!OWN.contains(header.key().toLowerCase(Locale.ROOT))) continue;
            assertTrue(OWN.contains(header.key()), header.key());
            String before = own.put(header.key(), new String(header.value(), UTF_8));
            assertEquals(null, before, header.key() + " stands twice");
        }
        return own;
    }

    /** The other headers, in their order, but for the names told elsewhere. */
    static List<String> kept(Headers headers, String... told) {
        return StreamSupport.stream(headers.spliterator(), false)
                .filter(header -> !OWN.contains(header.key()))
                .filter(header -> !Set.of(told).contains(header.key()))
                .map(header -> header.key() + "=" + hex(header.value()))
                .toList();
    }

    private static String hex(byte[] value) {
        return value == null ? "null" : HexFormat.of().formatHex(value);
    }

    /** A list of baggage members, in the order of their keys. */
    static Set<String> members(JsonNode baggage) {
        Set<String> members = new TreeSet<>();
        for (JsonNode member : baggage) {
            String properties = member.size() > 2 ? ";" + member.get(2).asText() : "";
            members.add(member.get(0).asText() + "=" + member.get(1).asText() + properties);
        }
        return members;
    }

    /** A baggage header that was written, decoded by the shortest reading there is. */
    static Set<String> decoded(String header) {
        Set<String> members = new TreeSet<>();
        if (header == null) return members;
        assertTrue(header.matches("[\\x21\\x23-\\x5b\\x5d-\\x7e]+"), header);
        for (String member : header.split(",")) {
            int semicolon = member.indexOf(';');
            String pair = semicolon < 0 ? member : member.substring(0, semicolon);
            assertFalse(pair.contains("+"), "a plus is a blank to this reader");
            String properties = semicolon < 0 ? "" : member.substring(semicolon);
            members.add(URLDecoder.decode(pair, UTF_8) + properties);
        }
        return members;
    }

    static String textOrNull(JsonNode node) {
        return node == null || node.isNull() ? null : node.asText();
    }
}
