package io.throughline.spring.kafka;

import java.util.Objects;
import java.util.function.Predicate;

/**
 * How records are traced. Immutable; every option has a default.
 *
 * <pre>{@code
 * Options options = Options.defaults().relation(Options.Relation.LINK).ignore("audit"::equals);
 * }</pre>
 *
 * @param relation how a process span relates to its record's creation context; default PARENT
 * @param duplicates what several traceparents of different traces on one record mean; default NEW
 * @param carried what a send does with a record that carries a context already; default REPLACE
 * @param spans false carries context and makes no span; default true
 * @param messageKey false keeps record keys out of spans; default true
 * @param ignore topics to leave alone: no scope, no span, no header; default none
 */
public record Options(
        Relation relation,
        Duplicates duplicates,
        Carried carried,
        boolean spans,
        boolean messageKey,
        Predicate<String> ignore) {

    /** How the span that processes a record relates to the record's creation context. */
    public enum Relation {
        /** Continues the producer's trace. */
        PARENT,
        /** Starts a trace of its own that links to the producer's. */
        LINK,
        /** Continues the producer's trace, and links to it. */
        BOTH
    }

    /** Which of several traceparents with different trace ids counts. */
    public enum Duplicates {
        /** None: a new trace with a link to each, as the W3C asks. */
        NEW,
        /** The last one is the parent. */
        LAST,
        /** The first one is the parent. */
        FIRST
    }

    /** What becomes of the context on a record that is sent. */
    public enum Carried {
        /** The record carries the new span's context. */
        REPLACE,
        /** The record's header stays byte for byte, and the span links to it. */
        KEEP
    }

    private static final Options DEFAULTS =
            new Options(
                    Relation.PARENT, Duplicates.NEW, Carried.REPLACE, true, true, topic -> false);

    /**
     * @throws NullPointerException naming the option that is null
     */
    public Options {
        Objects.requireNonNull(relation, "relation");
        Objects.requireNonNull(duplicates, "duplicates");
        Objects.requireNonNull(carried, "carried");
        Objects.requireNonNull(ignore, "ignore");
    }

    /** A process span per record in the producer's trace, a span per send, nothing ignored. */
    public static Options defaults() {
        return DEFAULTS;
    }

    /** These options with another relation. */
    public Options relation(Relation relation) {
        return new Options(relation, duplicates, carried, spans, messageKey, ignore);
    }

    /** These options with another duplicate rule. */
    public Options duplicates(Duplicates duplicates) {
        return new Options(relation, duplicates, carried, spans, messageKey, ignore);
    }

    /** These options with another rule for what a record carries already. */
    public Options carried(Carried carried) {
        return new Options(relation, duplicates, carried, spans, messageKey, ignore);
    }

    /** These options with spans, or with propagation alone. */
    public Options spans(boolean spans) {
        return new Options(relation, duplicates, carried, spans, messageKey, ignore);
    }

    /** These options with record keys in spans, or without. */
    public Options messageKey(boolean messageKey) {
        return new Options(relation, duplicates, carried, spans, messageKey, ignore);
    }

    /** These options with topics to leave alone. */
    public Options ignore(Predicate<String> ignore) {
        return new Options(relation, duplicates, carried, spans, messageKey, ignore);
    }
}
