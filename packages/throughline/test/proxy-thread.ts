// oxlint-disable unicorn/require-post-message-target-origin -- a port between threads takes none.
import { parentPort, workerData } from "node:worker_threads";
import { proxyTo } from "./tcp-proxy.ts";

// A proxy in a thread of its own: a classic client's commitSync() keeps the event loop of its own
// thread until the broker has answered. It does as it is told, and says when it has.

const proxy = await proxyTo(workerData as string);
parentPort?.on("message", (what: "cut" | "sever" | "mend") => {
  proxy[what]();
  parentPort?.postMessage(what);
});
parentPort?.postMessage(proxy.host);
