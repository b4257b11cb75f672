#!/usr/bin/env node
import { parseArgs } from "node:util";
import { HELP, WATCH_HELP } from "../report/help.ts";
import { startWatch } from "./watch.ts";

const USAGE_ERROR = 2;

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`throughline: ${(error as Error).message}\n`);
  process.exitCode = 1;
}

async function main(args: readonly string[]): Promise<number> {
  const [command, ...rest] = args;
  switch (command) {
    case "watch":
      return watch(rest);
    case "help":
    case "--help":
    case "-h":
    case undefined:
      process.stdout.write(rest[0] === "watch" ? WATCH_HELP : HELP);
      return 0;
    default:
      process.stderr.write(`throughline: there is no command ${command}\n\n${HELP}`);
      return USAGE_ERROR;
  }
}

async function watch(args: readonly string[]): Promise<number> {
  const options = watchOptions(args);
  if (typeof options === "string") {
    process.stderr.write(`throughline watch: ${options}\n\n${WATCH_HELP}`);
    return USAGE_ERROR;
  }
  if (options.help) {
    process.stdout.write(WATCH_HELP);
    return 0;
  }
  const stopped = untilStopped();
  const watching = await startWatch({ port: options.port, window: { spans: options.spans } });
  watching.show();
  await stopped;
  await watching.stop();
  return 0;
}

/** The options, or what is wrong with them. */
function watchOptions(
  args: readonly string[],
): { help: boolean; port: number; spans: number } | string {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        port: { type: "string", default: "4318" },
        spans: { type: "string", default: "100000" },
        help: { type: "boolean", short: "h", default: false },
      },
    }));
  } catch (error) {
    return (error as Error).message;
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    return `--port takes a number from 0 to 65535, not ${values.port}`;
  }
  const spans = Number(values.spans);
  if (!Number.isInteger(spans) || spans < 1 || spans > 10_000_000) {
    return `--spans takes a number from 1 to 10000000, not ${values.spans}`;
  }
  return { help: values.help, port, spans };
}

/** Ctrl-C, a request to end, the terminal closed, or whoever reads the output gone. */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.once(signal, () => resolve());
    process.stdout.once("error", () => resolve());
  });
}
