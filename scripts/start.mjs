// npm start: the order pipeline on a Kafka, each service a process of its own, with a live view of
// whose messages keep their trace. `npm start -- --help` tells the options.
import { once } from "node:events";
import { help, readOptions } from "./start/options.mjs";

/** What is running, in the order of its start; ended in the reverse. */
const running = [];
const stopped = new AbortController();

/** One Ctrl-C may come twice: to the process group, and passed on by whoever started this. */
const ONCE_MS = 1000;
let askedAt = Infinity;

/** Ctrl-C, a request to end, the terminal closed, or whoever reads the output gone. */
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    // Asked twice: the children end when this process does.
    if (Date.now() - askedAt > ONCE_MS) process.exit(130);
    askedAt = Math.min(askedAt, Date.now());
    stopped.abort(signal);
  });
}
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", () => stopped.abort("nobody reads the output"));
}

const say = (line) => process.stderr.write(`throughline: ${line}\n`);

const options = optionsOrExit();
try {
  process.exitCode = await main();
} catch (error) {
  if (!stopped.signal.aborted) {
    say(error.message);
    process.exitCode = 1;
  }
} finally {
  await stop();
}

function optionsOrExit() {
  try {
    const read = readOptions(process.argv.slice(2));
    if (!read.help) return read;
    process.stdout.write(help);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error.message}\n\n${help}`);
    process.exit(2);
  }
}

async function main() {
  // Late: help and a wrong option are answered at once.
  const { startWatch } = await import("../packages/doctor/src/index.ts");
  const { startKafka } = await import("./start/kafka.mjs");
  const { Pipeline } = await import("./start/pipeline.mjs");
  const { endingOf } = await import("./start/process.mjs");

  const kafka = await startKafka({ prefix: options.prefix, say, signal: stopped.signal });
  running.push(kafka);
  const watch = await startWatch({
    port: options.port,
    title: titleOf(options, kafka),
    hint: "Orders are being placed; the first complete trace is shown in a few seconds.",
  });
  running.push(watch);

  let crashed = 0;
  const pipeline = new Pipeline({
    brokers: kafka.brokers,
    prefix: kafka.prefix,
    endpoint: watch.endpoint,
    without: options.without,
    onEnd: (end) => {
      if (stopped.signal.aborted) return;
      crashed += 1;
      watch.notice(endingOf(end));
    },
  });
  running.push(pipeline);
  say(`starting checkout, payments, shipping and dead-letters; spans go to ${watch.endpoint}`);
  say(
    `consumers join their groups${process.env.KAFKA_BROKERS ? "" : ", which takes 3 s on the embedded Kafka"}`,
  );
  const checkout = await unlessStopped(pipeline.startServices());
  await unlessStopped(pipeline.placeOrders(checkout, options.perSecond));
  say(`placing ${options.perSecond} orders a second at ${checkout}; Ctrl-C ends it`);
  watch.show();

  await untilEnd(options.forMs);
  return crashed > 0 ? 1 : 0;
}

function titleOf({ without }, { named }) {
  return without
    ? `The order pipeline on ${named}, with context not extracted`
    : `The order pipeline on ${named}`;
}

async function untilEnd(forMs) {
  const { signal } = stopped;
  if (signal.aborted) return;
  const timer = forMs === undefined ? undefined : setTimeout(() => stopped.abort(), forMs);
  await once(signal, "abort");
  clearTimeout(timer);
}

async function unlessStopped(promise) {
  const { signal } = stopped;
  const asked = signal.aborted ? Promise.resolve() : once(signal, "abort");
  return Promise.race([promise, asked.then(() => Promise.reject(new Error("stopped")))]);
}

async function stop() {
  stopped.abort();
  for (const each of running.toReversed()) await each.stop();
}
