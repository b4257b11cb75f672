import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { DIES_WITH_PARENT } from "../dies-with-parent.ts";
import { cachedJaeger } from "../jaeger/binary.ts";
import { type Jaeger, startJaeger } from "../jaeger/start.ts";
import { connection, refused, refuses } from "./connection.ts";
import { parentOf } from "./killed-parent.ts";

// Building it takes minutes, and is not for `npm test`; `.ci/run` builds it, and runs this again.
const skip =
  (await cachedJaeger()) === undefined &&
  "Jaeger is not built yet: npm run services -- jaeger builds it";
const timeout = 60_000;
const progress = (): void => {};

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
/** One span, now, as OTLP's JSON. */
function request(): string {
  const now = `${Date.now()}000000`;
  const span = {
    traceId: TRACE_ID,
    spanId: "00f067aa0ba902b7",
    name: "send orders",
    kind: 4,
    startTimeUnixNano: now,
    endTimeUnixNano: now,
  };
  const service = { key: "service.name", value: { stringValue: "checkout" } };
  const resourceSpans = [{ resource: { attributes: [service] }, scopeSpans: [{ spans: [span] }] }];
  return JSON.stringify({ resourceSpans });
}

async function send(to: string): Promise<void> {
  const headers = { "content-type": "application/json" };
  const { status } = await fetch(`${to}/v1/traces`, { method: "POST", headers, body: request() });
  assert.equal(status, 200);
}

const hostOf = (url: string): string => new URL(url).host;

describe("a running Jaeger", { skip, timeout }, () => {
  let jaeger: Jaeger;
  before(async () => void (jaeger = await startJaeger({ progress })));
  after(() => jaeger?.stop());

  test("takes a span over OTLP and gives it back by its API", { timeout }, async () => {
    await send(jaeger.otlp);
    const found = await fetch(`${jaeger.query}/api/v3/traces/${TRACE_ID}`);
    const { result } = (await found.json()) as { result: { resourceSpans: object[] } };
    assert.match(JSON.stringify(result.resourceSpans), /"send orders"/);
    const services = await fetch(`${jaeger.query}/api/v3/services`);
    assert.deepEqual(await services.json(), { services: ["checkout"] });
  });

  test("opens no port that another Jaeger has by default", { timeout }, async () => {
    const other = await startJaeger({ progress });
    try {
      await send(other.otlp);
      assert.notEqual(other.query, jaeger.query);
    } finally {
      await other.stop();
    }
  });
});

test("each span is sent on to the receiver that it is told", { skip, timeout }, async () => {
  const arrived = Promise.withResolvers<number>();
  const receiver = createServer((incoming, response) => {
    void text(incoming).then((body) => {
      arrived.resolve(body.length);
      return response.end();
    });
  }).listen(0, "127.0.0.1");
  await once(receiver, "listening");
  const { port } = receiver.address() as AddressInfo;
  const jaeger = await startJaeger({ progress, forwardTo: `http://127.0.0.1:${port}` });
  try {
    await send(jaeger.otlp);
    assert.ok((await arrived.promise) > 0);
  } finally {
    await jaeger.stop();
    receiver.closeAllConnections();
    receiver.close();
  }
});

test("a stopped Jaeger leaves no process and no port", { skip, timeout }, async () => {
  const jaeger = await startJaeger({ progress });
  const { closed } = await connection(hostOf(jaeger.query));
  await jaeger.stop();
  await jaeger.stop();
  await closed;
  assert.equal(await refuses(hostOf(jaeger.query)), true);
  assert.equal(await refuses(hostOf(jaeger.otlp)), true);
});

test("a killed parent leaves no guard and no Jaeger", { skip, timeout }, async () => {
  const parent = await parentOf("jaeger");
  const { closed } = await connection(parent.brokers);
  parent.process.kill("SIGKILL");
  await closed;
  await parent.allGone;
  await refused(parent.brokers);
});

const noSetpriv =
  DIES_WITH_PARENT.length === 0 && "no setpriv (Linux, util-linux 2.33 or later) here";

test("a killed guard leaves no Jaeger", { skip: skip || noSetpriv, timeout }, async () => {
  const jaeger = await startJaeger({ progress });
  const { closed } = await connection(hostOf(jaeger.query));
  jaeger.process.kill("SIGKILL");
  await closed;
  await refused(hostOf(jaeger.query));
});

test(
  "a Jaeger that is not ready in time is an error with the end of its log",
  { skip, timeout },
  async () => {
    await assert.rejects(
      startJaeger({ progress, timeoutMs: 1 }),
      /^Error: Jaeger 2\.13\.0 did not start: it was not ready in 0\.001 s/,
    );
  },
);
