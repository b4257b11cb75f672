import type { Classic } from "./classic-clients.ts";
import { connected } from "./classic-clients.ts";

// What ends a process that uses the classic interface, bare or traced: run as a process of its own.

/** Does what `process.argv` says: what, "bare" or "traced", a topic with a message in it. */
export async function endOf(
  client: Classic,
  traced: <Any extends object>(client: Any) => Any,
): Promise<void> {
  const [what, how, topic = ""] = process.argv.slice(2);
  const wrap = how === "traced" ? traced : <Any>(any: Any): Any => any;
  const settings = { "bootstrap.servers": process.env["KAFKA_BROKERS"] ?? "" };
  if (what === "null header") {
    const producer = await connected(wrap(new client.Producer(settings)));
    producer.produce(topic, 0, Buffer.from("1"), null, null, undefined, [null as never]);
    process.exit(0);
  }
  const group = { "group.id": `ends-${process.pid}` };
  const offset = { "auto.offset.reset": "earliest" } as const;
  const consumer = await connected(
    wrap(new client.KafkaConsumer({ ...settings, ...group }, offset)),
  );
  consumer.subscribe([topic]);
  consumer.on("data", () => {
    setTimeout(() => process.exit(0), 2000);
    throw new Error("declined");
  });
  consumer.consume();
}
