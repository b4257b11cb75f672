// npm start: the order pipeline on a Kafka, each service a process of its own, with a live view of
// whose messages keep their trace. `npm start -- --help` tells the options.
import { once } from "node:events";
import { startWatch } from "../packages/doctor/src/index.ts";
import { startKafka } from "./start/kafka.mjs";
import { help, readOptions } from "./start/options.mjs";
import { Pipeline } from "./start/pipeline.mjs";
import { endingOf } from "./start/process.mjs";

/** What is running, in the order of its start; ended in the reverse. */
const running = [];
const stopped = new AbortController();

/** Ctrl-C, a request to end, the terminal closed, or whoever reads the output gone. */
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    // Asked twice: the children end when this process does.
    if (stopped.signal.aborted) process.exit(130);
    stopped.abort(signal);
  });
}
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", () => stopped.abort("nobody reads the output"));
}

const say = (line) => process.stderr.write(`throughline: ${line}\n`);

try {
  process.exitCode = await main(readOptions(process.argv.slice(2)));
} catch (error) {
  if (error instanceof RangeError) process.stderr.write(`${error.message}\n\n${help}`);
  else if (!stopped.signal.aborted) say(error.message);
  process.exitCode = error instanceof RangeError ? 2 : stopped.signal.aborted ? 0 : 1;
} finally {
  await stop();
}

async function main(options) {
  if (options.help) {
    process.stdout.write(help);
    return 0;
  }
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
  if (!process.env.KAFKA_BROKERS)
    say("consumers join their groups, which takes the embedded Kafka 3 s");
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
