import { context, SpanStatusCode, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { Kafka, logLevel } from "kafkajs";
import type { KafkaConsumer, Message, MessageHeader } from "node-rdkafka";
import { collectSpans, type SpanCollector } from "throughline/testing";
import { createTopic } from "../kafka-topic.ts";
import { type Tracing, tracing } from "../sdk.ts";
import {
  answered,
  type Classic,
  connected,
  disconnected,
  nextEvent,
  produced,
} from "./classic-clients.ts";
import type { ClassicFunctions } from "./classic-contract.ts";
import { brokers as given } from "./client.ts";

// What is particular to the classic interface, for each of the two clients that have it.

const brokers = given ?? "";
const PATIENCE = { timeout: 60_000 };

/** Registers the tests, for one client. `file` is run as a process of its own where that is to end. */
export function classicTraps(
  name: string,
  client: Classic,
  functions: ClassicFunctions,
  file: string,
): void {
  const traced = functions.traced as <Any extends object>(any: Any, options?: object) => Any;
  const open: { close(): Promise<void> }[] = [];
  after(() => Promise.all(open.map((each) => each.close())));

  const closing = <Any extends Parameters<typeof disconnected>[0]>(any: Any): Any => {
    open.push({ close: () => disconnected(any) });
    return any;
  };
  const highLevel = (settings = {}): Promise<InstanceType<Classic["HighLevelProducer"]>> =>
    connected(
      closing(traced(new client.HighLevelProducer({ "bootstrap.servers": brokers, ...settings }))),
    );
  const consumer = async (topic: string, settings = {}): Promise<KafkaConsumer> => {
    const made = new client.KafkaConsumer(
      {
        "bootstrap.servers": brokers,
        "group.id": `group-of-${topic}`,
        "enable.auto.commit": false,
        ...settings,
      },
      { "auto.offset.reset": "earliest" },
    );
    const subscribed = await connected(closing(traced(made)));
    subscribed.setDefaultConsumeTimeout(100);
    assert.equal(subscribed.subscribe([topic]), subscribed, "chaining gave the bare client");
    return subscribed;
  };
  const claim = (
    of: string,
    body: (spans: SpanCollector, topic: string, registered: Tracing) => Promise<void>,
  ): void => {
    test(`${name}: ${of}`, PATIENCE, async () => {
      const spans = collectSpans();
      const registered = tracing({ processors: [spans] });
      try {
        await body(spans, await newTopic(), registered);
      } finally {
        await registered.shutdown();
      }
    });
  };

  claim(
    "a native callback comes without what was active, and a traced producer's with it",
    async (spans, topic) => {
      const bare = await connected(
        closing(new client.HighLevelProducer({ "bootstrap.servers": brokers })),
      );
      const producer = await highLevel();
      const activeIn = (of: typeof producer): Promise<string | undefined> =>
        inSpan(
          "sender",
          () =>
            new Promise((resolve) => {
              of.produce(topic, 0, Buffer.from("1"), null, null, () => resolve(activeSpanId()));
            }),
        );
      assert.equal(await activeIn(bare), undefined, "there is no trap any more");
      const seen = await activeIn(producer);
      const [, sender] = spans.named("sender");
      assert.equal(seen, sender?.spanContext().spanId);
      spans
        .expectSpan(`send ${topic}`)
        .childOf(sender ?? "sender")
        .succeeded();
      spans.expectAllEnded();
    },
  );

  claim(
    "a send span ends with its callback, as an error where that is told one",
    async (spans, topic) => {
      const producer = await highLevel();
      const nowhere = produced(producer, topic, { value: Buffer.from("1"), partition: 99 });
      await assert.rejects(nowhere, /nknown partition/);
      await spans.ended();
      spans.expectSpan(`send ${topic}`).failed();

      spans.clear();
      let told = false;
      const arrived = new Promise<void>((resolve) => {
        producer.produce(topic, 0, Buffer.from("2"), null, null, [{ tenant: "a" }], () => {
          told = true;
          resolve();
        });
      });
      assert.equal(told, false);
      assert.equal(
        spans.expectSpan(`send ${topic}`).span.ended,
        false,
        "it ended before its callback",
      );
      await arrived;
      await spans.ended();
      spans.expectSpan(`send ${topic}`).succeeded();
    },
  );

  claim(
    "each method that answers calls back in the context it was asked in",
    async (spans, topic) => {
      const producer = await highLevel();
      const reading = await consumer(topic);
      await produced(producer, topic, { value: Buffer.from("1"), partition: 0 });
      const at = { topic, partition: 0, offset: 0 };
      reading.assign([at]);
      const waitMs = 5_000;
      type Answer = () => void;
      const asked: Record<string, (answer: Answer) => unknown> = {
        getMetadata: (answer) => producer.getMetadata({ topic, timeout: waitMs }, answer),
        flush: (answer) => producer.flush(waitMs, answer),
        queryWatermarkOffsets: (answer) => reading.queryWatermarkOffsets(topic, 0, waitMs, answer),
        offsetsForTimes: (answer) => reading.offsetsForTimes([at], waitMs, answer),
        committed: (answer) => reading.committed([at], waitMs, answer),
        seek: (answer) => reading.seek(at, waitMs, answer),
      };
      for (const [method, ask] of Object.entries(asked)) {
        const seen = await inSpan(
          method,
          () => new Promise<string | undefined>((resolve) => ask(() => resolve(activeSpanId()))),
        );
        const [asker] = spans.named(method);
        assert.equal(seen, asker?.spanContext().spanId, method);
        assert.notEqual(seen, undefined, method);
      }
    },
  );

  claim(
    "headers that the client refuses are refused in its words, though others would follow them",
    async (_spans, topic) => {
      const settings = { "bootstrap.servers": brokers };
      const outcomes: unknown[][] = [];
      for (const made of [new client.Producer(settings), traced(new client.Producer(settings))]) {
        const producer = await connected(closing(made));
        const given: unknown[] = [
          [{ a: 42 }],
          [{ a: true }],
          [{ a: undefined }],
          [{ a: {} }],
          [{ a: 42 }, { b: "1" }],
          [{ b: "1" }, { a: 42 }],
          [[]],
          [{}],
          "text",
          { a: "1" },
          [],
        ];
        outcomes.push(
          given.map((headers) => {
            try {
              const value = Buffer.from("1");
              return producer.produce(topic, 0, value, null, null, undefined, headers as never);
            } catch (error) {
              return (error as Error).message;
            }
          }),
        );
      }
      assert.deepEqual(outcomes[1], outcomes[0]);
    },
  );

  claim(
    "a send that is not reported on before its producer disconnects ends with the connection",
    async (spans) => {
      const producer = await highLevel();
      // Nobody has asked for its metadata yet: it can't be on its way after a millisecond.
      const fresh = `native-${randomUUID()}`;
      let told = false;
      producer.produce(fresh, null, Buffer.from("1"), null, null, () => (told = true));
      assert.equal(spans.expectSpan(`send ${fresh}`).span.ended, false);
      await new Promise<void>((resolve) => producer.disconnect(1, () => resolve()));
      spans.expectAllEnded();
      const send = spans.expectSpan(`send ${fresh}`);
      if (told) send.succeeded();
      else send.failed();
    },
  );

  claim(
    "produce() gives back what the bare one gives, an opaque reaches its report, headers are not written to",
    async (spans, topic) => {
      const settings = { "bootstrap.servers": brokers, dr_cb: true };
      const [bare, producer] = [
        await connected(closing(new client.Producer(settings))),
        await connected(closing(traced(new client.Producer(settings)))),
      ];
      const opaque = { order: 42 };
      const headers: MessageHeader[] = [{ tenant: "a", ignored: "b" }];
      const send = async (of: typeof bare): Promise<unknown[]> => {
        const reported = nextEvent(of, "delivery-report");
        of.setPollInterval(20);
        const result: unknown = of.produce(
          topic,
          1,
          Buffer.from("1"),
          "key",
          1000,
          opaque,
          headers,
        );
        const [error, report] = (await reported) as [
          unknown,
          { opaque: unknown; partition: number },
        ];
        assert.equal(report.opaque, opaque);
        return [result, error, report.partition];
      };
      const first = await send(bare);
      assert.deepEqual(await inSpan("sender", () => send(producer)), first);
      assert.deepEqual(headers, [{ tenant: "a", ignored: "b" }]);
      await spans.ended();
      spans.expectSpan(`send ${topic}`).childOf("sender").with({
        "messaging.destination.partition.id": "1",
        "messaging.kafka.message.key": "key",
      });

      const reading = await consumer(topic);
      const messages = await read(reading, 2);
      const names = messages.map(({ headers }) => headers?.map((header) => Object.keys(header)));
      assert.deepEqual(names[0], [["tenant"]], "the client reads more than the first property");
      assert.deepEqual(names[1], [["tenant"], ["traceparent"]]);
    },
  );

  claim(
    "a listener for data is added, listed, called once and removed as the application's own",
    async (spans, topic, registered) => {
      const reading = await consumer(topic);
      const seen: string[] = [];
      const removed = (): void => void seen.push("removed");
      const kept = function (this: unknown, { value }: Message): void {
        assert.equal(this, reading, "a listener's receiver is not the client that it was added to");
        seen.push(`kept ${value?.toString()}`);
      };
      const single = ({ value }: Message): void => void seen.push(`once ${value?.toString()}`);
      const never = (): void => void seen.push("never");
      reading.on("data", removed).on("data", kept).once("data", single).once("data", never);
      assert.deepEqual(reading.listeners("data"), [removed, kept, single, never]);
      reading.off("data", removed).removeListener("data", never);
      assert.deepEqual(reading.listeners("data"), [kept, single]);

      const producer = await highLevel();
      for (const text of ["1", "2"])
        await produced(producer, topic, { value: Buffer.from(text), partition: 0 });
      const all = new Promise<void>((resolve) => {
        reading.on("data", ({ value }) => value?.toString() === "2" && resolve());
      });
      reading.consume();
      await all;
      assert.deepEqual(seen, ["kept 1", "once 1", "kept 2"]);
      assert.equal(reading.listenerCount("data"), 2);
      // Each listener handles the message by itself, and the message is consumed once.
      await spans.ended();
      spans.expectSpans(`process ${topic}`, 5);
      const metrics = await registered.metrics();
      const counted = (metrics.get("messaging.client.consumed.messages")?.points ?? []).filter(
        ({ attributes }) => attributes["messaging.destination.name"] === topic,
      );
      assert.deepEqual(
        counted.map(({ value }) => value),
        [2],
      );
    },
  );

  claim(
    "a listener that is put before the others comes first, in its message's scope, and one for once comes once",
    async (spans, topic) => {
      const settings = { "bootstrap.servers": brokers, "group.id": topic };
      const reading = traced(new client.KafkaConsumer(settings, {}));
      const seen: string[] = [];
      const noting = (name: string) => (): void => {
        seen.push(name);
        mark(name);
      };
      reading.addListener("data", noting("added"));
      reading.prependListener("data", noting("before"));
      reading.prependOnceListener("data", noting("before, once"));
      for (const offset of [1, 2]) {
        reading.emit("data", { topic, partition: 0, offset, value: null, size: 0 });
      }
      assert.deepEqual(seen, ["before, once", "before", "added", "before", "added"]);
      const processes = spans.named(`process ${topic}`).map((span) => span.spanContext().spanId);
      const above = seen.flatMap((name) => spans.named(name).slice(0, 1));
      assert.equal(processes.length, seen.length);
      for (const { parentSpanContext } of above) {
        assert.ok(processes.includes(parentSpanContext?.spanId ?? ""), "outside of its scope");
      }
    },
  );

  claim(
    "the callback of an endless consume() runs in its message's trace, one for errors alone has no span",
    async (spans, topic) => {
      const producer = await highLevel();
      await inSpan("sender", () => produced(producer, topic, { value: Buffer.from("1") }));
      const reading = await consumer(topic);
      const handled = new Promise<void>((resolve) => {
        reading.consume(((error: unknown, message: Message | undefined) => {
          if (error || message === undefined) return;
          mark("handled");
          resolve();
        }) as never);
      });
      await handled;
      await spans.ended();
      spans.expectSpan("handled").childOf(`process ${topic}`).inTraceOf("sender");

      spans.clear();
      const other = await newTopic();
      await produced(producer, other, { value: Buffer.from("1") });
      await spans.ended();
      spans.clear();
      const errors = await consumer(other);
      const arrived = nextEvent(errors, "data");
      const onlyErrors = (_error: unknown): void => {};
      errors.consume(onlyErrors as never);
      await arrived;
      await turn();
      // The listener of nextEvent(), and no second one for the callback.
      spans.expectSpans(`process ${other}`, 1);
    },
  );

  claim(
    "what consume(n) gives at once is one batch over its partitions, each message in its own trace",
    async (spans, topic) => {
      const producer = await highLevel();
      for (const partition of [0, 1, 2]) {
        await inSpan(`sender ${partition}`, () =>
          produced(producer, topic, { value: Buffer.from(String(partition)), partition }),
        );
      }
      const sent = spans.named(`send ${topic}`);
      const reading = await consumer(topic);
      let batches = 0;
      let left = 3;
      while (left > 0) {
        left -= await new Promise<number>((resolve, reject) => {
          const handler = async (error: unknown, messages: Message[]): Promise<void> => {
            if (error) reject(asError(error));
            if (error || messages.length === 0) return resolve(0);
            batches += 1;
            for (const message of messages) {
              await functions.processMessage(message, async () => {
                await turn();
                mark(`handled ${message.value?.toString()}`);
              });
            }
            return resolve(messages.length);
          };
          reading.consume(10, handler as never);
        });
      }
      await spans.ended();
      for (const text of ["0", "1", "2"])
        spans.expectSpan(`handled ${text}`).inTraceOf(`sender ${text}`);
      const around = spans.named((span) => "messaging.batch.message_count" in span.attributes);
      assert.equal(around.length, batches);
      const linked = around.flatMap(({ links }) => links.map(({ context: { spanId } }) => spanId));
      assert.deepEqual(linked.toSorted(), sent.map((span) => span.spanContext().spanId).toSorted());
    },
  );

  claim(
    "a message that is read and sent on in a transaction keeps its trace through its callbacks, and its offset",
    async (spans, topic) => {
      const next = await newTopic();
      const producer = await connected(
        closing(
          traced(
            new client.Producer({
              "bootstrap.servers": brokers,
              "transactional.id": `traps-${randomUUID()}`,
            }),
          ),
        ),
      );
      await answered((callback) => producer.initTransactions(callback));
      const first = await highLevel();
      await inSpan("sender", () =>
        produced(first, topic, { value: Buffer.from("1"), partition: 0 }),
      );
      const reading = await consumer(topic);
      const done = new Promise<void>((resolve, reject) => {
        reading.on("data", (message) => {
          // By callbacks alone, as the classic interface is written.
          producer.beginTransaction((begun) => {
            if (begun) return reject(asError(begun));
            mark("begun");
            producer.produce(next, 0, message.value, message.key, null, undefined, message.headers);
            const { topic: of, partition, offset } = message;
            const offsets = [{ topic: of, partition, offset: offset + 1 }];
            producer.sendOffsetsToTransaction(offsets, reading, (sent) => {
              if (sent) return reject(asError(sent));
              return producer.commitTransaction((committed) => {
                if (committed) return reject(asError(committed));
                mark("committed");
                return resolve();
              });
            });
            return undefined;
          });
        });
      });
      reading.consume();
      await done;
      await spans.ended();
      for (const at of ["begun", "committed"]) spans.expectSpan(at).inTraceOf("sender");
      spans.expectSpan(`send ${next}`).childOf(`process ${topic}`);
      const [message] = await read(await consumer(next), 1);
      assert.equal(message?.headers?.filter((header) => "traceparent" in header).length, 1);
      await disconnected(reading);
      assert.deepEqual(await committedOf(topic), { 0: "1" });
    },
  );

  claim(
    "explicit commits are spans of their own in the message's trace, and give the traced client back",
    async (spans, topic) => {
      const producer = await highLevel();
      await inSpan("sender", () =>
        produced(producer, topic, { value: Buffer.from("1"), partition: 0 }),
      );
      const reading = await consumer(topic);
      const committed = new Promise<void>((resolve) => {
        reading.on("data", (message) => {
          assert.equal(reading.commitMessageSync(message), reading);
          assert.equal(reading.commitMessage(message), reading);
          assert.equal(reading.commitSync({ ...message, offset: message.offset + 1 }), reading);
          assert.equal(reading.commit({ ...message, offset: message.offset + 1 }), reading);
          resolve();
        });
      });
      reading.consume();
      await committed;
      await spans.ended();
      spans.expectSpans(`commit ${topic}`, 4).childOf(`process ${topic}`).succeeded();
      for (const { attributes } of spans.named(`commit ${topic}`)) {
        assert.equal(attributes["messaging.consumer.group.name"], `group-of-${topic}`);
      }
      assert.throws(() => reading.commitSync({ topic, partition: 77, offset: 1 }));
      spans.expectSpans(`commit ${topic}`, 5);
      await disconnected(reading);
      assert.deepEqual(await committedOf(topic), { 0: "1" });
    },
  );

  // node-rdkafka has none.
  if ("commitCb" in client.KafkaConsumer.prototype) {
    type Answer = (error: unknown) => void;
    const commitCb = (of: object, offsets: unknown, answer: Answer): unknown =>
      (of as { commitCb(given: unknown, callback: Answer): unknown }).commitCb(offsets, answer);

    claim(
      "commitCb ends its span with its callback, which runs in the caller's context, and throws what the native side throws",
      async (spans, topic) => {
        const producer = await highLevel();
        await produced(producer, topic, { value: Buffer.from("1"), partition: 0 });
        const reading = await consumer(topic);
        await read(reading, 1);
        await spans.ended();
        spans.clear();
        const answers = await inSpan(
          "caller",
          () =>
            new Promise<unknown[]>((resolve) => {
              const answer: Answer = (error) => resolve([error, activeSpanId()]);
              assert.equal(
                commitCb(reading, [{ topic, partition: 0, offset: 1 }], answer),
                reading,
              );
              assert.equal(spans.expectSpan(`commit ${topic}`).span.ended, false, "too early");
            }),
        );
        const [caller] = spans.named("caller");
        assert.deepEqual(answers, [null, caller?.spanContext().spanId]);
        await spans.ended();
        spans.expectSpan(`commit ${topic}`).childOf("caller").succeeded();
        await disconnected(reading);
        assert.deepEqual(await committedOf(topic), { 0: "1" });

        spans.clear();
        const again = await consumer(topic);
        const bare = await connected(
          closing(
            new client.KafkaConsumer({ "bootstrap.servers": brokers, "group.id": "bare" }, {}),
          ),
        );
        const refusal = (of: object): string => {
          try {
            return `took it: ${String(commitCb(of, 42, () => {}))}`;
          } catch (thrown) {
            return String(thrown);
          }
        };
        const refused = await inSpan("caller", async () => refusal(again));
        assert.equal(refused, refusal(bare));
        assert.doesNotMatch(refused, /took it/);
        spans.expectAllEnded();
        spans.expectSpan("commit").childOf("caller").failed();
      },
    );

    claim("a commitCb that is told an error is one", async (spans, topic) => {
      const own = new client.KafkaConsumer({ "bootstrap.servers": brokers, "group.id": topic }, {});
      const declined = new Error("declined");
      // What the broker declines of an offset, librdkafka does not tell.
      Object.assign(own, { commitCb: (_offsets: unknown, answer: Answer) => answer(declined) });
      const told: unknown[] = [];
      await inSpan("caller", async () => {
        commitCb(traced(own), [{ topic, partition: 0, offset: 1 }], (error) => told.push(error));
      });
      assert.deepEqual(told, [declined]);
      spans.expectSpan(`commit ${topic}`).failed();
    });
  }

  claim(
    "a produce() of the application's own that throws ends its send there, with that error",
    async (spans, topic) => {
      const own = new client.HighLevelProducer({ "bootstrap.servers": brokers });
      const refused = new RangeError("orders are closed");
      // The client itself throws nothing: it tells its callback.
      Object.assign(own, {
        produce() {
          throw refused;
        },
      });
      const producer = traced(own);
      assert.throws(
        () => producer.produce(topic, 0, Buffer.from("1"), null, null, () => {}),
        (thrown) => thrown === refused,
      );
      spans.expectAllEnded();
      spans.expectSpan(`send ${topic}`).failed();
    },
  );

  claim(
    "a dead letter is known by its headers, which are all that produce() is given of it",
    async (spans, topic) => {
      const letters = await newTopic();
      const producer = await highLevel();
      await inSpan("sender", () =>
        produced(producer, topic, { value: Buffer.from("1"), key: "k" }),
      );
      const reading = await consumer(topic);
      const parked = new Promise<void>((resolve, reject) => {
        const charge = (): never => {
          throw new Error("declined");
        };
        const park = ({ key, value, headers }: Message): Promise<unknown> =>
          context.with(trace.deleteSpan(context.active()), () =>
            inSpan("elsewhere", () =>
              produced(producer, letters, { key: key ?? null, value, headers: headers ?? [] }),
            ),
          );
        const resilient = functions.withRetries(charge, { attempts: 2, deadLetter: park });
        reading.on("data", (message) => {
          Promise.resolve(resilient(message)).then(() => resolve(), reject);
        });
      });
      reading.consume();
      await parked;
      await spans.ended();
      const attempts = spans.named(
        (span) => span.name === `process ${topic}` && span.status.code === SpanStatusCode.ERROR,
      );
      assert.equal(attempts.length, 2);
      const [last] = attempts.slice(-1);
      spans
        .expectSpan(`send ${letters}`)
        .childOf(last ?? "sender")
        .linkedTo("elsewhere");
      const [letter] = await read(await consumer(letters), 1);
      const origin = functions.deadLetterOf(letter ?? {});
      assert.equal(origin?.destination, topic);
      assert.equal(origin?.attempts, 2);
      assert.equal(letter?.key?.toString(), "k");
    },
  );

  claim(
    "a message that no traced client delivered names its own topic and partition",
    async (spans, topic) => {
      const producer = await highLevel();
      await inSpan("sender", () =>
        produced(producer, topic, { value: Buffer.from("1"), partition: 2 }),
      );
      const stream = client.KafkaConsumer.createReadStream(
        { "bootstrap.servers": brokers, "group.id": `stream-${topic}` },
        { "auto.offset.reset": "earliest" },
        { topics: [topic] },
      );
      const message = await new Promise<Message>((resolve) => stream.once("data", resolve));
      functions.processMessage(message, () => mark("handled"));
      stream.close();
      await spans.ended();
      spans.expectSpan("handled").inTraceOf("sender");
      spans.expectSpan(`process ${topic}`).with({
        "messaging.destination.name": topic,
        "messaging.destination.partition.id": "2",
      });
    },
  );

  claim(
    "what a write stream sends, which makes a producer of its own, carries the context that its headers are given",
    async (spans, topic) => {
      const { injectContext } = functions as unknown as {
        injectContext(headers: MessageHeader[]): MessageHeader[];
      };
      const settings = { "bootstrap.servers": brokers };
      const stream = client.Producer.createWriteStream(settings, {}, { objectMode: true });
      await inSpan("sender", async () => {
        const headers = injectContext([{ tenant: "a" }]);
        stream.write({ topic, partition: 0, value: Buffer.from("1"), headers });
      });
      const reading = await consumer(topic);
      const handled = new Promise<void>((resolve) => {
        reading.on("data", () => {
          mark("handled");
          resolve();
        });
      });
      reading.consume();
      await handled;
      await new Promise<void>((resolve) => stream.close(() => resolve()));
      await spans.ended();
      spans.expectSpan("handled").childOf(`process ${topic}`).inTraceOf("sender");
    },
  );

  for (const what of ["null header", "listener that throws"]) {
    claim(`a ${what} ends the process traced as it ends it bare`, async (_spans, topic) => {
      const producer = await highLevel();
      await produced(producer, topic, { value: Buffer.from("1") });
      const end = (how: string): unknown[] => {
        const args = ["--conditions=source", file, what, how, topic];
        const child = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 40_000 });
        const said = /declined|FATAL ERROR: [^\n]*/.exec(child.stderr)?.[0];
        return [child.status, child.signal, said];
      };
      const bare = end("bare");
      assert.notEqual(bare[0], 0, "the process goes on");
      assert.deepEqual(end("traced"), bare);
    });
  }
}

