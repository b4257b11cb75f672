// The process between `startRabbitmq` and the server: see ../restartable-guard.ts. It is told its setup as JSON
// in its first argument.

import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startChild } from "../child.ts";
import { standGuard } from "../restartable-guard.ts";
import { SERVER } from "./available.ts";
import { hastyConfig, type RabbitmqPorts, serverConfig, serverEnvironment } from "./environment.ts";

export interface GuardSetup {
  /** A folder of its own, which is removed afterwards. */
  folder: string;
  ports: RabbitmqPorts;
  /** How long the server may take to be ready, each time it is started. */
  timeoutMs: number;
  /** How long a message may stay unsettled. Default: the server's own, half an hour. */
  consumerTimeoutMs?: number | undefined;
}

const { folder, ports, timeoutMs, consumerTimeoutMs } = JSON.parse(
  process.argv[2] ?? "",
) as GuardSetup;
const env = serverEnvironment(folder, ports);

await standGuard({
  folder,
  timeoutMs,
  start: (onLine) => startChild(SERVER, [], onLine, env),
  ready: /Server startup complete/,
  async prepare(launch) {
    await writeFile(join(folder, "rabbitmq.conf"), serverConfig(ports));
    await writeFile(join(folder, "enabled_plugins"), "[].\n");
    if (consumerTimeoutMs !== undefined) {
      await writeFile(join(folder, "advanced.config"), hastyConfig(consumerTimeoutMs));
    }
    // Whoever knows it may run code in the server: it is made up anew, and for this user's eyes.
    const cookie = randomBytes(20).toString("hex");
    await writeFile(join(folder, ".erlang.cookie"), cookie, { mode: 0o400 });
    // Erlang would start one that outlives us; ours is a child like the server.
    launch(() => startChild("epmd", ["-port", String(ports.names), "-address", "127.0.0.1"]));
  },
});
