import { MalformedBody } from "./decoded.ts";
import { MAX_TEXT_BYTES } from "./limits.ts";

/** The fields of an object of unknown content. */
export type Fields = Readonly<Record<string, unknown>>;

/** @throws MalformedBody where the value is no object. */
export function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new MalformedBody(`${what} is no object`);
}

/** The elements of a field; none where it is absent. */
export function listOf(fields: Fields, name: string): readonly unknown[] {
  const value = fields[name] ?? [];
  if (Array.isArray(value)) return value;
  throw new MalformedBody(`${name} is no list`);
}

/** A text; empty where it is absent. One that is too long is cut off, which an ellipsis shows. */
export function textOf(fields: Fields, name: string): string {
  const value = fields[name] ?? "";
  if (typeof value !== "string") throw new MalformedBody(`${name} is no text`);
  return cut(value);
}

export function cut(text: string): string {
  return text.length <= MAX_TEXT_BYTES ? text : `${text.slice(0, MAX_TEXT_BYTES)}…`;
}

/** A number of 32 bits; 0 where it is absent. */
export function numberOf(fields: Fields, name: string): number {
  const value = fields[name] ?? 0;
  if (typeof value !== "number") throw new MalformedBody(`${name} is no number`);
  return value;
}

/** An integer of 64 bits: JSON has it as text, for its numbers hold 53; 0 where it is absent. */
export function integerOf(fields: Fields, name: string): bigint {
  const value = fields[name] ?? 0;
  if (typeof value === "string" && /^-?\d{1,20}$/.test(value)) return BigInt(value);
  if (typeof value === "number" && Number.isInteger(value)) return BigInt(value);
  throw new MalformedBody(`${name} is no integer`);
}

/** The value of an enumeration by its number, or by its name as protobuf's JSON has it. */
export function choiceOf<Choice extends string>(
  fields: Fields,
  name: string,
  choices: readonly [Choice, ...Choice[]],
  prefix: string,
): Choice {
  const value = fields[name];
  if (typeof value === "number") return choices[value] ?? choices[0];
  return choices.find((choice) => value === prefix + choice.toUpperCase()) ?? choices[0];
}
