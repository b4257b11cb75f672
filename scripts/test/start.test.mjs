import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isAlive } from "../node-24/run.mjs";

const START = join(import.meta.dirname, "../start.mjs");
const GONE_MS = 15_000;

/** npm start without npm, on the embedded Kafka: its lines as they come, and what it has started. */
function start(args = [], env = {}) {
  const child = spawn(process.execPath, [START, ...args], {
    env: { ...process.env, KAFKA_BROKERS: "", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      child.emit("line", line);
    });
  }
  const ended = once(child, "close").then(([code]) => code);
  return {
    child,
    lines,
    ended,
    /** Settles with the first line that matches; rejects where it ends without one. */
    async line(pattern) {
      for (;;) {
        const found = lines.find((line) => pattern.test(line));
        if (found !== undefined) return found;
        const more = await Promise.race([once(child, "line"), ended]);
        if (!Array.isArray(more)) throw new Error(`no ${pattern} in:\n${lines.join("\n")}`);
      }
    },
  };
}

/** The processes below one, as { pid, command }. */
function below(parent) {
  const listed = execFileSync("ps", ["-A", "-o", "pid=,ppid=,args="], { encoding: "utf8" });
  const all = listed
    .trim()
    .split("\n")
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .map(([, pid, ppid, command]) => ({ pid: Number(pid), ppid: Number(ppid), command }));
  const found = [];
  for (let parents = [parent]; parents.length > 0;) {
    const children = all.filter(({ ppid }) => parents.includes(ppid));
    found.push(...children.filter(({ command }) => !command.startsWith("ps ")));
    parents = children.map(({ pid }) => pid);
  }
  return found;
}

test("orders flow, each trace is whole, and it ends by itself", async () => {
  const { lines, ended, line, child } = start(["--for", "3", "--orders-per-second", "5"]);
  await line(/^whole [1-9]/);
  const running = below(child.pid);
  const names = ["checkout", "payments", "shipping", "dead-letters", "customers"];
  for (const name of names) {
    assert.ok(
      running.some(({ command }) => command.includes(`/${name}.ts`)),
      name,
    );
  }
  assert.equal(await ended, 0);
  const [, whole, known] = /^whole (\d+) of (\d+) messages$/.exec(lines.at(-1)) ?? [];
  assert.equal(whole, known, lines.at(-1));
  assert.ok(Number(whole) > 0, lines.at(-1));
  assert.ok(
    lines.some((each) => /^trace .* whole .*checkout > .*(payments|shipping)/.test(each)),
    lines.join("\n"),
  );
  assert.deepEqual(
    running.filter(({ pid }) => isAlive(pid)),
    [],
  );
});

test("with context not extracted, every message is broken", async () => {
  const { lines, ended } = start(["--without", "--for", "3", "--orders-per-second", "5"]);
  assert.equal(await ended, 0);
  const [, known, broken] = /^whole 0 of (\d+) messages, (\d+) broken$/.exec(lines.at(-1)) ?? [];
  assert.equal(known, broken, lines.at(-1));
  assert.ok(Number(known) > 0, lines.at(-1));
});

test("a service that crashes is named with how it ended, and Ctrl-C ends all the others", async () => {
  const { child, ended, line, lines } = start();
  await line(/^throughline: placing 2 orders a second/);
  const running = below(child.pid);
  const payments = running.find(({ command }) => command.includes("/payments.ts"));
  process.kill(payments.pid, "SIGKILL");
  await line(/^payments ended with SIGKILL, and is not started again\./);
  child.kill("SIGINT");
  assert.equal(await ended, 1, lines.join("\n"));
  assert.deepEqual(
    running.filter(({ pid }) => isAlive(pid)),
    [],
  );
});

test("where it is killed itself, nothing that it has started stays", async () => {
  const { child, ended, line } = start();
  await line(/^throughline: placing 2 orders a second/);
  const running = below(child.pid);
  assert.ok(running.length >= 6, JSON.stringify(running));
  child.kill("SIGKILL");
  await ended;
  // Nothing tells of the end of a process that is no child: it is looked for.
  const deadline = Date.now() + GONE_MS;
  while (running.some(({ pid }) => isAlive(pid)) && Date.now() < deadline) await delay(50);
  assert.deepEqual(
    running.filter(({ pid }) => isAlive(pid)),
    [],
  );
});

test("a signal while it starts ends it with all it has started", async () => {
  const { child, ended, line } = start();
  await line(/^throughline: starting checkout/);
  await delay(100);
  const running = below(child.pid);
  child.kill("SIGTERM");
  assert.equal(await ended, 0);
  assert.deepEqual(
    running.filter(({ pid }) => isAlive(pid)),
    [],
  );
});

test("a Kafka that can't be reached is named, with what to look at", async () => {
  const { ended, lines } = start([], { KAFKA_BROKERS: "127.0.0.1:1" });
  assert.equal(await ended, 1);
  assert.match(lines.at(-1), /127\.0\.0\.1:1.*ECONNREFUSED.*Is KAFKA_BROKERS right\?/);
});

test("what is no address of a Kafka is named at once, with what one looks like", async () => {
  const { ended, lines } = start([], { KAFKA_BROKERS: "127.0.0.1:9092,nonsense" });
  assert.equal(await ended, 1);
  assert.match(lines.at(-1), /KAFKA_BROKERS takes host:port, several by commas, not nonsense/);
});

test("help tells of every option, and what is no option is named", async () => {
  const helped = start(["--help"]);
  assert.equal(await helped.ended, 0);
  const text = helped.lines.join("\n");
  for (const option of ["--without", "KAFKA_BROKERS", "--orders-per-second", "--for", "--port"]) {
    assert.ok(text.includes(option), option);
  }
  for (const args of [
    ["--witout"],
    ["--for", "soon"],
    ["--orders-per-second", "0"],
    ["--port", ""],
  ]) {
    const refused = start(args);
    assert.equal(await refused.ended, 2, args.join(" "));
    assert.ok(refused.lines[0].includes(args[0]), refused.lines[0]);
  }
});
