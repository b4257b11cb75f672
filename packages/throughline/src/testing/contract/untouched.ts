import assert from "node:assert";

/** Every object below a value with its properties' descriptors, taken down by their paths. */
export type Snapshot = ReadonlyMap<string, unknown>;

/**
 * Takes down what an object is made of: which properties, of what kind, with which values, down to
 * the bytes of Buffers; prototypes and whether it may be extended. Runs no accessor.
 */
export function snapshotOf(value: unknown, name: string): Snapshot {
  const snapshot = new Map<string, unknown>();
  take(value, name, snapshot, new Set());
  return snapshot;
}

/** @throws AssertionError naming what differs, where a value is not what it was. */
export function assertUntouched(before: Snapshot, value: unknown, name: string): void {
  const after = snapshotOf(value, name);
  const paths = new Set([...before.keys(), ...after.keys()]);
  const changed = [...paths].filter((path) => !Object.is(before.get(path), after.get(path)));
  const lines = changed.map(
    (path) => `  ${path}: was ${String(before.get(path))}, is ${String(after.get(path))}`,
  );
  assert.ok(changed.length === 0, `Expected ${name} untouched.\n${lines.join("\n")}`);
}

function take(
  value: unknown,
  path: string,
  snapshot: Map<string, unknown>,
  seen: Set<unknown>,
): void {
  snapshot.set(path, value);
  if (value === null || typeof value !== "object" || seen.has(value)) return;
  seen.add(value);
  if (ArrayBuffer.isView(value)) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    snapshot.set(`${path} (bytes)`, bytes.toString("hex"));
    return;
  }
  snapshot.set(`${path} (prototype)`, Object.getPrototypeOf(value));
  snapshot.set(`${path} (extensible)`, Object.isExtensible(value));
  for (const name of Reflect.ownKeys(value)) {
    const at = `${path}.${String(name)}`;
    const { value: held, get, set, ...kind } = Reflect.getOwnPropertyDescriptor(value, name) ?? {};
    snapshot.set(`${at} (kind)`, JSON.stringify(kind));
    snapshot.set(`${at} (get)`, get);
    snapshot.set(`${at} (set)`, set);
    if (get === undefined) take(held, at, snapshot, seen);
  }
}
