/** A value as an error's text shows it: text in quotes, so that "3" is no 3. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  try {
    return String(value);
  } catch {
    return typeof value;
  }
}

/**
 * The first name among given options that there is not, and which there are; undefined where all of
 * them are known.
 */
export function unknownName(
  given: object,
  names: Readonly<Record<string, true>>,
): string | undefined {
  const name = Object.keys(given).find((each) => !Object.hasOwn(names, each));
  return name === undefined ? undefined : `${name}; there are ${Object.keys(names).join(", ")}`;
}
