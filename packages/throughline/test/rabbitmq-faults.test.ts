// oxlint-disable typescript/no-misused-promises -- amqplib calls void what may well be a promise.
import { trace } from "@opentelemetry/api";
import { connect } from "amqplib";
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { Connection } from "rabbitmq-client";
import * as amqplib from "throughline/amqplib";
import * as rabbitmqClient from "throughline/rabbitmq-client";
import { notAsked } from "./outage-asked.ts";
import { tracing } from "./sdk.ts";
import { proxyTo, type TcpProxy } from "./tcp-proxy.ts";

// What a broker that goes away, and a connection that is cut, make of messages: with us and without.

const MESSAGES = 10_000;
/** The broker goes away when so many have been handled. */
const RESTART_AT = 3_000;
/** So many may be sent and not yet confirmed. */
const UNCONFIRMED = 200;
/** Sent after all others are confirmed: what was sent twice has been handled once this one is. */
const LAST = MESSAGES;

type Wrap = <Client extends object>(client: Client) => Client;
const bare: Wrap = (client) => client;

/** What the application does with one message, by the number that it carries. */
type Handle = (message: number) => Promise<void>;

/**
 * Sends each message over and over until it is confirmed, and handles until each was handled and
 * none is left under way. `left` is what the broker still holds then.
 */
type Flow = (
  url: string,
  queue: string,
  wrap: Wrap,
  handle: Handle,
) => Promise<{ handled: number; left: number }>;

const withAmqplib: Flow = async (url, queue, wrap, handle) => {
  const connection = wrap(await connect(url, { recovery: { initialDelay: 50, maxDelay: 200 } }));
  connection.on("error", () => {});
  const lost = (): Promise<unknown> => setImmediate();
  let lastSent = false;
  const sent = (async () => {
    const unsent = Array.from({ length: MESSAGES }, (_, at) => at);
    while (unsent.length > 0) {
      const channel = await connection.createConfirmChannel();
      channel.on("error", () => {});
      await channel.assertQueue(queue).catch(lost);
      await setImmediate();
      while (unsent.length > 0) {
        const some = unsent.splice(0, UNCONFIRMED);
        let failed = false;
        const confirmed = some.map(
          (message) =>
            new Promise<void>((resolve) => {
              const again = (error: unknown): void => {
                if (error !== null && error !== undefined) {
                  failed = true;
                  unsent.push(message);
                }
                resolve();
              };
              try {
                const content = Buffer.from(String(message));
                channel.sendToQueue(queue, content, { persistent: true }, again);
              } catch (error) {
                again(error);
              }
            }),
        );
        await Promise.all(confirmed);
        if (failed) break;
      }
      if (unsent.length === 0 && !lastSent) {
        lastSent = true;
        unsent.push(LAST);
      }
    }
  })();
  const handled = new Set<number>();
  let done: (() => void) | undefined;
  const all = new Promise<void>((resolve) => (done = resolve));
  const consuming = (async () => {
    while (!handled.has(LAST)) {
      let underWay = 0;
      const channel = await connection.createChannel();
      channel.on("error", () => {});
      const closed = once(channel, "close");
      try {
        await channel.prefetch(100);
        await channel.assertQueue(queue);
        await channel.consume(queue, async (message) => {
          if (message === null) return;
          const number = Number(message.content);
          underWay += 1;
          if (number !== LAST) await handle(number);
          try {
            channel.ack(message);
          } catch {
            return; // It comes again.
          }
          underWay -= 1;
          handled.add(number);
          if (handled.has(LAST) && underWay === 0) done?.();
        });
        await Promise.race([closed, all]);
        await setImmediate();
      } catch {
        await lost();
      }
    }
  })();
  await Promise.all([sent, all, consuming]);
  await connection.close();
  const last = await connect(url);
  const { messageCount: left } = await (await last.createChannel()).checkQueue(queue);
  await last.close();
  return { handled: handled.size - 1, left };
};

