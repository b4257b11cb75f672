package io.throughline.spring.kafka;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.Headers;
import org.apache.kafka.common.header.internals.RecordHeaders;

/** Trace headers on a record: found in any letter case, read in place, replaced in a copy. */
final class TraceHeaders {
    /** As many as a span keeps links; of a header repeated more often the last ones are read. */
    private static final int MAX_VALUES = 128;

    private TraceHeaders() {}

    /** The values of a header, in order, whatever its letter case; a null value is none. */
    static List<byte[]> values(Headers headers, String name) {
        List<byte[]> values = List.of();
        for (Header header : headers) {
            if (!name.equalsIgnoreCase(header.key()) || header.value() == null) continue;
            if (values.isEmpty()) values = new ArrayList<>(1);
            values.add(header.value());
        }
        int surplus = values.size() - MAX_VALUES;
        return surplus > 0 ? values.subList(surplus, values.size()) : values;
    }

    /**
     * A list header as one text: repeated ones are joined by a comma, each read as far as limit.
     */
    static String list(Headers headers, String name, int limit) {
        String joined = "";
        for (byte[] value : values(headers, name)) {
            String text = new String(value, 0, Math.min(value.length, limit + 1), ISO_8859_1);
            joined = joined.isEmpty() ? text : joined + "," + text;
            if (joined.length() > limit) break;
        }
        return joined;
    }

    /** Whether any of these headers is there, in any letter case. */
    static boolean anyOf(Headers headers, Set<String> lowerCaseNames) {
        for (Header header : headers) if (isOne(header, lowerCaseNames)) return true;
        return false;
    }

    /**
     * New headers: those given, in their order, but for these names in every letter case, then the
     * fields. What was given is not written to.
     */
    static Headers replaced(Headers headers, Set<String> lowerCaseNames, List<Header> fields) {
        RecordHeaders replaced = new RecordHeaders();
        for (Header header : headers) {
            if (!isOne(header, lowerCaseNames)) replaced.add(header);
        }
        for (Header field : fields) replaced.add(field);
        return replaced;
    }

    /** The last value of a header as text; null where it is absent. */
    static String text(Headers headers, String name) {
        Header header = headers.lastHeader(name);
        return header == null || header.value() == null ? null : new String(header.value(), UTF_8);
    }

    private static boolean isOne(Header header, Set<String> lowerCaseNames) {
        String key = header.key();
        for (String name : lowerCaseNames) if (name.equalsIgnoreCase(key)) return true;
        return false;
    }
}
