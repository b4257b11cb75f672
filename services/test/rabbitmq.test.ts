import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { connect } from "amqplib";
import { DIES_WITH_PARENT } from "../dies-with-parent.ts";
import { rabbitmqAvailable, startRabbitmq } from "../rabbitmq/start.ts";
import type { RealRabbitmq } from "../rabbitmq/start.ts";
import { connection, refused, refuses } from "./connection.ts";
import { parentOf } from "./killed-parent.ts";

const absence = await rabbitmqAvailable();
const skip = absence && `no RabbitMQ: ${absence.why}. ${absence.wayOut}`;
const timeout = 120_000;
const progress = (): void => {};
const hostOf = ({ url }: { url: string }): string => new URL(url).host;

// The server's data goes below TMPDIR: an empty folder afterwards means that all of it was removed.
const temporary = await mkdtemp(join(tmpdir(), "services-test-"));
before(() => void (process.env["TMPDIR"] = temporary));
after(() => rm(temporary, { recursive: true, force: true }));

async function declare(url: string, queues: readonly string[]): Promise<void> {
  const client = await connect(url);
  const channel = await client.createChannel();
  for (const queue of queues) await channel.assertQueue(queue);
  await client.close();
}

/** A durable message, sent and confirmed. */
async function send(url: string, queue: string): Promise<void> {
  const client = await connect(url);
  const channel = await client.createConfirmChannel();
  await channel.assertQueue(queue);
  channel.sendToQueue(queue, Buffer.from("one"), { persistent: true, headers: { tenant: "a" } });
  await channel.waitForConfirms();
  await client.close();
}

async function receive(url: string, queue: string): Promise<unknown> {
  const client = await connect(url);
  try {
    const channel = await client.createChannel();
    channel.on("error", () => {});
    const message = await channel.get(queue, { noAck: true });
    return message && [message.content.toString(), message.properties.headers];
  } finally {
    await client.close();
  }
}

describe("a running RabbitMQ", { skip, timeout: 2 * timeout }, () => {
  let rabbitmq: RealRabbitmq;
  before(async () => {
    rabbitmq = await startRabbitmq({ progress });
    // A confirmed message survives a crash; a queue that was declared just before may not, for the
    // server writes that down within seconds. These have been through a restart by then.
    await declare(rabbitmq.url, ["before-SIGTERM", "before-SIGKILL"]);
  });
  after(() => rabbitmq?.stop());

  test("keeps its cookie to this user", { timeout }, async () => {
    const [folder = ""] = await readdir(temporary);
    const { mode } = await stat(join(temporary, folder, ".erlang.cookie"));
    assert.equal(mode & 0o077, 0);
  });

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    test(
      `keeps its port and its durable messages over a restart by ${signal}`,
      { timeout },
      async () => {
        const { url, serverPid } = rabbitmq;
        await send(url, `before-${signal}`);
        const { closed } = await connection(hostOf(rabbitmq));
        await rabbitmq.restart({ signal });
        await closed;
        assert.equal(rabbitmq.url, url);
        assert.notEqual(rabbitmq.serverPid, serverPid);
        assert.deepEqual(await receive(url, `before-${signal}`), ["one", { tenant: "a" }]);
      },
    );
  }

  test(
    "another beside it shares nothing with it, and leaves no process, no port and no data when it is stopped",
    { timeout },
    async () => {
      const other = await startRabbitmq({ progress });
      await send(rabbitmq.url, "orders");
      await assert.rejects(receive(other.url, "orders"), /NOT-FOUND/);
      const { closed } = await connection(hostOf(other));
      assert.equal((await readdir(temporary)).length, 2);
      await other.stop();
      await other.stop();
      await closed;
      assert.equal(other.process.exitCode, 0);
      assert.throws(() => process.kill(other.serverPid, 0), { code: "ESRCH" });
      assert.equal(await refuses(hostOf(other)), true);
      assert.equal((await readdir(temporary)).length, 1);
      assert.deepEqual(await receive(rabbitmq.url, "orders"), ["one", { tenant: "a" }]);
    },
  );
});

test("a killed parent leaves no guard, no server and no data", { skip, timeout }, async () => {
  const parent = await parentOf("rabbitmq");
  const { closed } = await connection(parent.brokers);
  parent.process.kill("SIGKILL");
  await closed;
  await parent.allGone;
  await refused(parent.brokers);
  assert.deepEqual(await readdir(temporary), []);
});

const noSetpriv =
  DIES_WITH_PARENT.length === 0 && "no setpriv (Linux, util-linux 2.33 or later) here";

test("a killed guard leaves no server", { skip: skip || noSetpriv, timeout }, async () => {
  const rabbitmq = await startRabbitmq({ progress });
  const { closed } = await connection(hostOf(rabbitmq));
  rabbitmq.process.kill("SIGKILL");
  await closed;
  await refused(hostOf(rabbitmq));
  for (const folder of await readdir(temporary)) {
    await rm(join(temporary, folder), { recursive: true, force: true }); // its guard can't any more
  }
});

test(
  "a server that is not ready in time is an error with its reason, and is gone",
  { skip, timeout },
  async () => {
    await assert.rejects(startRabbitmq({ progress, timeoutMs: 300 }), (error: Error) => {
      assert.match(error.message, /^RabbitMQ did not start: it was not ready in 0\.3 s/);
      return true;
    });
    assert.deepEqual(await readdir(temporary), []);
  },
);

test("where the package is not installed, the absence says so and how to get it", async () => {
  const absent = await rabbitmqAvailable("/nonexistent/rabbitmq-server");
  assert.match(absent?.why ?? "", /no RabbitMQ here/);
  assert.match(absent?.wayOut ?? "", /apt-get install rabbitmq-server.*AMQP_URL=amqp:/);
});
