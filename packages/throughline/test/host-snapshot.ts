/** All that can be seen of an object without running its code: deep, with each property's descriptor. */
export function snapshot(value: unknown, seen = new Map<object, string>()): unknown {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return value;
  const known = seen.get(value);
  if (known !== undefined) return known;
  seen.set(value, `object ${seen.size}`);
  if (typeof value === "function" || ArrayBuffer.isView(value)) return value;
  return {
    prototype: Object.getPrototypeOf(value) as unknown,
    extensible: Object.isExtensible(value),
    entries: value instanceof Map ? [...value] : undefined,
    properties: Reflect.ownKeys(value).map((name) => {
      const descriptor = Object.getOwnPropertyDescriptor(value, name);
      const held =
        descriptor !== undefined && "value" in descriptor
          ? { value: snapshot(descriptor.value, seen) }
          : {};
      return [name, { ...descriptor, ...held }];
    }),
  };
}