const withRabbitmqClient: Flow = async (url, queue, wrap, handle) => {
  const connection = wrap(new Connection({ url, retryLow: 50, retryHigh: 200 }));
  connection.on("error", () => {});
  const queues = [{ queue, durable: true }];
  const publisher = connection.createPublisher({ confirm: true, queues });
  const handled = new Set<number>();
  let done: (() => void) | undefined;
  const all = new Promise<void>((resolve) => (done = resolve));
  const consumer = connection.createConsumer(
    { queue, queueOptions: { durable: true }, qos: { prefetchCount: 100 } },
    async ({ body }) => {
      const number = Number(body);
      if (number !== LAST) await handle(number);
      handled.add(number);
      if (handled.has(LAST)) done?.();
    },
  );
  consumer.on("error", () => {});
  const sendOne = async (message: number): Promise<void> => {
    for (;;) {
      try {
        await publisher.send({ routingKey: queue, durable: true }, String(message));
        return;
      } catch {
        await setImmediate();
      }
    }
  };
  for (let from = 0; from < MESSAGES; from += UNCONFIRMED) {
    const some = Array.from({ length: UNCONFIRMED }, (_, at) => from + at);
    await Promise.all(some.map(sendOne));
  }
  await sendOne(LAST);
  await all;
  await consumer.close();
  await publisher.close();
  const { messageCount: left } = await connection.queueDeclare({ queue, passive: true });
  await connection.close();
  return { handled: handled.size - 1, left };
};

interface Restartable {
  readonly url: string;
  restart(options?: { signal?: "SIGTERM" | "SIGKILL" }): Promise<void>;
  stop(): Promise<void>;
}
interface Rabbitmq {
  rabbitmqAvailable(): Promise<{ why: string } | undefined>;
  startRabbitmq(options: { progress: () => void }): Promise<Restartable>;
}

// The repository's own; the packed library is tested where there is none.
const services: Rabbitmq | undefined = await import("../../../services/rabbitmq/start.ts").catch(
  () => undefined,
);
const absence = services === undefined ? { why: "" } : await services.rabbitmqAvailable();
const absent = absence !== undefined && "no RabbitMQ of our own: apt-get install rabbitmq-server";
const skip = absent || notAsked;

