import { spawnSync } from "node:child_process";

/**
 * Put before a command: on Linux the kernel is asked to kill the process when the one that started
 * it dies, so that not even a SIGKILL of a guard leaves it running. setpriv (util-linux) executes
 * the command in its own place. Empty where that can't be had.
 */
export const DIES_WITH_PARENT: readonly string[] =
  process.platform === "linux" && spawnSync("setpriv", ["--pdeathsig", "KILL", "true"]).status === 0
    ? ["setpriv", "--pdeathsig", "KILL"]
    : [];
