import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";

/** Where figures were taken, and against what. */
export interface Environment {
  readonly at: string;
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  /** Versions of what is measured against. */
  readonly peers: Readonly<Record<string, string>>;
}

export function environment(): Environment {
  const { dependencies } = JSON.parse(
    readFileSync(new URL("package.json", import.meta.url), "utf8"),
  ) as { dependencies: Record<string, string> };
  return {
    at: new Date().toISOString(),
    node: process.versions.node,
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    peers: dependencies,
  };
}
