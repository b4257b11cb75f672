import { join } from "node:path";
import { javaCommand } from "../../../services/java/available.ts";
import { createTopics } from "../../../services/topics.ts";
import { PAYMENTS_JAR, SHIPPING_PYTHON } from "./prepare.ts";
import { type Ending, type Service, startService } from "./service.ts";

const LANGUAGES = join(import.meta.dirname, "..");
const NODE_SERVICES = join(LANGUAGES, "../order-pipeline/src");
const NODE_FLAGS = ["--conditions=source", "--disable-warning=TimeoutNegativeWarning"];
const READY_MS = 120_000;
const PARTITIONS = 3;

/** An item that shipping has none of: such an order is a dead letter of shipping's. */
export const SOLD_OUT = "umbrella";

export interface PipelineOptions {
  /** `host:port` of Kafka's brokers. */
  readonly brokers: string;
  /** Stands before topics and groups. */
  readonly prefix: string;
  /** OTLP over HTTP: where every service sends its spans. */
  readonly endpoint: string;
  /** Told of each service that ends unasked. */
  readonly onEnd: (end: Ending) => void;
  /** Ends what was started, also before it is ready. */
  readonly signal?: AbortSignal;
}

export interface Pipeline {
  /** Where orders are placed. */
  readonly checkout: string;
  /** Places orders as customers do, so many a second, until the pipeline is stopped. */
  placeOrders(perSecond: number): Promise<void>;
  /** Ends every service: what it has begun is finished and exported. */
  stop(): Promise<void>;
}

/**
 * Starts the four services, each a process with an OpenTelemetry SDK of its own: checkout (Node),
 * payments (Java), shipping (Python), dead letters (Node). Resolves when all take orders.
 *
 * @throws Error where one ends before it is ready, with its last lines.
 */
export async function startPipeline(options: PipelineOptions): Promise<Pipeline> {
  const { brokers, prefix, endpoint, onEnd, signal } = options;
  await createTopics(brokers, {
    [`${prefix}orders`]: PARTITIONS,
    [`${prefix}orders.paid`]: PARTITIONS,
    [`${prefix}orders.dlq`]: 1,
  });
  const started: Service[] = [];
  const start = (name: string, ...command: [string, ...string[]]): Service => {
    const env = environment(name, { brokers, prefix, endpoint });
    const service = startService({ name, command, env });
    started.push(service);
    void service.ended.then((end) => end.asked || onEnd(end));
    return service;
  };
  const node = (name: string, ...args: string[]): Service =>
    start(name, process.execPath, ...NODE_FLAGS, join(NODE_SERVICES, `${name}.ts`), ...args);
  const stop = async (): Promise<void> => {
    // From the customers to the dead letters: nobody's last messages are left behind.
    const order = ["customers", "checkout", "payments", "shipping", "dead-letters"];
    for (const name of order) {
      await started.find((service) => service.name === name)?.stop();
    }
  };

  const checkout = node("checkout");
  const services = [
    checkout,
    start("payments", javaCommand(), "-XX:+UseSerialGC", "-Xmx256m", "-jar", PAYMENTS_JAR),
    start("shipping", SHIPPING_PYTHON, join(LANGUAGES, "shipping/shipping.py")),
    node("dead-letters"),
  ];
  signal?.addEventListener("abort", () => void stop());
  try {
    await within(READY_MS, Promise.all(services.map(({ ready }) => ready)));
    const address = `http://127.0.0.1:${(await checkout.ready).port}/orders`;
    return {
      checkout: address,
      async placeOrders(perSecond) {
        await node("customers", address, String(perSecond)).ready;
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * This process's environment, without what would send the spans elsewhere or sample them. Each
 * language's SDK reads the same names. A queue of the default 2,048 spans drops those of a burst.
 */
function environment(
  service: string,
  { brokers, prefix, endpoint }: Pick<PipelineOptions, "brokers" | "prefix" | "endpoint">,
): Record<string, string | undefined> {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith("OTEL_"));
  return {
    ...Object.fromEntries(others),
    KAFKA_BROKERS: brokers,
    NAME_PREFIX: prefix,
    OTEL_SERVICE_NAME: service,
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
    OTEL_METRICS_EXPORTER: "none",
    OTEL_LOGS_EXPORTER: "none",
    OTEL_BSP_SCHEDULE_DELAY: "250",
    OTEL_BSP_MAX_QUEUE_SIZE: "65536",
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "2048",
  };
}

async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`the services were not ready in ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
