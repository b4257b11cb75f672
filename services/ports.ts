import { randomInt } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";

const LOWEST = 10_240;
const ATTEMPTS = 100;

/**
 * Free loopback ports below the range that outgoing connections are given. A port within it can be
 * taken by any connection while the broker restarts; a client that keeps trying to reconnect to its
 * broker there can even be given that very port, and then speaks to itself.
 */
export async function freePorts(count: number): Promise<number[]> {
  const highest = await lowestOutgoingPort();
  const ports = new Set<number>();
  for (let attempt = 0; attempt < ATTEMPTS && ports.size < count; attempt++) {
    const port = randomInt(LOWEST, highest);
    if (await isFree(port)) ports.add(port);
  }
  if (ports.size < count) {
    throw new Error(
      `No ${count} free ports on 127.0.0.1 from ${LOWEST} to ${highest}: ${ATTEMPTS} were tried. End what holds them.`,
    );
  }
  return [...ports];
}

async function lowestOutgoingPort(): Promise<number> {
  const range = await readFile("/proc/sys/net/ipv4/ip_local_port_range", "utf8").catch(() => "");
  const lowest = Number.parseInt(range, 10);
  // Elsewhere than on Linux the range starts at 49152; a machine may have widened it downwards.
  return lowest > LOWEST + ATTEMPTS ? lowest : 32_768;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
    server.close();
    await once(server, "close");
    return true;
  } catch {
    return false;
  }
}
