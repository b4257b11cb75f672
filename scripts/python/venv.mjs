import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

const OLDEST = [3, 10];

/**
 * The machine's Python, or why there is none and how to get one.
 * @returns {{ python: string } | { why: string, wayOut: string }}
 */
export function findPython() {
  const tried = process.env.PYTHON === undefined ? ["python3", "python"] : [process.env.PYTHON];
  const python = tried.find((each) => minorOf(each) >= OLDEST[1]);
  if (python !== undefined) return { python };
  return {
    why: `no Python ${OLDEST.join(".")} or later (${tried.join(", ")})`,
    wayOut: "apt-get install python3 python3-venv, or PYTHON=/path/to/python3 npm run python",
  };
}

/** The second number of a Python 3's version; -1 for what is none. */
function minorOf(python) {
  const { stdout } = spawnSync(python, ["-c", "import sys; print(*sys.version_info[:2])"], {
    encoding: "utf8",
  });
  const [major, minor] = (stdout ?? "").trim().split(" ").map(Number);
  return major === OLDEST[0] && minor >= 0 ? minor : -1;
}

/**
 * The oldest and the newest Python of the machine that the package runs on, but for `main`: on PATH
 * by their names, or where pyenv keeps them.
 * @returns {{ name: string, python: string }[]}
 */
export function otherPythons(main) {
  const folders = [
    ...(process.env.PATH ?? "").split(":"),
    ...globSync(join(process.env.PYENV_ROOT ?? join(homedir(), ".pyenv"), "versions/*/bin")),
  ];
  const found = new Map();
  for (const file of folders.flatMap((folder) => globSync(join(folder, "python3.{1,2}[0-9]")))) {
    const minor = minorOf(realpathSync(file));
    if (minor >= OLDEST[1] && minor !== minorOf(main)) found.set(minor, file);
  }
  const minors = [...found.keys()].toSorted((a, b) => a - b);
  return [...new Set([minors[0], minors.at(-1)])]
    .filter((minor) => minor !== undefined)
    .map((minor) => ({ name: `3.${minor}`, python: found.get(minor) }));
}

/**
 * A virtual environment in `folder` with `packages` (arguments of `pip install`), made anew where
 * they, or the contents of `stampOf`, have changed. Gives back the path of its python.
 */
export function makeVenv(python, folder, packages, stampOf = "") {
  const bin = join(folder, "bin", "python");
  const stampFile = join(folder, "stamp");
  const stamp = createHash("sha256")
    .update(JSON.stringify([python, packages, stampOf]))
    .digest("hex");
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return bin;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(dirname(folder), { recursive: true });
  call(python, ["-m", "venv", folder]);
  call(bin, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages]);
  writeFileSync(stampFile, stamp);
  return bin;
}

function call(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: "inherit" });
  if (status !== 0) {
    throw new Error(`${command} ${args.join(" ")} failed: ${error?.message ?? `exit ${status}`}`);
  }
}