describe("a RabbitMQ that goes away", { skip, timeout: 240_000 }, () => {
  let rabbitmq: Restartable;
  let proxy: TcpProxy;
  let throughProxy: string;
  before(async () => {
    rabbitmq = (await services?.startRabbitmq({ progress: () => {} })) as Restartable;
    // The server writes a queue's declaration down within seconds: these are through a restart before
    // it is killed.
    const declaring = await connect(rabbitmq.url);
    const channel = await declaring.createChannel();
    for (const name of ["amqplib", "rabbitmq-client"]) {
      await channel.assertQueue(`${name}-bare`);
      await channel.assertQueue(`${name}-ours`);
    }
    await declaring.close();
    const through = new URL(rabbitmq.url);
    proxy = await proxyTo(through.host);
    through.host = proxy.host;
    throughProxy = through.href;
  });
  after(async () => {
    await proxy?.close();
    await rabbitmq?.stop();
  });

  for (const { name, flow, wrap, signal } of [
    { name: "amqplib", flow: withAmqplib, wrap: amqplib.traced as Wrap, signal: "SIGTERM" },
    {
      name: "rabbitmq-client",
      flow: withRabbitmqClient,
      wrap: rabbitmqClient.traced as Wrap,
      signal: "SIGKILL",
    },
  ] as const) {
    test(`${name}: 10,000 messages flow over a restart by ${signal}: all are handled and settled as without us, each in its own trace, and no span stays open`, async () => {
      const observed = tracing();
      try {
        let ours = 0;
        let restarted: Promise<void> | undefined;
        const leaked: number[] = [];
        const tracesOf = new Map<number, Set<string>>();
        const [without, us] = await Promise.all([
          flow(rabbitmq.url, `${name}-bare`, bare, () => setImmediate()),
          flow(rabbitmq.url, `${name}-ours`, wrap, async (message) => {
            const at = trace.getActiveSpan()?.spanContext().traceId ?? "none";
            await setImmediate();
            if (trace.getActiveSpan()?.spanContext().traceId !== at) leaked.push(message);
            const traces = tracesOf.get(message) ?? new Set();
            tracesOf.set(message, traces.add(at));
            ours += 1;
            if (ours === RESTART_AT) restarted = rabbitmq.restart({ signal });
          }),
        ]);
        assert.notEqual(restarted, undefined, "the broker was never restarted");
        await restarted;
        assert.deepEqual(us, without);
        assert.deepEqual(us, { handled: MESSAGES, left: 0 });
        assert.equal(tracesOf.size, MESSAGES);
        assert.deepEqual(leaked, []);
        const owners = new Map<string, number>();
        for (const [message, traces] of tracesOf) {
          for (const id of traces) {
            assert.equal(owners.get(id) ?? message, message, "two messages in one trace");
            owners.set(id, message);
          }
        }
        assert.equal(owners.has("none"), false);
        assert.equal(trace.getActiveSpan(), undefined);
        assert.deepEqual(observed.open(), []);
      } finally {
        await observed.shutdown();
      }
    });
  }

  test("amqplib: a connection that is cut in the middle of a handler leaves it what it has without us, and no span open", async () => {
    /** What one handler saw, and what became of its ack, delivery by delivery. */
    const cutOnce = async (wrap: Wrap, queue: string, promises: boolean): Promise<unknown[]> => {
      const seen: unknown[] = [];
      const recovery = { initialDelay: 20, maxDelay: 100 };
      const connection = wrap(await connect(throughProxy, { recovery }));
      connection.on("error", () => {});
      for (let again = true; again;) {
        const channel = await connection.createChannel();
        channel.on("error", () => {});
        const closed = once(channel, "close");
        await channel.assertQueue(queue);
        if (seen.length === 0) channel.sendToQueue(queue, Buffer.from("1"), { persistent: true });
        const settled = new Promise<void>((resolve) => {
          const work = async (message: NonNullable<Parameters<typeof channel.ack>[0]>) => {
            if (!message.fields.redelivered) {
              proxy.cut();
              await closed;
            }
            try {
              channel.ack(message);
              seen.push([message.fields.redelivered, "acked"]);
            } catch (error) {
              seen.push([message.fields.redelivered, (error as Error).name]);
            }
            resolve();
          };
          void channel.consume(queue, (message) => {
            const working = message === null ? undefined : work(message);
            return promises ? working : undefined;
          });
        });
        await settled;
        again = seen.length < 2;
      }
      await connection.close();
      return seen;
    };
    for (const promises of [true, false]) {
      const observed = tracing();
      try {
        const without = await cutOnce(bare, `cut-bare-${promises}`, promises);
        const us = await cutOnce(amqplib.traced as Wrap, `cut-ours-${promises}`, promises);
        assert.deepEqual(us, without);
        assert.deepEqual(us, [
          [false, "IllegalOperationError"],
          [true, "acked"],
        ]);
        assert.deepEqual(observed.open(), []);
        const handled = observed.spans().filter(({ name }) => name.startsWith("process cut-ours"));
        assert.deepEqual(
          handled.map(({ attributes }) => attributes["error.type"]),
          [promises ? undefined : "closed", undefined],
        );
        assert.equal(new Set(handled.map((span) => span.spanContext().traceId)).size, 1);
      } finally {
        await observed.shutdown();
      }
    }
  });

  test("rabbitmq-client: a connection that is cut in the middle of a handler leaves it what it has without us, and no span open", async () => {
    const cutOnce = async (wrap: Wrap, queue: string): Promise<unknown[]> => {
      const seen: unknown[] = [];
      const options = { url: throughProxy, retryLow: 20, retryHigh: 100 };
      const connection = wrap(new Connection(options));
      const lost = once(connection, "error");
      connection.on("error", () => {});
      const again = new Promise<void>((resolve) => {
        const consumer = connection.createConsumer(
          { queue, queueOptions: { durable: true } },
          async ({ redelivered }) => {
            if (!redelivered) {
              proxy.cut();
              await lost;
            }
            seen.push(["handled", redelivered]);
            if (redelivered) resolve();
          },
        );
        consumer.on("error", ({ message }: Error) => seen.push(["error", message]));
        void once(consumer, "ready").then(async () => {
          const publisher = connection.createPublisher({ confirm: true });
          await publisher.send({ routingKey: queue, durable: true }, "1").catch(() => {});
          await again;
          await publisher.close();
          await consumer.close();
          await connection.close();
          closed?.();
        });
      });
      let closed: (() => void) | undefined;
      const ended = new Promise<void>((resolve) => (closed = resolve));
      await again;
      await ended;
      return seen;
    };
    const observed = tracing();
    try {
      const without = await cutOnce(bare, "cut-bare");
      const us = await cutOnce(rabbitmqClient.traced as Wrap, "cut-ours");
      assert.deepEqual(us, without);
      assert.deepEqual(us.at(-1), ["handled", true]);
      assert.deepEqual(observed.open(), []);
      const handled = observed.spans().filter(({ name }) => name === "process cut-ours");
      assert.equal(handled.length, 2);
      assert.equal(new Set(handled.map((span) => span.spanContext().traceId)).size, 1);
    } finally {
      await observed.shutdown();
    }
  });
});
