import type { IHeaders, Message } from "kafkajs";

/** A record's parts as they are kept: bytes, as on the wire. */
export interface Encoded {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: Buffer | null])[];
}

/**
 * Encodes a message as kafkajs does: text becomes bytes, a header with several values several
 * headers.
 *
 * @throws TypeError for what kafkajs can't encode.
 */
export function encode({ key, value, headers = {} }: Message): Encoded {
  return {
    key: bytes(key),
    value: bytes(value),
    headers: Object.entries(headers).flatMap(([name, held]) => {
      const values = Array.isArray(held) ? held : [held];
      return values.map((single) => [name, headerBytes(single)] as const);
    }),
  };
}

/** A record's headers as kafkajs delivers them: a repeated one as a list, each value bytes of its own. */
export function decodeHeaders(encoded: Encoded["headers"]): IHeaders {
  const headers: Record<string, unknown> = {};
  for (const [name, shared] of encoded) {
    const value = copy(shared);
    // kafkajs looks for an earlier one on the prototype too: a header `constructor` becomes a list.
    const before = headers[name];
    const held =
      before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
    // Assignment would make `__proto__` the prototype.
    Object.defineProperty(headers, name, {
      value: held,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return headers as IHeaders;
}

/** Bytes that their receiver may write to. */
export function copy(value: Buffer | null): Buffer | null {
  return value === null ? null : Buffer.from(value);
}

function headerBytes(value: unknown): Buffer {
  return bytes(value ?? refuse(value)) as Buffer;
}

function bytes(value: unknown): Buffer | null {
  if (value === null || value === undefined) return null;
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  if (typeof value === "string") return Buffer.from(value, "utf8");
  return refuse(value);
}

/** kafkajs asks for the size of what it encodes, and that is what throws there. */
function refuse(value: unknown): never {
  Buffer.byteLength(value as string);
  throw new TypeError(
    "kafkajs writes other bytes than Buffers as text, and a broker refuses that.",
  );
}
