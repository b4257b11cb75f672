package io.throughline.spring.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.springframework.kafka.annotation.DltHandler;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.annotation.RetryableTopic;
import org.springframework.kafka.retrytopic.SameIntervalTopicReuseStrategy;
import org.springframework.kafka.retrytopic.TopicSuffixingStrategy;

/**
 * @RetryableTopic in an application of Spring Boot's, with nothing set up but the jar.
 */
@RealKafka
class RetryTopicTest {
    private final Telemetry telemetry = new Telemetry();
    private final String topic = Broker.topic("orders");
    private BootApplication application;

    @AfterEach
    void stop() {
        application.close();
        telemetry.close();
    }

    @Test
    void attemptsOverRetryTopicsAreSiblingsAndTheDeadLetterFollowsTheLast() {
        start(Retrying.class);
        Span order =
                telemetry.inSpan("order", () -> application.template().send(topic, "k", "one"));
        String trace = order.getSpanContext().getTraceId();

        SpanData send = telemetry.span("send " + topic);
        SpanData dead = telemetry.span("dead");
        SpanData first = telemetry.span("process " + topic);
        SpanData second = telemetry.span("process " + topic + "-retry");
        assertEquals(send.getSpanId(), first.getParentSpanId());
        assertEquals(send.getSpanId(), second.getParentSpanId());
        SpanData retried = telemetry.span("send " + topic + "-retry");
        assertEquals(SpanKind.CLIENT, retried.getKind());
        assertEquals(first.getSpanId(), retried.getParentSpanId());
        assertEquals(send.getSpanId(), retried.getLinks().get(0).getSpanContext().getSpanId());
        SpanData letter = telemetry.span("send " + topic + "-dlt");
        assertEquals(second.getSpanId(), letter.getParentSpanId());
        assertEquals(
                letter.getSpanId(), telemetry.span("process " + topic + "-dlt").getParentSpanId());
        for (SpanData span : List.of(send, first, second, retried, letter, dead)) {
            assertEquals(trace, span.getTraceId());
        }
        ConsumerRecord<String, String> record = Broker.read(topic + "-dlt", 1).get(0);
        assertEquals(1, Broker.header(record, "traceparent").size());
        telemetry.allEnded();
    }

    @Test
    void aListenerThatFailsLaterIsRetriedInItsRecordsTraceThoughItsSpanEndedAsItReturned() {
        start(Later.class);
        Span order =
                telemetry.inSpan("order", () -> application.template().send(topic, "k", "one"));
        SpanData letter = telemetry.span("send " + topic + "-dlt");
        assertEquals(order.getSpanContext().getTraceId(), letter.getTraceId());
        assertEquals(
                telemetry.span("send " + topic).getSpanId(),
                telemetry.span("process " + topic + "-retry").getParentSpanId());
        assertEquals(
                StatusCode.UNSET, telemetry.span("process " + topic).getStatus().getStatusCode());
    }

    @Test
    void severalRetryTopicsAndADeadLetterTopicOfAnotherNameStayInTheRecordsTrace() {
        start(Suffixed.class);
        Span order =
                telemetry.inSpan("order", () -> application.template().send(topic, "k", "one"));
        SpanData send = telemetry.span("send " + topic);
        SpanData parked = telemetry.span("parked");
        List<SpanData> attempts =
                List.of(
                        telemetry.span("process " + topic),
                        telemetry.span("process " + topic + "-again-0"),
                        telemetry.span("process " + topic + "-again-1"));
        for (SpanData attempt : attempts) {
            assertEquals(send.getSpanId(), attempt.getParentSpanId());
        }
        assertEquals(order.getSpanContext().getTraceId(), parked.getTraceId());
        for (String end : List.of("-again-0", "-again-1", "-parked")) {
            ConsumerRecord<String, String> record = Broker.read(topic + end, 1).get(0);
            assertEquals(1, Broker.header(record, "traceparent").size(), end);
        }
        telemetry.allEnded();
    }

    private void start(Class<?> configuration, String... settings) {
        application = new BootApplication(configuration, topic, telemetry, settings);
    }

    static class Retrying extends BootApplication.Traced {
        private final Telemetry telemetry;

        Retrying(Telemetry telemetry) {
            this.telemetry = telemetry;
        }

        @RetryableTopic(attempts = "2")
        @KafkaListener(topics = "${topic}")
        void charge(String order) {
            throw new IllegalStateException("card declined");
        }

        @DltHandler
        void park(String order) {
            telemetry.mark("dead");
        }
    }

    static class Suffixed extends BootApplication.Traced {
        private final Telemetry telemetry;

        Suffixed(Telemetry telemetry) {
            this.telemetry = telemetry;
        }

        @RetryableTopic(
                attempts = "3",
                sameIntervalTopicReuseStrategy = SameIntervalTopicReuseStrategy.MULTIPLE_TOPICS,
                retryTopicSuffix = "-again",
                dltTopicSuffix = "-parked",
                topicSuffixingStrategy = TopicSuffixingStrategy.SUFFIX_WITH_INDEX_VALUE)
        @KafkaListener(topics = "${topic}")
        void charge(String order) {
            throw new IllegalStateException("card declined");
        }

        @DltHandler
        void park(String order) {
            telemetry.mark("parked");
        }
    }

    static class Later extends BootApplication.Traced {
        @RetryableTopic(attempts = "2")
        @KafkaListener(topics = "${topic}")
        CompletableFuture<Void> charge(String order) {
            return CompletableFuture.runAsync(
                    () -> {
                        throw new IllegalStateException("card declined");
                    },
                    Executors.newCachedThreadPool());
        }
    }
}
