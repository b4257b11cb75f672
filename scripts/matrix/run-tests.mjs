// Runs in a cell, on the cell's Node: `node run-tests.mjs <result file> <test file> ...`
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { run } from "node:test";
import { report } from "../test/report.mjs";

const [resultFile, ...files] = process.argv.slice(2);
const concurrency = 2;
const events = run({ files: files.map((file) => resolve(file)), concurrency, timeout: 300_000 });
const totals = await report(events, { root: process.cwd(), files, concurrency, each: false });
writeFileSync(resultFile, JSON.stringify(totals));
process.exitCode = totals.failed > 0 ? 1 : 0;
