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

/** Refuses what is no function where the application's handler belongs. */
export function needHandler(name: string, handler: unknown): void {
  if (typeof handler === "function") return;
  const place = name === "withRetries" ? "first" : "second";
  throw new TypeError(
    `throughline: ${name}() takes the function that handles what it is given as its ${place} argument, got ${shown(handler)}`,
  );
}

/** Refuses what is no message where a dead letter is to be made of one. */
export function needMessage(message: unknown): void {
  if (typeof message === "object" && message !== null) return;
  throw new TypeError(
    `throughline: deadLetter() takes the message that could not be handled as its first argument, as the client handed it over, got ${shown(message)}`,
  );
}
