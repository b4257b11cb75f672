package io.throughline.spring.kafka;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.nio.ByteBuffer;
import java.util.List;
import org.apache.kafka.clients.producer.MockProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringSerializer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What a send makes of what its record carries, to a producer in memory. No broker needed. */
class SendingTest {
    private static final String SPAN = "00f067aa0ba902b7";
    private static final String CARRIED = "00-4bf92f3577b34da6a3ce929d0e0e4736-" + SPAN + "-01";

    private final Telemetry telemetry = new Telemetry();
    private final StringSerializer text = new StringSerializer();
    private final MockProducer<String, String> memory = new MockProducer<>(true, null, text, text);
    private final Producer<String, String> producer = producer(Options.defaults());

    @AfterEach
    void close() {
        telemetry.allEnded();
        telemetry.close();
    }

    @Test
    void aRetryTopicsRecordKeepsItsHeaderAndItsDeadLetterHasANewOneWhicheverCaseItsTopicIsIn() {
        for (String topic : List.of("orders-retry-0", "orders-DLT", "orders-dlt", "orders.Dlq")) {
            ProducerRecord<String, String> record = carrying(topic);
            record.headers().add("retry_topic-attempts", ByteBuffer.allocate(4).putInt(2).array());
            producer.send(record);
            SpanData send = telemetry.span("send " + topic);
            boolean retry = topic.contains("retry");
            assertEquals(retry ? SpanKind.CLIENT : SpanKind.PRODUCER, send.getKind(), topic);
            assertEquals(retry ? SPAN : send.getSpanId(), sentSpan(), topic);
            assertEquals(SPAN, send.getParentSpanId(), topic);
        }
    }

    @Test
    void carriedKeepKeepsAHeaderButThatOfADeadLetter() {
        Producer<String, String> keeping =
                producer(Options.defaults().carried(Options.Carried.KEEP));
        keeping.send(carrying("orders"));
        assertEquals(SPAN, sentSpan());
        ProducerRecord<String, String> letter = carrying("letters");
        letter.headers().add("dlq.origin.destination", "orders".getBytes(UTF_8));
        keeping.send(letter);
        assertEquals(telemetry.span("send letters").getSpanId(), sentSpan());
    }

    private Producer<String, String> producer(Options options) {
        return Throughline.create(telemetry.sdk, options)
                .<String, String>producerPostProcessor()
                .apply(memory);
    }

    private static ProducerRecord<String, String> carrying(String topic) {
        ProducerRecord<String, String> record = new ProducerRecord<>(topic, "k", "v");
        record.headers().add("traceparent", CARRIED.getBytes(UTF_8));
        return record;
    }

    /** The span that the header of the last record that was sent names. */
    private String sentSpan() {
        List<ProducerRecord<String, String>> sent = memory.history();
        byte[] header = sent.get(sent.size() - 1).headers().lastHeader("traceparent").value();
        return new String(header, UTF_8).split("-")[2];
    }
}
