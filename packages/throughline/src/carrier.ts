/**
 * Headers of any client: a plain object, a Map, a list of [name, value] pairs, or a list of
 * single-key objects. A value is text, bytes, an array of these (a repeated header), null or undefined.
 */
export type Headers = unknown;

/** One header as it was read: each is read exactly once, for a header may be an accessor. */
export type HeaderPair = [name: unknown, value: unknown];

/** How a client's headers are laid out; what is written back is laid out the same. */
type Shape = "object" | "map" | "pairs" | "objects";

function shapeOf(headers: object): Shape {
  if (Array.isArray(headers)) return Array.isArray(headers[0]) ? "pairs" : "objects";
  return headers instanceof Map ? "map" : "object";
}

/**
 * Calls `visit` with each header in order, every value read once. Anything that is no header
 * collection has no headers; names are given as they stand.
 */
export function eachHeader(headers: Headers, visit: (name: unknown, value: unknown) => void): void {
  if (headers === null || typeof headers !== "object") return;
  if (Array.isArray(headers)) {
    for (const header of headers as unknown[]) {
      if (header === null || typeof header !== "object") continue;
      if (Array.isArray(header)) {
        visit(header[0], header[1]);
        continue;
      }
      // A client that takes such a list reads the first key of each alone.
      const name = Object.keys(header)[0];
      if (name !== undefined) visit(name, header[name as keyof typeof header]);
    }
  } else if (headers instanceof Map) {
    for (const [name, value] of headers) visit(name, value);
  } else {
    for (const name of Object.keys(headers)) visit(name, headers[name as keyof typeof headers]);
  }
}

/** A header's name as text: brokers that give bytes mean UTF-8. Undefined for what names nothing. */
export function nameText(name: unknown): string | undefined {
  return typeof name === "string" ? name : bytesText(name);
}

/** A header's value as text, bytes read as UTF-8; undefined for what is neither. */
export function valueText(value: unknown): string | undefined {
  return typeof value === "string" ? value : bytesText(value);
}

function bytesText(value: unknown): string | undefined {
  if (!ArrayBuffer.isView(value)) return undefined;
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8");
}

/** The values that stand under one name, in order: a repeated header is an array in some clients. */
export function eachValue(value: unknown, visit: (single: unknown) => void): void {
  if (Array.isArray(value)) for (const single of value as unknown[]) visit(single);
  else visit(value);
}

/**
 * New headers of the same shape as `like`: those `kept`, in their order, then the text of each
 * trace field. Where there were no headers, a plain object.
 */
export function writeHeaders(
  like: Headers,
  kept: readonly HeaderPair[],
  fields: readonly (readonly [name: string, text: string])[],
): object {
  const shape = like !== null && typeof like === "object" ? shapeOf(like) : "object";
  switch (shape) {
    case "object": {
      const headers: Record<string, unknown> = {};
      for (const [name, value] of kept) put(headers, name as string, value);
      for (const [name, text] of fields) put(headers, name, text);
      return headers;
    }
    case "map": {
      const headers = new Map<unknown, unknown>(kept);
      for (const [name, text] of fields) headers.set(name, text);
      return headers;
    }
    case "pairs":
      return [...kept, ...fields.map(([name, text]) => [name, text])];
    case "objects":
      return [...kept, ...fields].map(([name, value]) => put({}, name as string, value));
  }
}

/** Headers that stand as an object's own fields. */
export type PlainHeaders = Readonly<Record<string, unknown>>;

/** Whether headers stand as an object's own fields. */
export function isPlain(headers: Headers): headers is PlainHeaders {
  if (headers === null || typeof headers !== "object") return false;
  return !Array.isArray(headers) && !(headers instanceof Map);
}

/** New headers: all of `headers` as they stand, then the text of each trace field. */
export function addHeaders(
  headers: PlainHeaders | undefined,
  fields: readonly (readonly [name: string, text: string])[],
): object {
  // A spread keeps the engine's shape of the object: a third of what the loop costs.
  const added: Record<string, unknown> = { ...headers };
  for (const field of fields) put(added, field[0], field[1]);
  return added;
}

/** Plain assignment to `__proto__` would change the prototype and lose the header. */
function put(headers: Record<string, unknown>, name: string, value: unknown): object {
  if (name === "__proto__") {
    Object.defineProperty(headers, name, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  } else {
    headers[name] = value;
  }
  return headers;
}
