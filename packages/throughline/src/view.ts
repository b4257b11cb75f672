/**
 * An object of the application's seen with one property changed, for what can't be copied: an
 * instance of a class, whose getters may need their private fields, or an object with properties
 * that only the application knows. What is written to the view is written to the original.
 */
export function viewWith(original: object, changed: PropertyKey, held: unknown): object {
  // Stands before an object of its own, which may be given a property that a frozen one may not.
  const shadow: object = Object.create(Object.getPrototypeOf(original) as object | null);
  return new Proxy(shadow, {
    get(_shadow, name) {
      if (name === changed) return held;
      const value: unknown = Reflect.get(original, name, original);
      // A method may need the private fields of the original, which the view has not.
      return typeof value === "function" && name !== "constructor" ? value.bind(original) : value;
    },
    // What a partitioner of the application's writes, it writes to its own message.
    set: (_shadow, name, value) => Reflect.set(original, name, value, original),
    has: (_shadow, name) => name === changed || Reflect.has(original, name),
    ownKeys: () => [...new Set([...Reflect.ownKeys(original), changed as string])],
    getOwnPropertyDescriptor(_shadow, name) {
      if (name === changed) {
        return { value: held, enumerable: true, configurable: true, writable: true };
      }
      const descriptor = Reflect.getOwnPropertyDescriptor(original, name);
      if (descriptor === undefined) return undefined;
      const value: unknown = Reflect.get(original, name, original);
      return {
        value,
        enumerable: descriptor.enumerable === true,
        configurable: true,
        writable: true,
      };
    },
  });
}
