import { createRequire } from "node:module";
import { join } from "node:path";

const HOME = new URL("../../scripts/native/home.mjs", import.meta.url).href;
const { builtNative } = (await import(HOME)) as {
  builtNative(root: string): string | undefined;
};
const built = builtNative(join(import.meta.dirname, "..", ".."));

/** Why clients that are compiled can't be measured; undefined where they can. */
export const notBuilt: string | undefined =
  built === undefined ? "not built, npm run native -- --build does it" : undefined;

/**
 * A client that is compiled, as `npm run native` built it for this Node.
 *
 * @throws {Error} where it is not built.
 */
export function nativeClient(name: string): unknown {
  if (built === undefined) throw new Error(`${name} is not built`);
  return createRequire(join(built, "package.json"))(name) as unknown;
}
