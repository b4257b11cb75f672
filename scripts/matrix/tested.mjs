import { readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../node-24/run.mjs";

const script = join(import.meta.dirname, "run-tests.mjs");

/**
 * Runs test files in a folder that is prepared for them, on a Node of its own. A run that does not
 * end by itself is one failure, with the reason as `why`.
 */
export async function tested(node, { folder, files, env }) {
  const resultFile = join(folder, "result.json");
  const { signal } = await run(node, [script, resultFile, ...files], { cwd: folder, env });
  try {
    return { signal, ...JSON.parse(readFileSync(resultFile, "utf8")) };
  } catch {
    return { signal, passed: 0, failed: 1, skipped: 0, why: "the run did not end by itself" };
  }
}
