package io.throughline.faults;

import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.context.Context;
import io.opentelemetry.context.Scope;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.listener.RecordInterceptor;

/**
 * A tracing interceptor as a bean, as it should be, and one day a second interceptor beside it.
 * Spring Boot takes a RecordInterceptor bean where it is the only one: now it takes neither, and
 * says nothing.
 */
public final class TwoInterceptorBeans {
    private static final CountDownLatch HANDLED = new CountDownLatch(1);

    private TwoInterceptorBeans() {}

    public static void main(String[] arguments) throws Exception {
        Shop.run(
                arguments,
                () -> start(ByHand.class, "--throughline.enabled=false"),
                () -> start(WithOurs.class, "--throughline.enabled=true"));
    }

    private static void start(Class<?> application, String setting) throws Exception {
        String orders = Shop.topic("orders");
        Shop.placeOrder(orders, "order 1");
        ConfigurableApplicationContext context =
                new SpringApplicationBuilder(application)
                        .web(WebApplicationType.NONE)
                        .run(
                                setting,
                                "--orders=" + orders,
                                "--spring.main.banner-mode=off",
                                "--spring.main.log-startup-info=false",
                                "--logging.level.root=off",
                                "--spring.kafka.bootstrap-servers=" + Shop.brokers(),
                                "--spring.kafka.consumer.auto-offset-reset=earliest",
                                "--spring.kafka.consumer.group-id=" + orders);
        Shop.await(HANDLED);
        context.close();
    }

    @Configuration
    @EnableAutoConfiguration
    static class Payments {
        @KafkaListener(topics = "${orders}")
        void charge(String order) {
            Shop.work("payments", "charge card");
            HANDLED.countDown();
        }

        /** The second interceptor: it counts, measures, audits, or filters. */
        @Bean
        RecordInterceptor<Object, Object> auditing() {
            return (record, consumer) -> record;
        }
    }

    static class ByHand extends Payments {
        @Bean
        RecordInterceptor<Object, Object> tracing() {
            return new Tracing();
        }
    }

    static class WithOurs extends Payments {
        @Bean
        OpenTelemetry openTelemetry() {
            return Shop.openTelemetry("payments");
        }
    }

    /** What such an interceptor looks like where it is right. */
    private static final class Tracing implements RecordInterceptor<Object, Object> {
        private final ThreadLocal<Runnable> close = new ThreadLocal<>();

        @Override
        public ConsumerRecord<Object, Object> intercept(
                ConsumerRecord<Object, Object> record, Consumer<Object, Object> consumer) {
            Context context = ByTheBook.extract("payments", record.headers());
            Span span =
                    Shop.tracer("payments")
                            .spanBuilder("process " + record.topic())
                            .setSpanKind(SpanKind.CONSUMER)
                            .setParent(context)
                            .startSpan();
            Scope scope = context.with(span).makeCurrent();
            close.set(
                    () -> {
                        scope.close();
                        span.end();
                    });
            return record;
        }

        @Override
        public void afterRecord(
                ConsumerRecord<Object, Object> record, Consumer<Object, Object> consumer) {
            close.get().run();
        }
    }
}
