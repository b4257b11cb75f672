// The process between `startKafka` and the broker: see ../restartable-guard.ts. It is told its setup as JSON in
// its first argument.

import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { standGuard, within } from "../restartable-guard.ts";
import { type JvmSetup, startJvm } from "./jvm.ts";
import { type BrokerPorts, serverProperties } from "./properties.ts";

export interface GuardSetup extends JvmSetup {
  ports: BrokerPorts;
  /** `host:port` that clients are told to connect to. */
  advertised: string;
  /** How long the broker may take to be ready, each time it is started. */
  timeoutMs: number;
}

const setup = JSON.parse(process.argv[2] ?? "") as GuardSetup;
const properties = join(setup.folder, "server.properties");

await standGuard({
  folder: setup.folder,
  timeoutMs: setup.timeoutMs,
  start: (onLine) => startJvm(setup, "kafka.Kafka", [properties], onLine),
  // KafkaBroker.STARTED_MESSAGE: its port is bound and the broker is unfenced.
  ready: /Kafka Server started/,
  /** Writes the properties and gives the data folder the cluster id that KRaft asks for. */
  async prepare(launch) {
    const { ports, advertised, folder } = setup;
    await writeFile(properties, serverProperties(ports, advertised, join(folder, "data")));
    const clusterId = `A${randomBytes(16).toString("base64url").slice(1)}`; // may not start with "-"
    const args = ["format", "-t", clusterId, "-c", properties, "--standalone"];
    const tool = launch(() => startJvm(setup, "kafka.tools.StorageTool", args));
    const how = await within(setup.timeoutMs, tool.ended);
    if (how !== "exit code 0") throw new Error(`formatting its storage ended with ${how}`);
  },
});
