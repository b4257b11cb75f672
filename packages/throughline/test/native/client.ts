import { createRequire } from "node:module";
import { join } from "node:path";

/** A native client's package as it is built for this Node, or the reason why there is none. */
export type Native<Package> = { readonly built: Package } | { readonly reason: string };

/**
 * Loads a client that `npm run native` has built. One process loads one of them: each brings a
 * library of the same name.
 *
 * @throws Error where the folder is there and the client in it does not load.
 */
export function nativeClient<Package>(name: string): Native<Package> {
  const folder = process.env["THROUGHLINE_NATIVE"];
  if (folder === undefined || folder === "") {
    return { reason: `${name} is not built: npm run native builds it` };
  }
  return { built: createRequire(join(folder, "package.json"))(name) as Package };
}

/** The brokers of a real Kafka, where there is one. */
export const brokers: string | undefined = process.env["KAFKA_BROKERS"] || undefined;

export const noKafka = "no real Kafka: set KAFKA_BROKERS, or install java and mvn for npm test";
