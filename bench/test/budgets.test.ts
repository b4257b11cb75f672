import assert from "node:assert/strict";
import { test } from "node:test";
import { verdictOf } from "../budgets.ts";

const limits = { budget: 1, stretch: 0.7 };

test("a budget is kept, or missed, only where the whole interval lies on one side of it", () => {
  assert.equal(verdictOf({ value: 0.9, low: 0.8, high: 1 }, limits), "kept");
  assert.equal(verdictOf({ value: 1.2, low: 1.01, high: 1.4 }, limits), "MISSED");
  assert.equal(verdictOf({ value: 0.9, low: 0.8, high: 1.1 }, limits), "not clear");
  assert.equal(verdictOf({ value: 1.1, low: 0.9, high: 1.3 }, limits), "not clear");
});

test("the stretch is reached only where the whole interval lies below it", () => {
  assert.equal(verdictOf({ value: 0.6, low: 0.5, high: 0.7 }, limits), "stretch");
  assert.equal(verdictOf({ value: 0.6, low: 0.5, high: 0.71 }, limits), "kept");
});

test("a budget without a stretch of its own is kept, not stretched", () => {
  const same = { budget: 1, stretch: 1 };
  assert.equal(verdictOf({ value: 0.6, low: 0.5, high: 0.7 }, same), "kept");
});

test("a missed budget is out of reach only where the floor is clearly above it as well", () => {
  const missed = { value: 1.2, low: 1.1, high: 1.4 };
  assert.equal(verdictOf(missed, limits, { value: 1.1, low: 1.01, high: 1.2 }), "out of reach");
  assert.equal(verdictOf(missed, limits, { value: 1.1, low: 0.99, high: 1.2 }), "MISSED");
  const kept = { value: 0.9, low: 0.8, high: 0.95 };
  assert.equal(verdictOf(kept, limits, { value: 1.1, low: 1.01, high: 1.2 }), "kept");
});
