import { readdir, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

const ABANDONED_MS = 60 * 60_000;

/** Where servers are kept that were fetched or built once: a user's, not a checkout's. */
export function cacheFolder(): string {
  const home = process.env["XDG_CACHE_HOME"];
  return join(home === undefined || home === "" ? join(homedir(), ".cache") : home, "throughline");
}

/**
 * Removes what killed runs left behind in the cache: entries with `.partial-` in their name.
 * Younger ones may be another process's, still at work.
 */
export async function removeAbandoned(): Promise<void> {
  const cache = cacheFolder();
  for (const name of await readdir(cache)) {
    if (!name.includes(".partial-")) continue;
    const path = join(cache, name);
    const found = await stat(path).catch(() => undefined); // its owner may have just finished
    if (found !== undefined && Date.now() - found.mtimeMs > ABANDONED_MS) {
      await rm(path, { recursive: true, force: true });
    }
  }
}
