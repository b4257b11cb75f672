import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** What one forgotten object a message would come to is many times this. */
const ALLOWED_BYTES = 8 * 1024 * 1024;

test(
  "a million messages leave the heap as it was: by eachMessage, by eachBatch, each inside the context of the one before, and to and from ever new destinations",
  { timeout: 240_000 },
  async ({ signal }) => {
    const script = import.meta.url.replace("memory.test", "memory-growth");
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [
        "--expose-gc",
        ...process.execArgv.filter((arg) => !arg.startsWith("--test")),
        fileURLToPath(script),
      ],
      { signal },
    );
    const measured = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { way: string; before: number; after: number });
    assert.equal(measured.length, 6);
    for (const { way, before, after } of measured) {
      assert.ok(after - before < ALLOWED_BYTES, `${way}: from ${before} to ${after} bytes`);
    }
  },
);
