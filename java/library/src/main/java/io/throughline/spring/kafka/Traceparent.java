package io.throughline.spring.kafka;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import java.util.Arrays;

/**
 * The traceparent header, strictly by W3C Trace Context Level 2: lower-case hex, no zero ids,
 * version ff refused, version 00 of exactly 55 bytes, a higher version read as 00 as far as its
 * flags.
 */
final class Traceparent {
    static final String NAME = "traceparent";

    static final byte RANDOM = 0x02;
    private static final int LENGTH = 55;
    private static final int SAMPLED_AND_RANDOM = 0x03;
    private static final int NOT_HEX = 0xff;

    /** Value of each lower-case hex digit by its byte. */
    private static final int[] DIGIT = new int[256];

    static {
        Arrays.fill(DIGIT, NOT_HEX);
        for (int digit = 0; digit < 16; digit++) DIGIT[Character.forDigit(digit, 16)] = digit;
    }

    private Traceparent() {}

    /**
     * The remote span context that a header's bytes carry; null for anything else. Never throws.
     */
    static SpanContext parse(byte[] value) {
        if (value == null || value.length < LENGTH) return null;
        if (value[2] != '-' || value[35] != '-' || value[52] != '-') return null;
        boolean current = value[0] == '0' && value[1] == '0';
        if (current ? value.length != LENGTH : !isHigherVersion(value)) return null;
        int traceId = digits(value, 3, 35);
        int spanId = digits(value, 36, 52);
        int flags = digits(value, 53, LENGTH);
        if (traceId == 0 || spanId == 0 || (traceId | spanId | flags) == NOT_HEX) return null;
        return SpanContext.createFromRemoteParent(
                new String(value, 3, 32, ISO_8859_1),
                new String(value, 36, 16, ISO_8859_1),
                TraceFlags.fromByte((byte) (DIGIT[value[54]] & SAMPLED_AND_RANDOM)),
                TraceState.getDefault());
    }

    /** The version-00 header; {@code random} puts back the flag that an SDK's span dropped. */
    static String format(SpanContext context, boolean random) {
        int flags = context.getTraceFlags().asByte() & SAMPLED_AND_RANDOM | (random ? RANDOM : 0);
        return "00-" + context.getTraceId() + "-" + context.getSpanId() + "-0" + flags;
    }

    private static boolean isHigherVersion(byte[] value) {
        if (digits(value, 0, 2) == NOT_HEX || (value[0] == 'f' && value[1] == 'f')) return false;
        return value.length == LENGTH || value[LENGTH] == '-';
    }

    /** All digits or-ed together: 0 where all are zero, NOT_HEX where one is none. */
    private static int digits(byte[] value, int from, int to) {
        int all = 0;
        for (int at = from; at < to; at++) all |= DIGIT[value[at] & 0xff];
        return all;
    }
}
