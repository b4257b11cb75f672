// npm run demo:languages: one pipeline in three languages on a real Kafka, each service a process
// of its own, in the terminal view and in Jaeger. `-- --help` tells the options.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { startWatch } from "../../packages/doctor/src/index.ts";
import { jaegerAvailable, startJaeger } from "../../services/jaeger/start.ts";
import { startKafka } from "../../services/kafka/start.ts";
import { startPipeline } from "./run/pipeline.ts";
import { prepare } from "./run/prepare.ts";
import { endingOf } from "./run/service.ts";
import { missingAsText, missingToolchains } from "./run/toolchains.ts";

const HELP = `npm run demo:languages                        checkout (Node), payments (Java), shipping (Python) and dead
                                              letters (Node) on a real Kafka, traced as one
KAFKA_BROKERS=host:port npm run demo:languages   on a Kafka of your own

  --orders-per-second <number>  how many orders are placed (default 2)
  --no-jaeger                   start no Jaeger (the first time Go builds it, in some minutes)
  --prepare                     build what is needed, and start nothing
  --help                        this text
`;

const say = (line: string): void => void process.stderr.write(`throughline: ${line}\n`);

/** What is running, in the order of its start; ended in the reverse. */
const running: { stop(): Promise<unknown> }[] = [];
const stopped = new AbortController();

/** One Ctrl-C may come twice: to the process group, and passed on by whoever started this. */
const ONCE_MS = 1000;
let askedAt = Infinity;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    // Asked twice: what was started ends when this process does.
    if (Date.now() - askedAt > ONCE_MS) process.exit(130);
    askedAt = Math.min(askedAt, Date.now());
    stopped.abort();
  });
}
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => stopped.abort());

try {
  process.exitCode = await main();
} catch (error) {
  if (!stopped.signal.aborted) {
    say((error as Error).message);
    process.exitCode = 1;
  }
} finally {
  stopped.abort();
  for (const each of running.toReversed()) await each.stop();
}

async function main(): Promise<number> {
  const options = read(process.argv.slice(2));
  if (typeof options === "number") return options;
  const missing = await missingToolchains();
  if (missing.length > 0) {
    say(missingAsText(missing));
    return 1;
  }
  await unlessStopped(prepare(say, stopped.signal));
  if (options.prepare) return 0;

  const given = process.env["KAFKA_BROKERS"];
  const brokers = given ?? (await unlessStopped(keep(startKafka({ progress: say })))).brokers;
  const watch = await startWatch({
    port: 0,
    title: "Checkout in Node, payments in Java, shipping in Python, dead letters in Node",
    hint: "Orders are being placed; the first complete trace is shown in a few seconds.",
  });
  running.push(watch);
  const jaeger = options.jaeger ? await jaegerBefore(watch.endpoint) : undefined;

  let crashed = 0;
  say("starting checkout, payments, shipping and dead-letters");
  const pipeline = await unlessStopped(
    keep(
      startPipeline({
        brokers,
        // Topics and groups of another run, or of the Kafka's owner, may be called the same.
        prefix: given === undefined ? "" : `languages-${randomBytes(3).toString("hex")}.`,
        endpoint: jaeger?.otlp ?? watch.endpoint,
        signal: stopped.signal,
        onEnd(end) {
          if (stopped.signal.aborted) return;
          crashed += 1;
          watch.notice(endingOf(end));
        },
      }),
    ),
  );
  await unlessStopped(pipeline.placeOrders(options.perSecond));
  say(`placing ${options.perSecond} orders a second at ${pipeline.checkout}; Ctrl-C ends it`);
  if (jaeger !== undefined)
    say(`the same traces, by Jaeger's API: ${jaeger.query}/api/v3/services`);
  watch.show();
  if (!stopped.signal.aborted) await once(stopped.signal, "abort");
  return crashed > 0 ? 1 : 0;
}

/** Jaeger takes every span first, and passes it on to the view: what is shown is what it has. */
async function jaegerBefore(endpoint: string) {
  const absence = await jaegerAvailable();
  if (absence !== undefined) {
    say(`without Jaeger: ${absence.why}. ${absence.wayOut}`);
    return undefined;
  }
  return unlessStopped(keep(startJaeger({ progress: say, forwardTo: endpoint })));
}

/** What was started is stopped at the end, also where its start comes true after that was asked for. */
async function keep<Started extends { stop(): Promise<unknown> }>(
  starting: Promise<Started>,
): Promise<Started> {
  const started = await starting;
  if (stopped.signal.aborted) await started.stop();
  else running.push(started);
  return started;
}

async function unlessStopped<T>(promise: Promise<T>): Promise<T> {
  const { signal } = stopped;
  const asked = signal.aborted ? Promise.resolve() : once(signal, "abort");
  return Promise.race([promise, asked.then(() => Promise.reject(new Error("stopped")))]);
}

interface Options {
  readonly perSecond: number;
  readonly jaeger: boolean;
  readonly prepare: boolean;
}

/** The options, or the exit code where nothing is to be run. */
function read(args: string[]): Options | number {
  try {
    const { values } = parseArgs({
      args,
      allowNegative: true,
      options: {
        "orders-per-second": { type: "string", default: "2" },
        jaeger: { type: "boolean", default: true },
        prepare: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(HELP);
      return 0;
    }
    const perSecond = Number(values["orders-per-second"]);
    if (!(perSecond >= 0.01 && perSecond <= 1000)) {
      throw new RangeError("--orders-per-second takes a number from 0.01 to 1000");
    }
    return { perSecond, jaeger: values.jaeger, prepare: values.prepare };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
}
