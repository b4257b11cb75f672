package io.throughline.spring.kafka.boot;

import io.throughline.spring.kafka.Options;
import java.util.Set;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;

/**
 * {@code throughline.*} in the application's configuration.
 *
 * @param enabled false leaves spring-kafka alone altogether
 * @param consumer whether listeners run in their record's trace
 * @param producer whether what is sent carries context
 * @param relation how a process span relates to its record's creation context
 * @param duplicates what several traceparents of different traces on one record mean
 * @param carried what a send does with a record that carries a context already
 * @param spans false carries context and makes no span
 * @param messageKey false keeps record keys out of spans
 * @param ignore topics to leave alone
 */
@ConfigurationProperties("throughline")
public record ThroughlineProperties(
        @DefaultValue("true") boolean enabled,
        @DefaultValue("true") boolean consumer,
        @DefaultValue("true") boolean producer,
        @DefaultValue("parent") Options.Relation relation,
        @DefaultValue("new") Options.Duplicates duplicates,
        @DefaultValue("replace") Options.Carried carried,
        @DefaultValue("true") boolean spans,
        @DefaultValue("true") boolean messageKey,
        @DefaultValue Set<String> ignore) {

    Options options() {
        return new Options(relation, duplicates, carried, spans, messageKey, ignore::contains);
    }
}
