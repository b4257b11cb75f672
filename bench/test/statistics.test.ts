import assert from "node:assert/strict";
import { test } from "node:test";
import { added, median, ratio } from "../statistics.ts";

/** Rounds of a machine whose speed changes: both variants feel it alike. */
const slow = [1, 1.1, 5, 1, 0.9, 2, 1, 1.2, 8, 1];
const samples = {
  empty: slow.map((factor) => factor),
  ours: slow.map((factor) => factor * 3),
  theirs: slow.map((factor) => factor * 5),
};

test("the median of an even number of figures lies between the middle two", () => {
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(median([9, 1, 5]), 5);
  assert.ok(Number.isNaN(median([])));
});

test("what a variant adds is its difference round by round, and one slow round does not move it", () => {
  const { value, low, high } = added(samples, "ours", "empty");
  assert.equal(Number(value.toFixed(6)), 2.1);
  assert.ok(low <= value && value <= high, `${low} .. ${high}`);
  assert.ok(high < 8, "slow rounds decide the interval");
});

test("a ratio is of what two variants add, however the machine's speed changes", () => {
  const { value, low, high } = ratio(samples, ["ours", "empty"], ["theirs", "empty"]);
  for (const figure of [value, low, high]) assert.equal(Number(figure.toFixed(6)), 0.5);
});

test("an interval is wide where rounds disagree, and the same samples give the same one", () => {
  const noisy = { empty: slow.map(() => 0), ours: slow.map((_, at) => (at % 2 === 0 ? 1 : 9)) };
  const first = added(noisy, "ours", "empty");
  assert.ok(first.high - first.low >= 4, `${first.low} .. ${first.high}`);
  assert.deepEqual(added(noisy, "ours", "empty"), first);
});

test("a variant that was not measured is named", () => {
  assert.throws(() => added(samples, "others", "empty"), /nothing called others was measured/);
});
