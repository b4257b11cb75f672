// Runs the example's services, each in its process, and gathers the spans that they export.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Engine, type Span, startOtlpReceiver } from "../../../packages/doctor/src/index.ts";

const SOURCE = new URL("../src/", import.meta.url);
const PATIENCE_MS = 60_000;

export interface Running {
  readonly engine: Engine;
  /** Every span that was received. */
  readonly spans: readonly Span[];
  /** Places an order as a customer does. */
  order(id: string, card: string): Promise<void>;
  /** Settles when so many spans of messages and orders have come; rejects after a minute. */
  received(count: number): Promise<void>;
  stop(): Promise<void>;
}

export interface RunOptions {
  readonly brokers: string;
  readonly prefix: string;
  readonly without: boolean;
}

export async function run({ brokers, prefix, without }: RunOptions): Promise<Running> {
  const engine = new Engine();
  const spans: Span[] = [];
  const arrival = new EventTarget();
  const receiver = await startOtlpReceiver({
    port: 0,
    onSpans(some) {
      spans.push(...some.filter((span) => !isBatch(span)));
      engine.add(some, performance.now());
      arrival.dispatchEvent(new Event("spans"));
    },
  });
  const env = {
    ...process.env,
    KAFKA_BROKERS: brokers,
    NAME_PREFIX: prefix,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
  };
  const flags = ["--conditions=source", "--disable-warning=TimeoutNegativeWarning"];
  if (without) flags.push(`--import=${new URL("without/register.ts", SOURCE).href}`);
  const started = ["checkout", "payments", "shipping", "dead-letters"].map((service) => {
    const file = fileURLToPath(new URL(`${service}.ts`, SOURCE));
    const child = spawn(process.execPath, [...flags, file], {
      env,
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let errors = "";
    child.stderr?.on(
      "data",
      (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-2000)),
    );
    const ended = once(child, "close");
    const early = ended.then(() =>
      Promise.reject(new Error(`${service} ended before it was ready:\n${errors}`)),
    );
    early.catch(() => {});
    const ready = Promise.race([once(child, "message"), early]) as Promise<[{ port?: number }]>;
    return { child, ended, ready };
  });
  const stop = async (): Promise<void> => {
    for (const { child } of started) child.kill("SIGTERM");
    await Promise.all(started.map(({ ended }) => ended));
    await receiver.stop();
  };
  try {
    const [[{ port }]] = (await Promise.all(started.map(({ ready }) => ready))) as [
      [{ port?: number }],
    ];
    return {
      engine,
      spans,
      stop,
      async order(id, card) {
        const body = JSON.stringify({ id, item: "kettle", cents: 1200, card });
        const { status } = await fetch(`http://127.0.0.1:${port}/orders`, { method: "POST", body });
        if (status !== 202) throw new Error(`checkout answered ${status}`);
      },
      async received(count) {
        const signal = AbortSignal.timeout(PATIENCE_MS);
        while (spans.length < count) {
          await once(arrival, "spans", { signal }).catch(() => {
            const names = spans
              .map(({ resource, name }) => `${resource.service} ${name}`)
              .join("\n");
            throw new Error(`only ${spans.length} of ${count} spans came:\n${names}`);
          });
        }
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function isBatch(span: Span): boolean {
  return span.attributes.has("messaging.batch.message_count");
}
