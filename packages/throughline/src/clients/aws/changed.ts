import { viewWith } from "../../view.ts";

/**
 * The application's own object with one field different, and not written to. A plain object is
 * copied; an instance is seen through a view: a getter may stand on its class, and a method may need
 * its private fields.
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
  return viewWith(original, field, value) as Original;
}
