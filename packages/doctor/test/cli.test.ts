import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

interface Ran {
  code: number | null;
  out: string;
  err: string;
}

async function run(...args: string[]): Promise<Ran> {
  const child = spawn(process.execPath, [MAIN, ...args]);
  let [out, err] = ["", ""];
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, out, err };
}

test("help teaches: the commands, what to set, and what the words mean", async () => {
  const { code, out } = await run("--help");
  assert.equal(code, 0);
  assert.match(out, /watch +receive spans/);
  for (const args of [
    ["watch", "--help"],
    ["help", "watch"],
  ]) {
    const help = await run(...args);
    assert.equal(help.code, 0);
    assert.match(help.out, /OTEL_EXPORTER_OTLP_ENDPOINT=http:\/\/127\.0\.0\.1:4318/);
    for (const word of ["connected", "linked", "broken", "waiting"]) {
      assert.match(help.out, new RegExp(`^ {2}${word} +\\w`, "m"));
    }
  }
  assert.deepEqual(await run(), await run("help"));
});

test("what it does not understand is named, with the help, and exit code 2", async () => {
  for (const [args, named] of [
    [["wach"], /no command wach/],
    [["watch", "--prot", "1"], /'--prot'/],
    [["watch", "--port", "http"], /--port takes a number from 0 to 65535, not http/],
    [["watch", "--port", "70000"], /not 70000/],
    [["watch", "--spans", "0"], /--spans takes a number from 1/],
  ] as const) {
    const { code, out, err } = await run(...args);
    assert.equal(code, 2, args.join(" "));
    assert.equal(out, "");
    assert.match(err, named);
    assert.match(err, /usage: throughline/);
  }
});

test("a port that is taken is one line that says what to do, and exit code 1", async () => {
  const first = spawn(process.execPath, [MAIN, "watch", "--port", "0"]);
  let port = "";
  for await (const line of createInterface({ input: first.stdout })) {
    port = /127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? "";
    if (port !== "") break;
  }
  const { code, err } = await run("watch", "--port", port);
  first.kill();
  await once(first, "close");
  assert.equal(code, 1);
  assert.match(
    err,
    /^throughline: The OTLP receiver can't listen on [^\n]*Choose another port[^\n]*\n$/,
  );
});

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  test(`${signal} ends it with the share of whole messages`, async () => {
    const child = spawn(process.execPath, [MAIN, "watch", "--port", "0"]);
    const lines: string[] = [];
    const reader = createInterface({ input: child.stdout });
    reader.on("line", (line) => lines.push(line));
    await once(reader, "line");
    child.kill(signal);
    const [code] = (await once(child, "close")) as [number | null];
    assert.equal(code, 0);
    assert.equal(lines.at(-1), "whole 0 of 0 messages");
  });
}

test("it ends when nobody reads its output any more", async () => {
  const child = spawn(process.execPath, [MAIN, "watch", "--port", "0"]);
  const reader = createInterface({ input: child.stdout });
  let endpoint = "";
  for await (const line of reader) {
    endpoint = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0] ?? "";
    if (endpoint !== "") break;
  }
  child.stdout.destroy();
  const spans = [
    { traceId: "1".repeat(32), spanId: "1".repeat(16), kind: 5, attributes: [system()] },
  ];
  const body = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
  const headers = { "content-type": "application/json" };
  await fetch(`${endpoint}/v1/traces`, { method: "POST", headers, body });
  const [code] = (await once(child, "close")) as [number | null];
  assert.equal(code, 0);
});

function system(): object {
  return { key: "messaging.system", value: { stringValue: "kafka" } };
}
