package io.throughline.spring.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.springframework.kafka.listener.BatchInterceptor;
import org.springframework.kafka.listener.RecordInterceptor;

/**
 * An interceptor of the user's own that throws, and a container that leaves a step out: what is
 * thrown is heard, and nothing stays open.
 */
class OwnInterceptorTest {
    private final Telemetry telemetry = new Telemetry();
    private final Throughline throughline = Throughline.create(telemetry.sdk);
    private final ConsumerRecord<String, String> record =
            new ConsumerRecord<>("orders", 0, 0, "k", "v");

    @AfterEach
    void nothingIsOpen() {
        assertSame(Context.root(), Context.current());
        telemetry.allEnded();
        telemetry.close();
    }

    @Test
    void whatARecordsInterceptorThrowsIsHeardAndTheScopeIsClosedAtTheSameStep() {
        RecordInterceptor<String, String> own = throughline.recordInterceptor(new Throwing());
        own.intercept(record, null);
        heard("failure", () -> own.failure(record, new Exception("declined"), null));
        assertEquals("declined", telemetry.span("process orders").getStatus().getDescription());
        heard("afterRecord", () -> own.afterRecord(record, null));
        assertSame(Context.root(), Context.current());

        own.intercept(record, null);
        heard("success", () -> own.success(record, null));
        heard("afterRecord", () -> own.afterRecord(record, null));
        telemetry.spans("process orders", 2);

        own.intercept(record, null);
        heard("clearThreadState", () -> own.clearThreadState(null));
        telemetry.spans("process orders", 3);
    }

    @Test
    void whatABatchsInterceptorThrowsIsHeardAndTheScopeIsClosedAtTheSameStep() {
        BatchInterceptor<String, String> own = throughline.batchInterceptor(new ThrowingBatch());
        ConsumerRecords<String, String> batch = batch(record);
        own.intercept(batch, null);
        heard("success", () -> own.success(batch, null));
        assertSame(Context.root(), Context.current());
        telemetry.spans("process orders", 1);

        own.intercept(batch, null);
        heard("failure", () -> own.failure(batch, new Exception("declined"), null));
        assertSame(Context.root(), Context.current());
        assertEquals(
                "declined",
                telemetry.spans("process orders", 2).get(1).getStatus().getDescription());

        own.intercept(batch, null);
        heard("clearThreadState", () -> own.clearThreadState(null));
        telemetry.spans("process orders", 3);
    }

    @Test
    void theRecordsThatABatchsInterceptorHandsOnAreThoseOfItsSpan() {
        ConsumerRecord<String, String> kept = new ConsumerRecord<>("kept", 0, 0, "k", "v");
        BatchInterceptor<String, String> own =
                throughline.batchInterceptor((records, consumer) -> batch(kept));
        own.intercept(batch(record), null);
        throughline.processRecord(kept, () -> {});
        own.success(batch(kept), null);
        assertEquals(
                1L,
                telemetry.spans("process kept", 2).get(1).getAttributes().get(Semconv.BATCH_COUNT));
    }

    @Test
    void aRecordThatWasNeverFinishedIsBrokenOffAsTheNextOneComes() {
        RecordInterceptor<String, String> interceptor = throughline.recordInterceptor();
        interceptor.intercept(record, null);
        ConsumerRecord<String, String> next = new ConsumerRecord<>("orders", 0, 1, "k", "v");
        interceptor.intercept(next, null);
        SpanData left = telemetry.span("process orders");
        assertEquals(StatusCode.ERROR, left.getStatus().getStatusCode());
        assertEquals("_OTHER", left.getAttributes().get(Semconv.ERROR_TYPE));
        assertEquals(0L, left.getAttributes().get(Semconv.OFFSET));
        interceptor.success(next, null);
        interceptor.afterRecord(next, null);
        assertEquals(
                StatusCode.UNSET,
                telemetry.spans("process orders", 2).get(1).getStatus().getStatusCode());
    }

    @Test
    void aBatchThatWasNeverFinishedIsBrokenOffAsTheNextOneComes() {
        BatchInterceptor<String, String> interceptor = throughline.batchInterceptor();
        interceptor.intercept(batch(record), null);
        interceptor.intercept(batch(record), null);
        SpanData left = telemetry.span("process orders");
        assertEquals("_OTHER", left.getAttributes().get(Semconv.ERROR_TYPE));
        interceptor.success(batch(record), null);
        telemetry.spans("process orders", 2);
    }

    private static void heard(String what, Executable step) {
        assertEquals(what, assertThrows(IllegalStateException.class, step).getMessage());
    }

    @SuppressWarnings({"deprecation", "unchecked"}) // the newer is not in spring-kafka 3.3's client
    private static ConsumerRecords<String, String> batch(ConsumerRecord<String, String> record) {
        return new ConsumerRecords<>(
                Map.of(new TopicPartition(record.topic(), 0), List.of(record)));
    }

    private static final class Throwing implements RecordInterceptor<String, String> {
        @Override
        public ConsumerRecord<String, String> intercept(
                ConsumerRecord<String, String> record, Consumer<String, String> consumer) {
            return record;
        }

        @Override
        public void success(ConsumerRecord<String, String> record, Consumer<String, String> none) {
            throw new IllegalStateException("success");
        }

        @Override
        public void failure(
                ConsumerRecord<String, String> record,
                Exception error,
                Consumer<String, String> consumer) {
            throw new IllegalStateException("failure");
        }

        @Override
        public void afterRecord(
                ConsumerRecord<String, String> record, Consumer<String, String> consumer) {
            throw new IllegalStateException("afterRecord");
        }

        @Override
        public void clearThreadState(Consumer<?, ?> consumer) {
            throw new IllegalStateException("clearThreadState");
        }
    }

    private static final class ThrowingBatch implements BatchInterceptor<String, String> {
        @Override
        public ConsumerRecords<String, String> intercept(
                ConsumerRecords<String, String> records, Consumer<String, String> consumer) {
            return records;
        }

        @Override
        public void success(
                ConsumerRecords<String, String> records, Consumer<String, String> consumer) {
            throw new IllegalStateException("success");
        }

        @Override
        public void failure(
                ConsumerRecords<String, String> records,
                Exception error,
                Consumer<String, String> consumer) {
            throw new IllegalStateException("failure");
        }

        @Override
        public void clearThreadState(Consumer<?, ?> consumer) {
            throw new IllegalStateException("clearThreadState");
        }
    }
}
