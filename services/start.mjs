// Starts real servers, for the test script and by hand: `npm run services -- --help`.
// Plain JavaScript, and what is not is imported late, so that an older Node gets a clear message.

import { fileURLToPath } from "node:url";

/** @import { Services, StartOptions } from "./all.ts" */
/** @import { ServiceDriver } from "./driver.ts" */

/**
 * `startAll` of `all.ts`.
 * @param {StartOptions} [options]
 * @returns {Promise<Services>}
 */
export async function startAll(options) {
  return (await import("./all.ts")).startAll(options);
}

/**
 * `drivers` of `all.ts`.
 * @returns {Promise<ServiceDriver[]>}
 */
export async function drivers() {
  return (await import("./all.ts")).drivers();
}

/**
 * @param {string[]} args
 * @returns {Promise<number>} The exit code.
 */
async function main(args) {
  if (!process.features.typescript) {
    say(
      `services/ needs Node 24, this is ${process.versions.node}. With the one that the checkout brings: ${["npm run services --", ...args].join(" ")}`,
    );
    return 1;
  }
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(await help());
    return 0;
  }
  const option = args.find((arg) => arg.startsWith("-"));
  if (option !== undefined) {
    say(`There is no option ${option}. See: npm run services -- --help`);
    return 2;
  }

  let up = false;
  const asked = new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
      // While starting, ending this process is enough: what it has started ends with it.
      process.on(signal, () => (up ? resolve(undefined) : process.exit(130)));
    }
  });
  const services = await startAll({ env: {}, ...(args.length > 0 && { only: args }) });
  for (const { name, why, wayOut } of services.absent)
    say(`${name} is not started: ${why}\n${wayOut}`);
  if (services.absent.length > 0) {
    await services.stop();
    return 1;
  }

  for (const [name, value] of Object.entries(services.env))
    process.stdout.write(`${name}=${value}\n`);
  say("Ctrl-C stops.");
  up = true;
  const awake = setInterval(() => {}, 2 ** 30); // a signal handler keeps no process running
  await asked;
  clearInterval(awake);
  await services.stop();
  return 0;
}

async function help() {
  const all = await (await import("./all.ts")).drivers();
  const lines = all.map(
    (driver) => `  ${driver.name.padEnd(16)}${driver.summary}; sets ${driver.sets.join(", ")}\n`,
  );
  const unasked = all.filter((driver) => driver.unasked).map((driver) => driver.name);
  return (
    "Starts servers, prints the variables that name them, and stops them at Ctrl-C.\n\n" +
    `  npm run services -- [name...]\n\n${lines.join("")}\n` +
    `Without a name: ${unasked.join(", ")}.\n`
  );
}

/** @param {string} line */
function say(line) {
  process.stderr.write(`${line}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    say(error.message);
    process.exitCode = 2;
  }
}
