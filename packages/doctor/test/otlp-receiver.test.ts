import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { OTLPTraceExporter as JsonExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { OTLPTraceExporter as ProtobufExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { CompressionAlgorithm } from "@opentelemetry/otlp-exporter-base";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import type { Span } from "../src/engine/span.ts";
import type { OtlpLimits } from "../src/sources/otlp/limits.ts";
import { type OtlpReceiver, startOtlpReceiver } from "../src/sources/otlp/receiver.ts";
import { aSpan, bytes, request } from "./otlp-body.ts";

const JSON_TYPE = { "content-type": "application/json" };
const PROTOBUF_TYPE = { "content-type": "application/x-protobuf" };

let receiver: OtlpReceiver | undefined;
let received: Span[] = [];

async function start(limits: Partial<OtlpLimits> = {}): Promise<string> {
  received = [];
  receiver = await startOtlpReceiver({
    port: 0,
    limits,
    onSpans: (spans) => received.push(...spans),
    onFault: (error) => assert.fail(String(error)),
  });
  return `${receiver.endpoint}/v1/traces`;
}

afterEach(() => receiver?.stop());

function post(
  url: string,
  headers: Record<string, string>,
  body: string | Uint8Array<ArrayBuffer>,
): Promise<Response> {
  return fetch(url, { method: "POST", headers, body });
}

for (const [form, Exporter] of [
  ["protobuf", ProtobufExporter],
  ["JSON", JsonExporter],
] as const) {
  for (const compression of [CompressionAlgorithm.NONE, CompressionAlgorithm.GZIP]) {
    test(`what the SDK exports as ${form}, compression ${compression}, arrives as it was`, async () => {
      const url = await start();
      const provider = new BasicTracerProvider({
        resource: resourceFromAttributes({ "service.name": "payments" }),
        spanProcessors: [new BatchSpanProcessor(new Exporter({ url, compression }))],
      });
      const tracer = provider.getTracer("throughline", "1.2.3");
      const parent = tracer.startSpan("send orders", { kind: SpanKind.PRODUCER }, ROOT_CONTEXT);
      const child = tracer.startSpan(
        "process orders",
        {
          kind: SpanKind.CONSUMER,
          links: [{ context: parent.spanContext() }],
          attributes: {
            "messaging.system": "kafka",
            "messaging.kafka.offset": 42,
            list: ["a", "b"],
          },
          startTime: [1_700_000_000, 123_456_789],
        },
        trace.setSpan(ROOT_CONTEXT, parent),
      );
      child.setStatus({ code: SpanStatusCode.ERROR, message: "card declined" });
      child.end([1_700_000_000, 223_456_789]);
      parent.end();
      await provider.shutdown();

      const [first, second] = received;
      assert.equal(received.length, 2);
      const { traceId, spanId } = parent.spanContext();
      assert.deepEqual(first, {
        traceId,
        spanId: child.spanContext().spanId,
        parentSpanId: spanId,
        traceState: "",
        name: "process orders",
        kind: "consumer",
        startNs: 1_700_000_000_123_456_789n,
        endNs: 1_700_000_000_223_456_789n,
        flags: 0x101,
        attributes: new Map<string, unknown>([
          ["messaging.system", "kafka"],
          ["messaging.kafka.offset", 42],
          ["list", ["a", "b"]],
        ]),
        links: [{ traceId, spanId, attributes: new Map() }],
        status: "error",
        statusMessage: "card declined",
        resource: first?.resource,
        scope: { name: "throughline", version: "1.2.3" },
        encodedBytes: first?.encodedBytes,
        dropped: 0,
      });
      assert.equal(first?.resource.service, "payments");
      assert.equal(first.resource, second?.resource);
      assert.ok(first.encodedBytes > 100 && first.encodedBytes < 1000, `${first.encodedBytes}`);
      assert.equal(second?.parentSpanId, undefined);
    });
  }
}

test("success is an empty answer in the form of the request", async () => {
  const url = await start();
  const json = await post(url, JSON_TYPE, "{}");
  assert.equal(json.status, 200);
  assert.equal(json.headers.get("content-type"), "application/json");
  assert.equal(await json.text(), "{}");
  const protobuf = await post(url, PROTOBUF_TYPE, request("s", aSpan()));
  assert.equal(protobuf.status, 200);
  assert.equal(protobuf.headers.get("content-type"), "application/x-protobuf");
  assert.equal((await protobuf.bytes()).length, 0);
  assert.equal(received.length, 1);
});

test("spans that were left out are told of as a partial success", async () => {
  const url = await start();
  const body = request("s", aSpan(), (span) => bytes(span, 1, "01"));
  const answer = new BinaryReader(await (await post(url, PROTOBUF_TYPE, body)).bytes());
  assert.equal(answer.uint32(), (1 << 3) | 2);
  const partial = new BinaryReader(answer.bytes());
  assert.equal(partial.uint32(), 1 << 3);
  assert.equal(partial.int64(), 1n);
  assert.equal(partial.uint32(), (2 << 3) | 2);
  assert.match(partial.string(), /trace_id is not 16 bytes/);

  const spans = [{ traceId: "01", spanId: "02" }];
  const asJson = JSON.stringify({ resourceSpans: [{ scopeSpans: [{ spans }] }] });
  assert.deepEqual(await (await post(url, JSON_TYPE, asJson)).json(), {
    partialSuccess: {
      rejectedSpans: "1",
      errorMessage: "a span's trace_id is not 16 bytes, or all zero",
    },
  });
  assert.equal(received.length, 1);
});

test("a body that is not what it says is 400 with a Status in the request's form", async () => {
  const url = await start();
  const json = await post(url, JSON_TYPE, "{");
  assert.equal(json.status, 400);
  const status = (await json.json()) as { code: number; message: string };
  assert.equal(status.code, 3);
  assert.match(status.message, /^the body is no JSON: /);

  const protobuf = await post(url, PROTOBUF_TYPE, "not protobuf");
  assert.equal(protobuf.status, 400);
  const reader = new BinaryReader(await protobuf.bytes());
  assert.equal(reader.uint32(), 1 << 3);
  assert.equal(reader.int32(), 3);
  assert.equal(reader.uint32(), (2 << 3) | 2);
  assert.match(reader.string(), /no ExportTraceServiceRequest/);

  const packed = await post(url, { ...JSON_TYPE, "content-encoding": "gzip" }, "not gzip");
  assert.equal(packed.status, 400);
});

test("another method is 405, another path 404, another type or encoding 415", async () => {
  const url = await start();
  const get = await fetch(url);
  assert.equal(get.status, 405);
  assert.equal(get.headers.get("allow"), "POST");
  const statusOf = async (path: string, headers: Record<string, string>): Promise<number> =>
    (await post(new URL(path, url).href, headers, "{}")).status;
  assert.equal(await statusOf("/v1/metrics", JSON_TYPE), 404);
  assert.equal(await statusOf("/v1/logs", JSON_TYPE), 404);
  assert.equal(await statusOf("/", JSON_TYPE), 404);
  assert.equal(await statusOf("/v1/traces?x=1", JSON_TYPE), 200);
  assert.equal(await statusOf("/v1/traces", { "content-type": "text/plain" }), 415);
  assert.equal(await statusOf("/v1/traces", { ...JSON_TYPE, "content-encoding": "br" }), 415);
  const charset = { "content-type": "Application/JSON; charset=utf-8" };
  assert.equal(await statusOf("/v1/traces", charset), 200);
});

/** Settles when a socket is closed, also where it was reset. */
function closing(socket: Socket): Promise<void> {
  socket.on("error", () => {});
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

/** What comes back for these raw bytes, to the end of the connection. */
async function raw(text: string | Uint8Array): Promise<string> {
  const socket = connect(receiver?.port ?? 0, "127.0.0.1");
  socket.end(text);
  let answer = "";
  socket.on("data", (chunk: Buffer) => (answer += chunk.toString("latin1")));
  await closing(socket);
  return answer;
}

function withHost(host: string): string {
  return `POST /v1/traces HTTP/1.1\r\n${host}content-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}`;
}

test("a request for another name than this machine's own is 403: DNS rebinding", async () => {
  await start();
  for (const host of ["localhost", "LOCALHOST:4318", "127.0.0.1", "127.1.2.3:80", "[::1]:4318"]) {
    assert.match(await raw(withHost(`host: ${host}\r\n`)), /^HTTP\/1\.1 200 /, host);
  }
  for (const host of [
    "evil.example",
    "localhost.evil.example",
    "notlocalhost",
    "127.0.0.1.evil.example",
    "10.0.0.1",
  ]) {
    assert.match(await raw(withHost(`host: ${host}\r\n`)), /^HTTP\/1\.1 403 /, host);
  }
  const noHost = withHost("").replace("HTTP/1.1", "HTTP/1.0");
  assert.match(await raw(noHost), /^HTTP\/1\.1 403 /);
});

test("a body larger than the limit is 413, told by its length, by its bytes, or once unpacked", async () => {
  const url = await start({ bodyBytes: 100_000 });
  const large = new Uint8Array(100_001);
  assert.equal((await post(url, PROTOBUF_TYPE, large)).status, 413);
  const stream = new ReadableStream({
    start(controller) {
      for (let at = 0; at < 20; at++) controller.enqueue(new Uint8Array(10_000));
      controller.close();
    },
  });
  const chunked = { method: "POST", headers: PROTOBUF_TYPE, body: stream, duplex: "half" } as const;
  assert.equal((await fetch(url, chunked)).status, 413);
  const packed = { ...PROTOBUF_TYPE, "content-encoding": "gzip" };
  const answer = await post(url, packed, gzipSync(new Uint8Array(50_000_000)));
  assert.equal(answer.status, 413);
  const enough = request("s", aSpan());
  assert.equal((await post(url, packed, gzipSync(enough))).status, 200);
  assert.equal(received.length, 1);
});

test("more than there is room for at one time is 503, to be sent again, and there is room after it", async () => {
  const url = await start({ bodyBytes: 100_000, pendingBytes: 60_000 });
  const { port } = new URL(url);
  const waiting = connect(Number(port), "127.0.0.1");
  const head = `POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 50000\r\nconnection: close\r\n\r\n`;
  waiting.write(head + "{".padEnd(40_000));
  let refusal: Response;
  do {
    // Until the first one's bytes have arrived.
    refusal = await post(url, JSON_TYPE, `{}${" ".repeat(30_000)}`);
  } while (refusal.status === 200);
  assert.equal(refusal.status, 503);
  assert.equal(refusal.headers.get("retry-after"), "1");
  waiting.end("}".padStart(10_000));
  const [answer] = (await once(waiting, "data")) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 200 /);
  assert.equal((await post(url, JSON_TYPE, `{}${" ".repeat(30_000)}`)).status, 200);
});

test("a request that does not come to its end is 408", async () => {
  await start({ requestMs: 300 });
  const socket = connect(receiver?.port ?? 0, "127.0.0.1");
  socket.write(
    "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{",
  );
  const [answer] = (await once(socket, "data")) as [Buffer];
  assert.match(answer.toString(), /^HTTP\/1\.1 408 /);
  await once(socket, "close");
});

test("a sender that goes away in the middle leaves the receiver as it was", async () => {
  const url = await start({ pendingBytes: 10_000 });
  for (let at = 0; at < 20; at++) {
    const socket = connect(Number(new URL(url).port), "127.0.0.1");
    await once(socket, "connect");
    socket.write(
      "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n\r\n",
    );
    await new Promise<void>((resolve) => socket.write("{".padEnd(5000), () => resolve()));
    socket.resetAndDestroy();
    await closing(socket);
  }
  let status = 503;
  while (status === 503) status = (await post(url, JSON_TYPE, `{}${" ".repeat(9000)}`)).status;
  assert.equal(status, 200);
});

test("raw bytes that are no HTTP leave the receiver as it was", async () => {
  const url = await start();
  const noise = [
    "\0\0\0\0",
    "GET\r\n\r\n",
    "POST /v1/traces HTTP/9.9\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "CONNECT localhost:1 HTTP/1.1\r\nhost: localhost\r\n\r\n",
    "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
    "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
    "POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
    `POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
    `POST /${"x".repeat(100_000)} HTTP/1.1\r\n\r\n`,
    `POST http://[::bad/v1/traces HTTP/1.1\r\nhost: localhost\r\n\r\n`,
    "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003",
  ];
  for (const text of noise) await raw(Buffer.from(text, "latin1"));
  assert.equal((await post(url, JSON_TYPE, "{}")).status, 200);
});

test("what fails behind it is 500, told of, and the next request is taken", async () => {
  const faults: unknown[] = [];
  const failure = new Error("the engine failed");
  let fails = true;
  receiver = await startOtlpReceiver({
    port: 0,
    onFault: (error) => faults.push(error),
    onSpans: () => {
      if (fails) throw failure;
    },
  });
  const url = `${receiver.endpoint}/v1/traces`;
  assert.equal((await post(url, JSON_TYPE, "{}")).status, 500);
  assert.deepEqual(faults, [failure]);
  fails = false;
  assert.equal((await post(url, JSON_TYPE, "{}")).status, 200);
});

test("a port that is taken is an error that says so and what to do", async () => {
  await start();
  const { port } = receiver as OtlpReceiver;
  await assert.rejects(startOtlpReceiver({ port, onSpans: () => {} }), (error: Error) => {
    assert.match(
      error.message,
      new RegExp(`can't listen on 127\\.0\\.0\\.1:${port}: another program`),
    );
    assert.match(error.message, /Choose another port/);
    return true;
  });
});

test("it listens on this machine's own address alone", async () => {
  await start();
  assert.match(receiver?.endpoint ?? "", /^http:\/\/127\.0\.0\.1:\d+$/);
});

test("stop ends it: open connections too, and a second time it does nothing", async () => {
  await start();
  const { port } = receiver as OtlpReceiver;
  const idle = connect(port, "127.0.0.1");
  await once(idle, "connect");
  const half = connect(port, "127.0.0.1");
  half.write("POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{");
  const closed = Promise.all([closing(idle), closing(half)]);
  await receiver?.stop();
  await closed;
  await receiver?.stop();
  const refused = connect(port, "127.0.0.1");
  const [error] = (await once(refused, "error")) as [NodeJS.ErrnoException];
  assert.equal(error.code, "ECONNREFUSED");
});
