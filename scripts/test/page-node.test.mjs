import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { after, before, beforeEach, test } from "node:test";
import { openPage } from "./page.mjs";
import { application } from "./page-application.mjs";

// The examples of docs/node.md, as they stand on that page.

let app;
let page;
before(() => (page = openPage("docs/node.md")));
beforeEach((t) => {
  app = application();
  t.after(() => app.observed.shutdown());
});
after(() => page.close());

test("the example of a bound callback: it runs in the scope that bound it, whoever calls it", async () => {
  const run = await page.example("context.bind(context.active(), charge)");
  const pool = new EventEmitter();
  await app.request(() => run({ pool, charge: app.handler("charge", () => "42") }));
  pool.emit("connection");
  await app.settled();
  assert.deepEqual(app.lines("charge"), [["charge", "POST /orders"]]);
});

test("the example of a job: it is done in the scope that it was pushed in", async () => {
  const run = await page.example("queue.push({");
  const charge = app.handler("charge", (order) => order);
  await app.request(() => run({ queue: [], charge }));
  assert.deepEqual(app.lines("charge"), [["charge", "process charges", "POST /orders"]]);
  assert.deepEqual(app.handled, [{ name: "charge", order: "42" }]);
});

test("the example of a timer for all: it runs in no message's scope", async (t) => {
  const run = await page.example("setInterval(flush, 1000)");
  const { setInterval: real } = globalThis;
  const waited = [];
  let timer;
  // The page's second is not waited for; how a timer keeps its scope is Node's own.
  t.mock.method(globalThis, "setInterval", (work, ms) => {
    waited.push(ms);
    return (timer = real(work, 1));
  });
  await app.request(() => run({ flush: app.handler("flush", () => "all") }));
  await app.arrived("flush");
  clearInterval(timer);
  await app.settled();
  assert.deepEqual(waited, [1000]);
  for (const line of app.lines("flush")) assert.deepEqual(line, ["flush"]);
});
