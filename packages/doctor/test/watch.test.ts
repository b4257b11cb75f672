import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { startWatch, type WatchOptions } from "../src/cli/watch.ts";
import { aSpan, bytes, pair, request, text, TRACE_ID, varint } from "./otlp-body.ts";

const ENTER = "\u001B[?1049h";
const LEAVE = "\u001B[?1049l";
const HOME = "\u001B[H";

/** A terminal, as far as the view looks at one. */
class Terminal extends PassThrough {
  readonly isTTY: boolean = true;
  columns = 80;
  rows = 24;
  private seen = "";

  constructor() {
    super();
    this.on("data", (chunk: Buffer) => (this.seen += chunk.toString()));
  }

  get written(): string {
    return this.seen;
  }

  /** The pictures that were drawn, without control characters. */
  get pictures(): string[] {
    return this.seen.split(HOME).slice(1).map(stripVTControlCharacters);
  }

  /** Settles with the first picture that matches. */
  async picture(pattern: RegExp): Promise<string> {
    for (;;) {
      const found = this.pictures.find((picture) => pattern.test(picture));
      if (found !== undefined) return found;
      await once(this, "data");
    }
  }
}

/** A message sent by checkout and handled by payments. */
const WHOLE = [
  request(
    "checkout",
    aSpan((span) => {
      text(span, 5, "send orders");
      varint(span, 6, 4);
    }),
  ),
  request("payments", (span) => {
    bytes(span, 1, TRACE_ID);
    bytes(span, 2, "1111111111111111");
    bytes(span, 4, "00f067aa0ba902b7");
    text(span, 5, "process orders");
    varint(span, 6, 5);
    pair(span, 9, "messaging.system", (value) => text(value, 1, "kafka"));
  }),
];

async function send(endpoint: string, bodies: readonly Buffer<ArrayBuffer>[]): Promise<void> {
  for (const body of bodies) {
    const headers = { "content-type": "application/x-protobuf" };
    const { status } = await fetch(`${endpoint}/v1/traces`, { method: "POST", headers, body });
    assert.equal(status, 200);
  }
}

async function withWatch(
  terminal: Terminal | PassThrough,
  env: NonNullable<WatchOptions["env"]>,
  run: (watch: Awaited<ReturnType<typeof startWatch>>) => Promise<void>,
): Promise<void> {
  const watch = await startWatch({ port: 0, output: terminal, env, title: "watching" });
  try {
    await run(watch);
  } finally {
    await watch.stop();
  }
}

test("a terminal shows on its other screen what came over the wire, and gets its own back", async () => {
  const terminal = new Terminal();
  await withWatch(terminal, { TERM: "xterm" }, async (watch) => {
    watch.show();
    assert.match(await terminal.picture(/Waiting for spans/), /OTEL_EXPORTER_OTLP_ENDPOINT=http/);
    await send(watch.endpoint, WHOLE);
    const tree = await terminal.picture(/└─ process orders/);
    assert.match(tree, /100 % {2}1 of 1/);
    assert.deepEqual(watch.messages(), { connected: 1, linked: 0, broken: 0, waiting: 0 });
  });
  const { written } = terminal;
  assert.equal(written.indexOf(ENTER), 0);
  const after = written.slice(written.indexOf(LEAVE));
  assert.match(stripVTControlCharacters(after), /watching[^]*100 % {2}1 of 1[^]*process orders/);
  assert.ok(after.includes("\u001B[32m"), "in colour");
  assert.equal(written.split(LEAVE).length, 2);
});

test("NO_COLOR leaves out colours", async () => {
  const terminal = new Terminal();
  await withWatch(terminal, { TERM: "xterm", NO_COLOR: "1" }, async (watch) => {
    watch.show();
    await send(watch.endpoint, WHOLE);
    await terminal.picture(/100 %/);
  });
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(terminal.written, /\u001B\[[\d;]*m/);
});

test("it is not drawn again while nothing changes", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const terminal = new Terminal();
  await withWatch(terminal, { TERM: "xterm" }, async (watch) => {
    watch.show();
    await send(watch.endpoint, WHOLE);
    t.mock.timers.tick(200);
    await terminal.picture(/100 %/);
    const drawn = terminal.pictures.length;
    t.mock.timers.tick(1000);
    assert.equal(terminal.pictures.length, drawn);
  });
});

test("it is drawn five times a second at most", async () => {
  const terminal = new Terminal();
  await withWatch(terminal, { TERM: "xterm" }, async (watch) => {
    watch.show();
    const began = performance.now();
    for (let at = 0; performance.now() - began < 1000; at++) {
      const id = at.toString(16).padStart(16, "1");
      await send(watch.endpoint, [
        request("checkout", (span) => {
          bytes(span, 1, TRACE_ID);
          bytes(span, 2, id);
        }),
      ]);
    }
    const elapsedMs = performance.now() - began;
    const drawn = terminal.pictures.length;
    assert.ok(drawn > 2, `${drawn} pictures`);
    assert.ok(drawn <= elapsedMs / 200 + 2, `${drawn} pictures in ${elapsedMs} ms`);
  });
});

test("a terminal of another size is drawn anew in that size", async () => {
  const terminal = new Terminal();
  await withWatch(terminal, { TERM: "xterm" }, async (watch) => {
    watch.show();
    terminal.columns = 44;
    terminal.emit("resize");
    const narrow = terminal.pictures.at(-1) ?? "";
    for (const line of narrow.split("\r\n")) assert.ok(line.length <= 44, line);
  });
});

test("a terminal that can't be drawn on, and a pipe, get lines", async () => {
  for (const output of [new Terminal(), new PassThrough()]) {
    const lines: string[] = [];
    output.on("data", (chunk: Buffer) => lines.push(...chunk.toString().split("\n")));
    const env = output instanceof Terminal ? { TERM: "dumb" } : {};
    await withWatch(output, env, async (watch) => {
      watch.show();
      await send(watch.endpoint, WHOLE);
      while (!lines.some((line) => line.startsWith("trace 4bf92f35 whole")))
        await once(output, "data");
    });
    assert.equal(
      lines.findLast((line) => line !== ""),
      "whole 1 of 1 message",
    );
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(lines.join("\n"), /\u001B/);
  }
});

test("a notice is shown, also one from before the view began", async () => {
  const terminal = new Terminal();
  await withWatch(terminal, { TERM: "xterm" }, async (watch) => {
    watch.notice("payments ended with exit code 1");
    watch.show();
    await terminal.picture(/payments ended with exit code 1/);
  });
});
