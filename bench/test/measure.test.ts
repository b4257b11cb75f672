import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { measure, type Variant } from "../measure.ts";

/** A process whose CPU time passes only where the test says so. */
function clock(t: TestContext): (us: number) => void {
  let user = 0;
  t.mock.method(process, "cpuUsage", (before?: NodeJS.CpuUsage) => ({
    user: user - (before?.user ?? 0),
    system: 0,
  }));
  return (us) => {
    user += us;
  };
}

function variant(id: string, step: (what: string) => void): Variant {
  return {
    id,
    messages: 10,
    prepare() {
      step(`prepare ${id}`);
      return {
        run: () => step(`run ${id}`),
        after: async () => step(`after ${id}`),
      };
    },
  };
}

test("CPU time is counted in the run alone, and given for one message", async (t) => {
  const pass = clock(t);
  const each = { "prepare a": 5000, "run a": 40, "after a": 700 } as Record<string, number>;
  const samples = await measure([variant("a", (what) => pass(each[what] ?? 0))], {
    rounds: 3,
    runs: 2,
    warmUp: 0,
    limitMs: 60_000,
  });
  assert.deepEqual(samples, { a: [4, 4, 4] });
});

test("every variant runs in every round, and warm-up is not counted", async () => {
  const log: string[] = [];
  const variants = ["a", "b"].map((id) => variant(id, (what) => log.push(what)));
  const samples = await measure(variants, { rounds: 2, runs: 1, warmUp: 1, limitMs: 60_000 });
  assert.deepEqual(Object.keys(samples), ["a", "b"]);
  for (const all of Object.values(samples)) assert.equal(all.length, 2);
  const runs = log.filter((line) => line.startsWith("run"));
  for (const round of [0, 1, 2]) {
    assert.deepEqual(runs.slice(round * 2, round * 2 + 2).toSorted(), ["run a", "run b"]);
  }
});

test("no round is begun after the limit, and one is always measured", async () => {
  const samples = await measure([variant("a", () => {})], {
    rounds: 1000,
    runs: 1,
    warmUp: 1,
    limitMs: 0,
  });
  assert.equal(samples["a"]?.length, 1);
});
