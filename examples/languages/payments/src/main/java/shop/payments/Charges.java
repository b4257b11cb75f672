package shop.payments;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.opentelemetry.api.OpenTelemetry;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.Tracer;
import io.opentelemetry.context.Scope;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.stereotype.Component;

/** The handler of `orders`: in each order's own trace, as far as checkout has brought it. */
@Component
class Charges {
    /** A card that the bank declines, every time. */
    private static final String DECLINED_CARD = "0002";

    private static final int MOST_BANK_NS = 2_000_000;

    private final ObjectMapper json;
    private final KafkaTemplate<String, String> template;
    private final String paid;
    private final Tracer tracer;

    Charges(
            ObjectMapper json,
            KafkaTemplate<String, String> template,
            OpenTelemetry openTelemetry,
            @Value("${topics.paid}") String paid) {
        this.json = json;
        this.template = template;
        this.paid = paid;
        this.tracer = openTelemetry.getTracer("payments");
    }

    @KafkaListener(topics = "${topics.orders}")
    void onOrder(ConsumerRecord<String, String> record) throws JsonProcessingException {
        charge(json.readTree(record.value()));
        template.send(paid, record.key(), record.value()).join();
    }

    private void charge(JsonNode order) {
        Span span = tracer.spanBuilder("charge card").startSpan();
        try (Scope active = span.makeCurrent()) {
            span.setAttribute("payment.cents", order.path("cents").asLong());
            LockSupport.parkNanos(ThreadLocalRandom.current().nextInt(MOST_BANK_NS));
            if (order.path("card").asText().equals(DECLINED_CARD)) {
                span.setStatus(StatusCode.ERROR, "card declined");
                throw new CardDeclined();
            }
        } finally {
            span.end();
        }
    }

    private static final class CardDeclined extends RuntimeException {
        CardDeclined() {
            super("card declined");
        }
    }
}
