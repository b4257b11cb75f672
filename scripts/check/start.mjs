// node scripts/check/start.mjs [npm script, default "start"]
// Starts a demo as a user does, waits for the first order whose trace is whole, presses Ctrl-C, and
// sees that every process of it is gone.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as wait } from "node:timers/promises";
import { isAlive, seconds } from "../node-24/run.mjs";

const patienceMs = 180_000;
/** The plain view's line of a trace that went the whole way from the shop to the parcel. */
const wholeOrder = /^trace \S+ whole .*\bcheckout\b.*\bshipping\b/;

const script = process.argv[2] ?? "start";

/** The demo and all that it started, once an order was whole. */
const processes = [];
const began = Date.now();
const demo = spawn("npm", ["run", "--silent", script], {
  cwd: join(import.meta.dirname, "../.."),
  stdio: ["ignore", "pipe", "inherit"],
  // A process group of its own: it is what a terminal's Ctrl-C goes to.
  detached: true,
});
const tooLate = setTimeout(() => fail(`no whole order within ${patienceMs / 1000} s`), patienceMs);

const output = createInterface({ input: demo.stdout });
const finished = once(output, "close");
const wholeSeen = new Promise((resolve) => {
  output.on("line", (line) => {
    console.log(line);
    if (wholeOrder.test(line)) resolve(true);
  });
});
const whole = await Promise.race([wholeSeen, finished.then(() => false)]);
clearTimeout(tooLate);
if (!whole) fail("it ended by itself before an order was whole");

processes.push(...descendants(demo.pid));
if (processes.length < 5) fail(`expected a process a service, found ${processes.length} in all`);
console.log(
  `first whole order after ${seconds(began)} s, from ${processes.length} processes; Ctrl-C`,
);
const stopping = Date.now();
process.kill(-Number(demo.pid), "SIGINT");
// npm and its shell end at once; the demo ends after its services, and holds the output till then.
await Promise.race([finished, wait(30_000)]);
let left = processes;
for (let looks = 0; looks < 40; looks++) {
  left = left.filter(({ pid }) => isAlive(pid));
  if (left.length === 0) break;
  await wait(50);
}
if (left.length > 0) fail(`still running: ${left.map(({ command }) => command).join("; ")}`);
console.log(`all of them ended ${seconds(stopping)} s later`);
process.exit(0);

function fail(why) {
  console.error(`npm run ${script}: ${why}`);
  for (const { pid } of [...processes, ...descendants(demo.pid)]) {
    if (isAlive(pid)) process.kill(pid, "SIGKILL");
  }
  process.exit(1);
}

/** A process and everything it started, by the process table. */
function descendants(root) {
  const { stdout } = spawnSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" });
  const table = stdout.split("\n").flatMap((line) => {
    const match = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line);
    return match ? [{ pid: Number(match[1]), parent: Number(match[2]), command: match[3] }] : [];
  });
  const found = table.filter(({ pid }) => pid === root);
  for (const each of found) found.push(...table.filter(({ parent }) => parent === each.pid));
  return found;
}
