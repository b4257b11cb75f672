import { W3C_FIELDS } from "../../w3c/fields.ts";
import { DLQ_ATTRIBUTE, isDlqHeader, packDlq, unpackDlq } from "./dlq.ts";

/** Message attributes as the SDK gives and takes them, by name. */
export type Attributes = Readonly<Record<string, unknown>>;

/** One attribute of SQS or SNS: the fields that are read of it. */
interface AttributeValue {
  readonly StringValue?: unknown;
  readonly BinaryValue?: unknown;
}

/** Headers as the core reads and writes them: text or bytes by name. */
export type AttributeHeaders = Record<string, unknown>;

/** Whether the SDK is going to take these: an object, or none at all. */
export function areAttributes(given: unknown): given is Attributes | null | undefined {
  if (given === undefined || given === null) return true;
  return typeof given === "object" && !Array.isArray(given) && !(given instanceof Map);
}

/**
 * A message's attributes as headers, each read once. What is neither text nor bytes stands there
 * as it is, so that it is sent on unchanged. A dead letter's one attribute stands there as its
 * headers.
 */
export function headersOf(attributes: Attributes | null | undefined): AttributeHeaders | undefined {
  if (attributes === undefined || attributes === null) return undefined;
  const headers: [string, unknown][] = [];
  for (const name of Object.keys(attributes)) {
    const attribute = attributes[name];
    const value = textOrBytes(attribute);
    const facts = name === DLQ_ATTRIBUTE ? unpackDlq(value) : undefined;
    if (facts === undefined) headers.push([name, value ?? attribute]);
    else headers.push(...Object.entries(facts));
  }
  // Not by assignment: a name may be `__proto__`.
  return Object.fromEntries(headers);
}

function textOrBytes(attribute: unknown): unknown {
  if (attribute === null || typeof attribute !== "object") return undefined;
  const { StringValue, BinaryValue } = attribute as AttributeValue;
  return StringValue ?? BinaryValue ?? undefined;
}

/** Attributes to send, those of the application's own apart from what is added to them. */
export interface SplitAttributes {
  readonly own: [name: string, attribute: unknown][];
  readonly added: [name: string, text: string][];
}

// What SQS and SNS refuse would fail the whole send: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
const NAME = /^[A-Za-z0-9_.-]{1,256}$/;
// oxlint-disable-next-line no-control-regex
const REFUSED_TEXT = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;

/**
 * Takes apart what the core made of a message's headers: an attribute of the application's is its
 * own object again, and only what is new is text.
 *
 * @param given the headers that the core was given for these attributes.
 */
export function splitAttributes(
  changed: AttributeHeaders,
  given: AttributeHeaders | undefined,
  attributes: Attributes | null | undefined,
): SplitAttributes {
  const own: SplitAttributes["own"] = [];
  const added: SplitAttributes["added"] = [];
  const facts: Record<string, string> = {};
  for (const name of Object.keys(changed)) {
    const value = changed[name];
    const same = given !== undefined && Object.hasOwn(given, name) && given[name] === value;
    if (isDlqHeader(name)) facts[name] = String(value);
    // The trace's own give way to a dead letter's story, though they stand there as they came.
    else if (same && !(W3C_FIELDS.has(name) && isSendable(name, value)))
      own.push([name, attributes?.[name]]);
    else if (isSendable(name, value)) added.push([name, value]);
  }
  if (Object.keys(facts).length > 0) addDlq(facts, given, attributes, { own, added });
  return { own, added };
}

function addDlq(
  facts: Record<string, string>,
  given: AttributeHeaders | undefined,
  attributes: Attributes | null | undefined,
  { own, added }: SplitAttributes,
): void {
  const same = Object.keys(facts).every((name) => given?.[name] === facts[name]);
  if (same && attributes !== null && attributes?.[DLQ_ATTRIBUTE] !== undefined) {
    own.push([DLQ_ATTRIBUTE, attributes[DLQ_ATTRIBUTE]]);
  } else {
    added.push([DLQ_ATTRIBUTE, packDlq(facts)]);
  }
}

function isSendable(name: string, value: unknown): value is string {
  if (typeof value !== "string" || value === "" || REFUSED_TEXT.test(value)) return false;
  return NAME.test(name) && !name.startsWith(".") && !name.endsWith(".") && !name.includes("..");
}

/** An attribute that holds text. */
export function textAttribute(text: string): object {
  return { DataType: "String", StringValue: text };
}
