/**
 * The application's own object with one field different, and not written to. A plain object is
 * copied. An instance is seen through a proxy that runs its methods on the original: a getter may
 * stand on its class, and a method may need its private fields.
 */
export function withField<Original extends object>(
  original: Original,
  field: string,
  value: unknown,
): Original {
  const prototype: unknown = Object.getPrototypeOf(original);
  if (prototype === Object.prototype || prototype === null) {
    return { ...original, [field]: value };
  }
  // Stands before an object of its own: a frozen original's properties could not be given out changed.
  const shadow = Object.create(prototype as object) as Original;
  return new Proxy(shadow, {
    get(_shadow, name) {
      if (name === field) return value;
      const held: unknown = Reflect.get(original, name, original);
      return typeof held === "function" && name !== "constructor" ? held.bind(original) : held;
    },
    set: (_shadow, name, given) => Reflect.set(original, name, given, original),
    has: (_shadow, name) => name === field || Reflect.has(original, name),
    ownKeys: () => [...new Set([...Reflect.ownKeys(original), field])],
    getOwnPropertyDescriptor(_shadow, name) {
      const own = Reflect.getOwnPropertyDescriptor(original, name);
      if (own === undefined && name !== field) return undefined;
      const held: unknown = name === field ? value : Reflect.get(original, name, original);
      return {
        value: held,
        enumerable: own?.enumerable ?? true,
        configurable: true,
        writable: true,
      };
    },
  });
}
