package io.throughline.spring.kafka;

import java.util.OptionalInt;

/**
 * What to put on a dead letter.
 *
 * @param errorMessage false leaves the error's message out, where it may hold what must not be
 *     stored; default true
 * @param attempts how often handling was tried; default what spring-kafka's headers tell, else 1
 */
public record DeadLetterOptions(boolean errorMessage, OptionalInt attempts) {
    private static final DeadLetterOptions DEFAULTS =
            new DeadLetterOptions(true, OptionalInt.empty());

    /** The error's message, and the attempts that spring-kafka counted. */
    public static DeadLetterOptions defaults() {
        return DEFAULTS;
    }

    /** These options with the error's message, or without. */
    public DeadLetterOptions errorMessage(boolean errorMessage) {
        return new DeadLetterOptions(errorMessage, attempts);
    }

    /** These options with a number of attempts. */
    public DeadLetterOptions attempts(int attempts) {
        return new DeadLetterOptions(errorMessage, OptionalInt.of(attempts));
    }
}
