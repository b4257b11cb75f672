import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** What is built, each from source: no binary is fetched from anywhere. */
export const clients = ["@confluentinc/kafka-javascript", "node-rdkafka"];

/** Where the clients of native/package-lock.json are built for this Node; one folder a lock. */
export function nativeFolder(root) {
  const lock = readFileSync(join(root, "native/package-lock.json"));
  const digest = createHash("sha256").update(lock).digest("hex").slice(0, 12);
  const { platform, arch, versions } = process;
  return join(root, ".cache/native", `${platform}-${arch}-abi${versions.modules}-${digest}`);
}

/** Written last: a build that was cut short has none. */
export function stampOf(folder) {
  return join(folder, "built");
}

/** The folder of a finished build, or undefined. */
export function builtNative(root) {
  const folder = nativeFolder(root);
  return existsSync(stampOf(folder)) ? folder : undefined;
}
