package io.throughline.spring.kafka;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Tests that speak to the Kafka that KAFKA_BROKERS names; `npm run java` starts one. */
@Target(ElementType.TYPE)
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(RealKafka.Named.class)
@interface RealKafka {
    /** Without a broker the tests are skipped by name; where CI is set, that is a failure. */
    final class Named implements ExecutionCondition {
        @Override
        public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
            if (Broker.ADDRESS != null)
                return ConditionEvaluationResult.enabled("a broker is named");
            String wayOut = "KAFKA_BROKERS names no Kafka: npm run java starts one";
            if (System.getenv("CI") != null) throw new IllegalStateException(wayOut);
            return ConditionEvaluationResult.disabled(wayOut);
        }
    }
}
