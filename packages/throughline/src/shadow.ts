// The object that a proxy stands before. The engine holds a proxy's answers against it, strictly once
// it can't be extended: an application that freezes, seals or closes its traced client closes both.

/** Reads a property as the proxy gives it out. */
type Read = (name: PropertyKey) => unknown;

/** Closes the client and its shadow to new properties. */
export function close(shadow: object, target: object, read: Read): boolean {
  return Reflect.preventExtensions(target) && follow(shadow, target, read);
}

/** Closes the shadow where the client is closed, by whomever. Gives whether it is closed. */
export function follow(shadow: object, target: object, read: Read): boolean {
  if (Reflect.isExtensible(target)) return false;
  if (Reflect.isExtensible(shadow)) {
    Reflect.setPrototypeOf(shadow, Reflect.getPrototypeOf(target));
    for (const name of Reflect.ownKeys(target)) show(shadow, target, name, read);
    return Reflect.preventExtensions(shadow);
  }
  // The client itself may have removed properties since.
  for (const name of Reflect.ownKeys(shadow)) show(shadow, target, name, read);
  return true;
}

/** Has one property on the shadow as the client has it: as firm, and with the value that is given out. */
export function show(shadow: object, target: object, name: PropertyKey, read: Read): boolean {
  const own = Reflect.getOwnPropertyDescriptor(target, name);
  if (own === undefined) return Reflect.deleteProperty(shadow, name);
  const before = Reflect.getOwnPropertyDescriptor(shadow, name);
  // Fixed for good, as the client's own is.
  if (before?.configurable === false && before.writable !== true) return true;
  const { enumerable = false, configurable = false } = own;
  const shown: PropertyDescriptor =
    own.get === undefined && own.set === undefined
      ? { value: read(name), writable: own.writable ?? false }
      : {
          get: () => read(name),
          set: (value) => void Reflect.set(target, name, value, target),
        };
  return Reflect.defineProperty(shadow, name, { ...shown, enumerable, configurable });
}
