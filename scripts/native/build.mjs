import {
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { spawn } from "node:child_process";
import { basename, dirname, join } from "node:path";
import { npm, npmCli } from "../node-24/npm.mjs";
import { seconds } from "../node-24/run.mjs";
import { installedNode, nodePackage } from "../node-24/runtime.mjs";
import { clients, nativeFolder, stampOf } from "./home.mjs";

const debian =
  "build-essential python3 libcurl4-openssl-dev zlib1g-dev libssl-dev libzstd-dev libsasl2-dev liblz4-dev";

/**
 * The folder with the clients built for this Node; the first call builds them, in some minutes.
 *
 * @throws Error where a build fails, with the end of its log and the way out.
 */
export async function buildNative(root) {
  const folder = nativeFolder(root);
  if (existsSync(stampOf(folder))) return folder;
  const began = Date.now();
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const file of ["package.json", "package-lock.json"]) {
    cpSync(join(root, "native", file), join(folder, file));
  }
  const env = await buildEnvironment(root, folder);
  await npm(process.execPath, ["ci", "--ignore-scripts"], {
    cwd: folder,
    env,
    doing: "Installing the native clients' sources",
  });
  // Side by side: each of them builds on one core, for in parallel their own makefiles fail.
  await Promise.all(clients.map((name) => build(name, folder, env)));
  writeFileSync(stampOf(folder), `${new Date().toISOString()}\n`);
  console.log(`native clients built in ${seconds(began)} s`);
  return folder;
}

async function buildEnvironment(root, folder) {
  const env = { ...process.env, INIT_CWD: folder };
  // Whoever asks make for several jobs gets a link before its library: both packages fail then.
  for (const name of ["JOBS", "MAKEFLAGS", "npm_config_jobs"]) delete env[name];
  return Object.assign(env, {
    npm_config_nodedir: await headersOf(root),
    // The root has npm run no install script; here they are what is wanted.
    npm_config_ignore_scripts: "false",
    // Confluent's install script would fetch a binary. Linked to Debian's libraries, not to copies
    // that it would fetch and build.
    npm_config_build_from_source: "true",
    CKJS_LINKING: "dynamic",
  });
}

/** Where the headers of the running Node are: an addon built with another major's does not load. */
async function headersOf(root) {
  const beside = dirname(dirname(process.execPath));
  if (existsSync(join(beside, "include/node/node_version.h"))) return beside;
  const platform = nodePackage();
  if (platform === undefined || !platform.version.startsWith("24.")) {
    throw new Error("There are no headers of Node 24 beside it, and no npm package has them here.");
  }
  const node = await installedNode(join(root, ".cache/node"), platform);
  return dirname(dirname(node));
}

async function build(name, folder, env) {
  const began = Date.now();
  const log = join(folder, `${basename(name)}.log`);
  console.log(`building ${name} from source; its log is ${log}`);
  const output = openSync(log, "w");
  const child = spawn(process.execPath, [npmCli(), "rebuild", "--foreground-scripts", name], {
    cwd: folder,
    env,
    stdio: ["ignore", output, output],
  });
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code !== 0) {
    const end = readFileSync(log, "utf8").trimEnd().split("\n").slice(-30).join("\n");
    throw Object.assign(new Error(`${name} was not built.\n${end}`), {
      wayOut: `The whole log: ${log}. On Debian it takes: apt-get install ${debian}`,
    });
  }
  console.log(`${name} built in ${seconds(began)} s`);
}