/** Reads that many messages by consume(n). */
async function read(from: KafkaConsumer, count: number): Promise<Message[]> {
  const messages: Message[] = [];
  while (messages.length < count) {
    messages.push(
      ...(await answered<Message[]>((callback) => from.consume(10, callback as never))),
    );
  }
  return messages;
}

async function newTopic(): Promise<string> {
  const topic = `native-${randomUUID()}`;
  await createTopic(bareKafka(), topic, 3);
  return topic;
}

async function committedOf(topic: string): Promise<Record<number, string>> {
  const admin = bareKafka().admin();
  await admin.connect();
  const group = { groupId: `group-of-${topic}`, topics: [topic] };
  const [offsets] = await admin.fetchOffsets(group);
  await admin.disconnect();
  const held = offsets?.partitions.filter(({ offset }) => offset !== "-1") ?? [];
  return Object.fromEntries(held.map(({ partition, offset }) => [partition, offset]));
}

/** The types of the clients do not know their errors for Errors. */
function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function bareKafka(): Kafka {
  return new Kafka({ brokers: brokers.split(","), logLevel: logLevel.NOTHING });
}

function activeSpanId(): string | undefined {
  return trace.getActiveSpan()?.spanContext().spanId;
}

function mark(name: string): void {
  trace.getTracer("application").startSpan(name).end();
}

function inSpan<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  return trace.getTracer("application").startActiveSpan(name, async (span) => {
    try {
      return await work();
    } finally {
      span.end();
    }
  });
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
