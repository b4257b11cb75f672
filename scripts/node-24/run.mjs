import { spawn } from "node:child_process";

/**
 * Runs a command to its end and tells how it ended: { code, signal, stderr }. With `tail`, what it
 * writes to stderr is shown as it comes and kept, its last 64 KiB.
 */
export function run(command, args, { cwd, env, stdio = "inherit", tail = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: tail ? ["ignore", 2, "pipe"] : stdio,
      // .cmd files start through a shell only; there the arguments come from package.json.
      shell: process.platform === "win32" && !/\.exe$/i.test(command),
    });
    let stderr = "";
    if (tail) {
      child.stderr.setEncoding("utf8");
      child.stderr.on("data", (text) => {
        process.stderr.write(text);
        stderr = (stderr + text).slice(-65536);
      });
    }
    const stopForwarding = forwardSignals(child);
    child.once("error", (error) => {
      stopForwarding();
      reject(error);
    });
    child.once("close", (code, signal) => {
      stopForwarding();
      resolve({ code, signal, stderr });
    });
  });
}

/** Ends this process as the child ended: the same exit code, or by the same signal. */
export function endLike({ code, signal }) {
  if (signal) process.kill(process.pid, signal);
  else process.exitCode = code;
}

/** Whether a process of that id is there, of this user or of another. */
export function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** The time since `began`, a Date.now(), as text. */
export function seconds(began) {
  return ((Date.now() - began) / 1000).toFixed(1);
}

/**
 * Signals sent to this process reach the child. A terminal's Ctrl-C goes to the whole foreground
 * group, the child included: passed on as well it would arrive twice, and a second Ctrl-C often
 * means "at once, without cleaning up".
 *
 * Under npm the child is also asked to end where npm was: the shell between npm and this process
 * passes no signal on, and would leave it running.
 */
function forwardSignals(child) {
  let asked = false;
  const handlers = ["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => {
    const handler = () => {
      asked = true;
      const streams = [process.stdin, process.stdout, process.stderr];
      const fromTerminal = signal === "SIGINT" && streams.some(({ isTTY }) => isTTY);
      if (!fromTerminal) child.kill(signal);
    };
    process.on(signal, handler);
    return [signal, handler];
  });

  const parent = process.ppid;
  const orphaned = () => {
    if (process.ppid === parent || asked) return;
    asked = true;
    child.kill("SIGTERM");
  };
  // There is no event for it.
  const look = process.env.npm_lifecycle_event ? setInterval(orphaned, 500) : undefined;

  return () => {
    clearInterval(look);
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}
