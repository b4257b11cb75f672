// oxlint-disable unicorn/require-post-message-target-origin -- a port between threads takes none.
import { parentPort, workerData } from "node:worker_threads";
import { proxyTo } from "../tcp-proxy.ts";

// A proxy in a thread of its own: a classic client's commitSync() keeps the event loop of its own
// thread until the broker has answered. It cuts on demand, and tells of each connection after that.

const proxy = await proxyTo(workerData as string, () => parentPort?.postMessage("connected"));
parentPort?.on("message", () => {
  proxy.cut();
  parentPort?.postMessage("cut");
});
parentPort?.postMessage(proxy.host);
