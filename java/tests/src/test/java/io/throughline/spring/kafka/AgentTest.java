package io.throughline.spring.kafka;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.core.KafkaTemplate;

/** An application in a process of its own, with the OpenTelemetry agent. */
@RealKafka
class AgentTest {
    @TempDir Path folder;

    /** What the process is given beside the test's own. */
    private final Map<String, String> environment = new HashMap<>();

    @Test
    void besideTheAgentEverySpanIsTheAgents() throws Exception {
        String spans = run();
        assertEquals(0, count(spans, "io.throughline"));
        assertEquals(1, count(spans, " process' : "));
    }

    @Test
    void whereTheAgentsKafkaIsSwitchedOffTheSpansAreOurs() throws Exception {
        String spans =
                run(
                        "-Dotel.instrumentation.kafka.enabled=false",
                        "-Dotel.instrumentation.spring-kafka.enabled=false");
        assertEquals(1, count(spans, "'process "));
        assertEquals(1, count(spans, "'send "));
        assertEquals(2, count(spans, "io.throughline"));
    }

    @Test
    void whatTheEnvironmentSwitchesOffIsReadAsTheAgentReadsIt() throws Exception {
        environment.put("OTEL_INSTRUMENTATION_COMMON_DEFAULT_ENABLED", "false");
        environment.put("OTEL_INSTRUMENTATION_OPENTELEMETRY_API_ENABLED", "true");
        String spans = run();
        assertEquals(1, count(spans, "'process "));
        assertEquals(1, count(spans, "'send "));
        assertEquals(2, count(spans, "io.throughline"));
    }

    /** Runs {@link Listening} with the agent, and gives what its logging exporter wrote. */
    private String run(String... settings) throws Exception {
        Path output = folder.resolve("output");
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.add("-XX:TieredStopAtLevel=1");
        command.add("-javaagent:" + System.getProperty("agent.jar"));
        command.add("-Dotel.traces.exporter=logging");
        command.add("-Dotel.metrics.exporter=none");
        command.add("-Dotel.logs.exporter=none");
        command.addAll(List.of(settings));
        command.addAll(
                List.of(
                        "-cp",
                        System.getProperty("surefire.test.class.path"),
                        Listening.class.getName(),
                        Broker.topic("orders")));
        ProcessBuilder agent = new ProcessBuilder(command).redirectErrorStream(true);
        agent.environment().putAll(environment);
        Process process = agent.redirectOutput(output.toFile()).start();
        boolean ended = process.waitFor(120, TimeUnit.SECONDS);
        if (!ended) process.destroyForcibly().waitFor();
        String written = Files.readString(output);
        assertEquals(0, ended ? process.exitValue() : -1, written);
        return written;
    }

    private static int count(String text, String part) {
        int count = 0;
        for (String line : text.split("\n")) {
            boolean span = line.contains("LoggingSpanExporter") && line.contains(part);
            if (span) count++;
        }
        return count;
    }

    /** Sends one record, and ends when it is handled. */
    @Configuration
    @EnableAutoConfiguration
    static class Listening {
        private static final CountDownLatch HANDLED = new CountDownLatch(1);

        @SuppressWarnings("unchecked")
        public static void main(String[] arguments) throws InterruptedException {
            ConfigurableApplicationContext context =
                    new SpringApplicationBuilder(Listening.class)
                            .web(WebApplicationType.NONE)
                            .run(
                                    "--topic=" + arguments[0],
                                    "--spring.kafka.bootstrap-servers=" + Broker.ADDRESS,
                                    "--spring.kafka.consumer.auto-offset-reset=earliest",
                                    "--spring.kafka.consumer.group-id=agent");
            context.getBean(KafkaTemplate.class).send(arguments[0], "one").join();
            boolean handled = HANDLED.await(60, TimeUnit.SECONDS);
            context.close();
            System.exit(handled ? 0 : 1); // and the agent's exporter is flushed
        }

        @KafkaListener(topics = "${topic}")
        void charge(String order) {
            HANDLED.countDown();
        }
    }
}
