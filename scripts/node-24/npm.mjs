import { existsSync, realpathSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { run } from "./run.mjs";

/**
 * Runs npm on the given Node, its output on stderr. Throws an error with a way out where npm fails,
 * and one with `ended` where a signal stopped it.
 */
export async function npm(node, args, { cwd, env, doing }) {
  const cli = npmCli();
  if (!cli) {
    throw Object.assign(new Error(`${doing}: npm was not found.`), {
      wayOut: "Install npm, or start this with npm: npm test, npm start, npm run <script>.",
    });
  }
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error"];
  const ended = await run(node, [cli, ...args, ...quiet], { cwd, env, tail: true });
  if (ended.signal)
    throw Object.assign(new Error(`${doing}: stopped by ${ended.signal}`), { ended });
  if (ended.code !== 0) {
    throw Object.assign(new Error(`${doing}: npm ended with exit code ${ended.code}.`), {
      wayOut: wayOut(ended.stderr),
    });
  }
}

function wayOut(stderr) {
  if (
    /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|E50\d|ERR_SOCKET_TIMEOUT)\b/.test(
      stderr,
    )
  ) {
    return [
      "The npm registry is not reachable. See what npm uses with `npm config get registry` and",
      "`npm config get proxy`, and try it with `npm ping`. Without a network: run this once where",
      "there is one and copy the folder with node_modules and .node24, or, where npm's cache is",
      "filled, set npm_config_offline=true.",
    ].join("\n");
  }
  return "npm's own message above says why. Mend that and run the same command again.";
}

/** The npm that started this, else the one beside the running Node, else the first on the path. */
export function npmCli() {
  const caller = process.env.npm_execpath;
  if (caller && basename(caller) === "npm-cli.js" && existsSync(caller)) return caller;
  const folders = [dirname(process.execPath), ...(process.env.PATH || "").split(delimiter)];
  for (const folder of folders) {
    for (const lib of ["../lib/node_modules/npm", "node_modules/npm"]) {
      const cli = join(folder, lib, "bin", "npm-cli.js");
      if (existsSync(cli)) return cli;
    }
    const link = join(folder, "npm");
    if (existsSync(link) && basename(realpathSync(link)) === "npm-cli.js")
      return realpathSync(link);
  }
  return undefined;
}
