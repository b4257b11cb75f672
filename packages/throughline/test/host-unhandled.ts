// Run by host.test.ts in a process of its own: `<seed> <runs>`. Calls random handlers that nobody
// waits for, without us and on each of our ways, and prints which of them gave the process an
// unhandled rejection, by their numbers.
import * as fc from "fast-check";
import { EAGER, make, outcomes } from "./host-outcomes.ts";
import { ways } from "./host-ways.ts";
import { tracing } from "./sdk.ts";

const [seed, runs] = process.argv.slice(2).map(Number);
const drawn = fc.sample(outcomes(EAGER), { seed: seed as number, numRuns: runs as number });

tracing();
const unhandled: Record<string, number[]> = {};
/** The number of the handler that rejected, by the reason: an object of each handler's own. */
const numbers = new Map<unknown, { way: string; number: number }>();
process.on("unhandledRejection", (reason) => {
  const from = numbers.get(reason) ?? { way: "unknown", number: -1 };
  (unhandled[from.way] ??= []).push(from.number);
});
process.on("exit", () => {
  for (const list of Object.values(unhandled)) list.sort((a, b) => a - b);
  console.log(JSON.stringify(unhandled));
});

const bare = { "without us": (handler: () => unknown) => handler() };
for (const [way, call] of Object.entries({ ...bare, ...ways })) {
  for (const [number, { kind }] of drawn.entries()) {
    const payload = new Error(`${way} ${number}`);
    numbers.set(payload, { way, number });
    try {
      call(make({ kind, payload }).handler);
    } catch {
      // Thrown synchronously: seen by the caller, and no rejection.
    }
  }
}
