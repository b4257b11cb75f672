import { AssertionError } from "node:assert";
import type { CollectedSpan } from "./span.ts";
import { treeOf } from "./tree.ts";

/**
 * Fails an expectation: what was expected and what is, then all spans as a tree.
 *
 * @throws AssertionError always.
 */
export function fail(
  message: string,
  spans: readonly CollectedSpan[],
  marked: readonly CollectedSpan[] = [],
): never {
  throw new AssertionError({
    message: `${message}\n\n${treeOf(spans, marked)}\n`,
    stackStartFn: fail,
  });
}
