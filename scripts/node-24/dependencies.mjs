import { createHash } from "node:crypto";
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { npm } from "./npm.mjs";
import { isAlive, seconds } from "./run.mjs";

/**
 * Installs what package-lock.json says, unless the last install was of the same lock. The stamp
 * lies in node_modules and is written last: `npm ci` empties that folder first, so an install that
 * was cut short has none.
 */
export async function ensureDependencies(root, node, env) {
  const stamp = join(root, "node_modules", ".installed-from");
  const wanted = fingerprint(root);
  if (isInstalled(stamp, wanted)) return;

  const release = await exclusive(join(root, ".node24", "installing"));
  try {
    if (isInstalled(stamp, wanted)) return;
    const began = Date.now();
    console.error("throughline: installing the dependencies of package-lock.json");
    await npm(node, ["ci"], { cwd: root, env, doing: "Installing the dependencies" });
    mkdirSync(dirname(stamp), { recursive: true });
    writeFileSync(stamp, `${wanted}\n`);
    console.error(`throughline: dependencies installed in ${seconds(began)} s`);
  } finally {
    release();
  }
}

/** Some packages choose their binary by Node's major version and the platform. */
function fingerprint(root) {
  return createHash("sha256")
    .update(`node 24 ${process.platform} ${process.arch}\n`)
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
}

function isInstalled(stamp, wanted) {
  return existsSync(stamp) && readFileSync(stamp, "utf8").trim() === wanted;
}

/** One install at a time in this folder: a second run waits for the first, unless that one died. */
async function exclusive(path) {
  mkdirSync(dirname(path), { recursive: true });
  let told = false;
  for (;;) {
    try {
      const file = openSync(path, "wx");
      writeSync(file, String(process.pid));
      closeSync(file);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const holder = holderOf(path);
    if (holder !== undefined && !isAlive(holder)) rmSync(path, { force: true });
    else if (!told) {
      console.error(`throughline: another run (process ${holder}) is installing; waiting for it`);
      told = true;
    }
    if (told) await changed(dirname(path));
  }
}

function holderOf(path) {
  try {
    return Number(readFileSync(path, "utf8")) || undefined;
  } catch {
    return undefined;
  }
}

/** Something in the folder changed, or two seconds went by: a killed holder changes nothing. */
function changed(folder) {
  return new Promise((resolve) => {
    const watcher = watch(folder);
    const done = () => {
      clearTimeout(timer);
      watcher.close();
      resolve();
    };
    const timer = setTimeout(done, 2000);
    watcher.once("change", done);
    watcher.once("error", done);
  });
}
