import { join } from "node:path";
import { startProcess } from "./process.mjs";

const EXAMPLE = join(import.meta.dirname, "../../examples/order-pipeline/src");
const READY_MS = 60_000;

/** The example runs from source; kafkajs on Node 24 prints this warning at each start. */
const EXEC_ARGV = ["--conditions=source", "--disable-warning=TimeoutNegativeWarning"];
/** Puts a module that extracts nothing in the place of throughline/kafkajs. */
const WITHOUT = `--import=${join(EXAMPLE, "without/register.ts")}`;

export const SERVICES = ["checkout", "payments", "shipping", "dead-letters"];

/**
 * Starts the order pipeline's processes: `services` first, each a process of its own, and once all
 * are ready `placeOrders`. `onEnd` is told of each that ends unasked.
 */
export class Pipeline {
  #processes = [];
  #env;
  #execArgv;
  #onEnd;

  constructor({ brokers, endpoint, prefix, without, onEnd }) {
    this.#env = environment({
      KAFKA_BROKERS: brokers,
      NAME_PREFIX: prefix,
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    });
    this.#execArgv = without ? [...EXEC_ARGV, WITHOUT] : EXEC_ARGV;
    this.#onEnd = onEnd;
  }

  /** Resolves with checkout's address when every service takes orders. */
  async startServices() {
    const services = SERVICES.map((name) => this.#start(name));
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error("the services were not ready in 60 s")), READY_MS);
    });
    try {
      const ready = Promise.all(services.map((service) => service.ready));
      const [{ port }] = await Promise.race([ready, late]);
      return `http://127.0.0.1:${port}/orders`;
    } finally {
      clearTimeout(timer);
    }
  }

  async placeOrders(checkout, perSecond) {
    await this.#start("customers", [checkout, String(perSecond)]).ready;
  }

  /** Ends the customers, and then the services: what they have begun is finished and exported. */
  async stop() {
    const [customers, services] = [true, false].map((placing) =>
      this.#processes.filter(({ name }) => (name === "customers") === placing),
    );
    await Promise.all(customers.map((each) => each.stop()));
    await Promise.all(services.map((each) => each.stop()));
  }

  #start(name, args) {
    const file = join(EXAMPLE, `${name}.ts`);
    const started = startProcess({ name, file, args, execArgv: this.#execArgv, env: this.#env });
    this.#processes.push(started);
    void started.ended.then((end) => end.asked || this.#onEnd(end));
    return started;
  }
}

/** This process's environment, without what would send the spans elsewhere or sample them. */
function environment(own) {
  const others = Object.entries(process.env).filter(([name]) => !name.startsWith("OTEL_"));
  return { ...Object.fromEntries(others), ...own };
}
