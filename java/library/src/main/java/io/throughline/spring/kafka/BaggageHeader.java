package io.throughline.spring.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.opentelemetry.api.baggage.Baggage;
import io.opentelemetry.api.baggage.BaggageBuilder;
import io.opentelemetry.api.baggage.BaggageEntryMetadata;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.util.HexFormat;
import java.util.regex.Pattern;

/**
 * The baggage header by the W3C's specification: 64 members and 8,192 bytes at most, from the
 * front; a member that breaks the grammar is dropped alone; a key that comes again replaces the
 * earlier.
 */
final class BaggageHeader {
    static final String NAME = "baggage";

    private static final int MAX_MEMBERS = 64;
    private static final int MAX_BYTES = 8192;

    /** A header beyond this is read no further, so that a hostile record costs a bounded time. */
    static final int READ_CHARACTERS = 4 * MAX_BYTES;

    private static final Pattern TOKEN = Pattern.compile("[!#$%&'*+\\-.^_`|~0-9A-Za-z]+");
    private static final Pattern OCTETS =
            Pattern.compile("[\\x21\\x23-\\x2b\\x2d-\\x3a\\x3c-\\x5b\\x5d-\\x7e]*");
    private static final Pattern PROPERTIES =
            Pattern.compile("[\\t\\x20\\x21\\x23-\\x2b\\x2d-\\x5b\\x5d-\\x7e]*");

    /** What stands unescaped in a value that is sent, and in a key. */
    private static final String UNESCAPED = "-_.!~*'";

    private static final HexFormat HEX = HexFormat.of().withUpperCase();

    private BaggageHeader() {}

    /** The baggage of a header (several joined by commas); empty where nothing is left. */
    static Baggage parse(String header) {
        String read = header.substring(0, Math.min(header.length(), READ_CHARACTERS));
        BaggageBuilder baggage = Baggage.builder();
        int members = 0;
        int characters = 0;
        for (String part : read.split(",", MAX_MEMBERS * 4)) {
            int semicolon = part.indexOf(';');
            String pair = semicolon < 0 ? part : part.substring(0, semicolon);
            int equals = pair.indexOf('=');
            if (equals < 1) continue;
            String rawKey = pair.substring(0, equals).strip();
            String rawValue = pair.substring(equals + 1).strip();
            if (!TOKEN.matcher(rawKey).matches() || !OCTETS.matcher(rawValue).matches()) continue;
            String key = decodeKey(rawKey);
            String value = decode(rawValue);
            if (key == null) continue;
            members += 1;
            characters += part.length() + 1;
            if (members > MAX_MEMBERS || characters > MAX_BYTES + 1) break;
            String properties = semicolon < 0 ? "" : part.substring(semicolon + 1).strip();
            boolean keep = !properties.isEmpty() && PROPERTIES.matcher(properties).matches();
            baggage.put(key, value, BaggageEntryMetadata.create(keep ? properties : ""));
        }
        return baggage.build();
    }

    /** The header to send, within the same limits; empty where nothing of it may be sent. */
    static String format(Baggage baggage) {
        StringBuilder header = new StringBuilder();
        int[] members = {0};
        baggage.forEach(
                (key, entry) -> {
                    String name = encode(key);
                    String value = encode(entry.getValue());
                    if (name == null || name.isEmpty() || value == null) return;
                    String properties = entry.getMetadata().getValue();
                    boolean keep =
                            !properties.isEmpty() && PROPERTIES.matcher(properties).matches();
                    String member = name + "=" + value + (keep ? ";" + properties : "");
                    int length = header.length() + member.length() + (header.isEmpty() ? 0 : 1);
                    if (members[0] == MAX_MEMBERS || length > MAX_BYTES) return;
                    if (!header.isEmpty()) header.append(',');
                    header.append(member);
                    members[0] += 1;
                });
        return header.toString();
    }

    /** A key may hold an escape for what is no token character; null where that is no UTF-8. */
    private static String decodeKey(String key) {
        if (key.indexOf('%') < 0) return key;
        try {
            return UTF_8.newDecoder().decode(ByteBuffer.wrap(unescaped(key, true))).toString();
        } catch (CharacterCodingException | IllegalArgumentException malformed) {
            return null;
        }
    }

    /**
     * Escapes that are no UTF-8 become U+FFFD (section 3.2.1.3); a percent that begins none stays.
     */
    private static String decode(String value) {
        return value.indexOf('%') < 0 ? value : new String(unescaped(value, false), UTF_8);
    }

    private static byte[] unescaped(String text, boolean strict) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(text.length());
        for (int at = 0; at < text.length(); at++) {
            char character = text.charAt(at);
            int high = character == '%' ? digit(text, at + 1) : -1;
            int low = high < 0 ? -1 : digit(text, at + 2);
            if (low >= 0) {
                bytes.write(high << 4 | low);
                at += 2;
            } else if (character == '%' && strict) {
                throw new IllegalArgumentException("a percent that begins no escape");
            } else {
                bytes.write(character);
            }
        }
        return bytes.toByteArray();
    }

    private static int digit(String text, int at) {
        return at < text.length() ? Character.digit(text.charAt(at), 16) : -1;
    }

    /** Percent-encoded UTF-8; null for what has no encoding (a lone surrogate). */
    private static String encode(String text) {
        ByteBuffer bytes;
        try {
            bytes = UTF_8.newEncoder().encode(CharBuffer.wrap(text));
        } catch (CharacterCodingException unpaired) {
            return null;
        }
        StringBuilder encoded = new StringBuilder(text.length());
        while (bytes.hasRemaining()) {
            int octet = bytes.get() & 0xff;
            boolean plain =
                    (octet >= '0' && octet <= '9')
                            || (octet >= 'A' && octet <= 'Z')
                            || (octet >= 'a' && octet <= 'z')
                            || UNESCAPED.indexOf(octet) >= 0;
            if (plain) encoded.append((char) octet);
            else encoded.append('%').append(HEX.toHexDigits((byte) octet));
        }
        return encoded.toString();
    }
}
