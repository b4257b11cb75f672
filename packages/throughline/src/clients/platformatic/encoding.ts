import { eachHeader, nameText, valueText } from "../../carrier.ts";
import { isDeadLetterHeader } from "../../dead-letter-headers.ts";
import { fault, warnOnce } from "../../guard.ts";

/** How header names, or their values, are given to a producer: as text, or as the bytes of it. */
export type Form = "text" | "bytes";

/** What the header serializers of a producer take. */
export interface Encoding {
  readonly name: Form;
  readonly value: Form;
}

/** The client's own serializers hand on bytes, and nothing else. */
const BY_DEFAULT: Encoding = { name: "bytes", value: "bytes" };

/** What the headers that stand there already are written in; undefined where there is none to tell. */
export function encodingSeen(headers: unknown): Partial<Encoding> {
  let name: Form | undefined;
  let value: Form | undefined;
  eachHeader(headers, (eachName, eachValue) => {
    name ??= formOf(eachName);
    value ??= formOf(eachValue);
  });
  return { ...(name && { name }), ...(value && { value }) };
}

const TEXT: Encoding = { name: "text", value: "text" };

/** Whether headers are an object whose first value is text: what most producers give. */
function isTextObject(headers: unknown): boolean {
  if (headers === null || typeof headers !== "object" || headers instanceof Map) return false;
  for (const name in headers) {
    if (!Object.hasOwn(headers, name)) continue;
    return typeof (headers as Record<string, unknown>)[name] === "string";
  }
  return false;
}

/** The form of a header name or value, or of a key or body; undefined for what is neither. */
export function formOf(value: unknown): Form | undefined {
  if (typeof value === "string") return "text";
  return ArrayBuffer.isView(value) ? "bytes" : undefined;
}

/**
 * What a producer's header serializers take: read off the headers that a message has, and else
 * asked of the serializers themselves, once.
 */
export class Encodings {
  private readonly producer: object;
  private own: Encoding | undefined;

  constructor(producer: object) {
    this.producer = producer;
  }

  of(headers: unknown): Encoding {
    if (isTextObject(headers)) return TEXT;
    // The names of an object's own fields are text whatever the serializers take.
    const seen = encodingSeen(headers);
    if (seen.name !== undefined && seen.value !== undefined) return seen as Encoding;
    this.own ??= encodingTaken(this.producer);
    return { ...this.own, ...seen };
  }
}

function encodingTaken(producer: object): Encoding {
  try {
    const { headerKey, headerValue } = serializersOf(producer);
    return { name: formTaken(headerKey), value: formTaken(headerValue) };
  } catch (error) {
    fault("adapter", error);
    return BY_DEFAULT;
  }
}

interface HeaderSerializers {
  readonly headerKey?: unknown;
  readonly headerValue?: unknown;
}

/** The client keeps its options under a symbol that it exports and its types leave out. */
function serializersOf(producer: object): HeaderSerializers {
  const symbol = Object.getOwnPropertySymbols(producer).find(
    ({ description }) => description === "plt.kafka.base.options",
  );
  const options = (symbol === undefined ? undefined : Reflect.get(producer, symbol)) as
    | { serializers?: HeaderSerializers; registry?: { getSerializers?(): HeaderSerializers } }
    | undefined;
  return options?.registry?.getSerializers?.() ?? options?.serializers ?? {};
}

const PROBE = "traceparent";

function formTaken(serializer: unknown): Form {
  if (typeof serializer !== "function") return "bytes";
  if (gives(serializer, PROBE)) return "text";
  if (gives(serializer, Buffer.from(PROBE))) return "bytes";
  warnOnce(
    "platformatic header serializers",
    "the header serializers of this @platformatic/kafka producer do not write text as it is (JSON puts quotes around it): trace context reaches those consumers alone whose deserializers undo that.",
  );
  return "text";
}

function gives(serializer: Function, probe: string | Buffer): boolean {
  try {
    const written: unknown = serializer(probe);
    return Buffer.isBuffer(written) && written.toString("utf8") === PROBE;
  } catch {
    return false;
  }
}

/**
 * The headers to send, with what is ours among them (trace context, a dead letter's origin) in the
 * form that the producer takes. `headers` are new ones and may be written to; they stay an object,
 * or become a Map.
 */
export function encoded(
  headers: object,
  encoding: Encoding,
  fields: ReadonlySet<string>,
  asMap: boolean,
): object {
  const isOwn = (name: string): boolean =>
    fields.has(name.toLowerCase()) || isDeadLetterHeader(name);
  if (!asMap) {
    for (const [name, value] of Object.entries(headers)) {
      if (isOwn(name)) Object.assign(headers, { [name]: inForm(value, encoding.value) });
    }
    return headers;
  }
  const map = new Map<unknown, unknown>();
  eachHeader(headers, (name, value) => {
    const text = nameText(name);
    if (text === undefined || !isOwn(text)) map.set(name, value);
    else map.set(inForm(name, encoding.name), inForm(value, encoding.value));
  });
  return map;
}

function inForm(value: unknown, form: Form): unknown {
  return form === "text" ? (valueText(value) ?? value) : asBytes(value);
}

/** New headers with every text among them as bytes, where that is the form of the others. */
export function textAsBytes(headers: object, { name, value }: Encoding, asMap: boolean): object {
  const map = new Map<unknown, unknown>();
  eachHeader(headers, (each, held) => {
    map.set(
      asMap && name === "bytes" ? asBytes(each) : each,
      value === "bytes" ? asBytes(held) : held,
    );
  });
  return asMap ? map : Object.fromEntries(map as Map<string, unknown>);
}

function asBytes(value: unknown): unknown {
  return typeof value === "string" ? Buffer.from(value, "utf8") : value;
}
