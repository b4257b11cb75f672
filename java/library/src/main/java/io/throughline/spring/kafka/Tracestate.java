package io.throughline.spring.kafka;

import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.api.trace.TraceStateBuilder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;

/**
 * The tracestate header by Level 2 of Trace Context: valid as a whole, or dropped as a whole. The
 * api's own builder knows the older grammar of keys only, and drops single members in silence.
 */
final class Tracestate implements TraceState {
    static final String NAME = "tracestate";

    private static final int MAX_MEMBERS = 32;
    private static final int MAX_KEY = 256;
    private static final int MAX_VALUE = 256;

    /** A header beyond this is no list of that many members: refused unread. */
    static final int MAX_HEADER = MAX_MEMBERS * (MAX_KEY + MAX_VALUE + 3);

    /** What is sent on is at least this long before anything is dropped (section 3.3.1.5). */
    private static final int KEPT_CHARACTERS = 512;

    /** Members longer than this are the first to go. */
    private static final int LONG_MEMBER = 128;

    private final Map<String, String> members;

    private Tracestate(Map<String, String> members) {
        this.members = Collections.unmodifiableMap(members);
    }

    /**
     * The state that a header (several joined by commas) holds; empty where any of it is broken.
     */
    static TraceState parse(String header) {
        if (header.isEmpty() || header.length() > MAX_HEADER) return TraceState.getDefault();
        Map<String, String> members = new LinkedHashMap<>();
        for (String part : header.split(",", -1)) {
            String member = strip(part);
            if (member.isEmpty()) continue;
            int equals = member.indexOf('=');
            if (equals < 0) return TraceState.getDefault();
            String key = member.substring(0, equals);
            String value = member.substring(equals + 1);
            if (!isKey(key) || !isValue(value) || members.put(key, value) != null) {
                return TraceState.getDefault();
            }
            if (members.size() > MAX_MEMBERS) return TraceState.getDefault();
        }
        return members.isEmpty() ? TraceState.getDefault() : new Tracestate(members);
    }

    /** The header to send: whole members, at most 32; where it is too long the longest go first. */
    static String format(TraceState state) {
        List<String> members = new ArrayList<>();
        state.forEach((key, value) -> members.add(key + "=" + value));
        int length = members.stream().mapToInt(member -> member.length() + 1).sum() - 1;
        for (int at = members.size() - 1; at >= 0 && length > KEPT_CHARACTERS; at--) {
            if (members.get(at).length() <= LONG_MEMBER) continue;
            length -= members.remove(at).length() + 1;
        }
        while (length > KEPT_CHARACTERS && !members.isEmpty()) {
            length -= members.remove(members.size() - 1).length() + 1;
        }
        return String.join(",", members.subList(0, Math.min(members.size(), MAX_MEMBERS)));
    }

    @Override
    public String get(String key) {
        return members.get(key);
    }

    @Override
    public int size() {
        return members.size();
    }

    @Override
    public boolean isEmpty() {
        return members.isEmpty();
    }

    @Override
    public void forEach(BiConsumer<String, String> consumer) {
        members.forEach(consumer);
    }

    @Override
    public Map<String, String> asMap() {
        return members;
    }

    @Override
    public TraceStateBuilder toBuilder() {
        TraceStateBuilder builder = TraceState.builder();
        List<Map.Entry<String, String>> entries = new ArrayList<>(members.entrySet());
        Collections.reverse(entries); // what is put last comes first
        for (Map.Entry<String, String> entry : entries)
            builder.put(entry.getKey(), entry.getValue());
        return builder;
    }

    private static String strip(String text) {
        int from = 0;
        int to = text.length();
        while (from < to && isSpace(text.charAt(from))) from++;
        while (to > from && isSpace(text.charAt(to - 1))) to--;
        return text.substring(from, to);
    }

    private static boolean isSpace(char character) {
        return character == ' ' || character == '\t';
    }

    private static boolean isKey(String key) {
        if (key.isEmpty() || key.length() > MAX_KEY || !isLowerAlphanumeric(key.charAt(0))) {
            return false;
        }
        return key.chars()
                .allMatch(code -> isLowerAlphanumeric(code) || "_-*/@".indexOf(code) >= 0);
    }

    private static boolean isLowerAlphanumeric(int code) {
        return (code >= 'a' && code <= 'z') || (code >= '0' && code <= '9');
    }

    private static boolean isValue(String value) {
        if (value.isEmpty() || value.length() > MAX_VALUE || value.endsWith(" ")) return false;
        return value.chars()
                .allMatch(code -> code >= 0x20 && code < 0x7f && code != ',' && code != '=');
    }
}
