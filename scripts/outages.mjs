// npm run outages: the tests in which a server is stopped, started and cut off while thousands of
// messages flow. Those of the compiled clients are run by npm run native.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
// One at a time: two outages at once on two cores disturb each other.
const how = ["--one-by-one", "--timeout", "600"];
const tests = ["scripts/test.mjs", "packages/throughline/test/*-faults.test.ts", ...how];
const env = { ...process.env, THROUGHLINE_OUTAGE: "1" };
const { status } = spawnSync(process.execPath, tests, { cwd: root, stdio: "inherit", env });
process.exitCode = status ?? 1;
