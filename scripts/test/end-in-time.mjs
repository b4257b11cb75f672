// Loaded into each test process, as end-in-time.mjs?seconds=N: it ends when its file has taken so
// long. node:test bounds each test, and nothing ends a process that its tests have left busy, or whose
// event loop a native client holds: a thread beside it does.
import { Worker } from "node:worker_threads";

const seconds = Number(new URL(import.meta.url).searchParams.get("seconds"));

const watch = `setTimeout(() => {
  require("node:fs").writeSync(2, "The file took longer than ${seconds} s and was ended.\\n");
  process.kill(process.pid, "SIGKILL");
}, ${seconds * 1000})`;
// Ended with whatever it is watching; a file that imports nothing else pays some 60 ms for it.
new Worker(watch, { eval: true, execArgv: [], env: {} }).unref();
