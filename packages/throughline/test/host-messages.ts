// Messages as applications make them, as data: built once for the send without us and once for the
// send with us.
import * as fc from "fast-check";

/** Read by the partitioner of the tests, and by nothing of kafkajs's. */
export const REGION: symbol = Symbol("region");

export interface Fields {
  key?: unknown;
  value?: unknown;
  headers?: unknown;
  partition?: unknown;
  timestamp?: unknown;
}

/** A class whose methods and accessors need its private fields. */
export class Order {
  readonly #tenant: string;
  constructor(fields: Fields, tenant: string) {
    Object.assign(this, fields);
    this.#tenant = tenant;
  }
  tenant(): string {
    return this.#tenant;
  }
  get region(): string {
    return `region of ${this.#tenant}`;
  }
}

/** A class of accessors: kafkajs checks what they give, and its encoder copies own fields alone. */
class Hidden {
  readonly #fields: Fields;
  constructor(fields: Fields) {
    this.#fields = fields;
  }
  get key(): unknown {
    return this.#fields.key;
  }
  get value(): unknown {
    return this.#fields.value;
  }
}

const builders: Record<string, (fields: Fields, tenant: string) => unknown> = {
  "a literal": (fields) => ({ ...fields }),
  "a frozen literal": (fields) =>
    Object.freeze({ ...fields, headers: Object.freeze(fields.headers) }),
  "an object without a prototype": (fields) => Object.assign(Object.create(null) as object, fields),
  "an object with more fields": (fields, tenant) => ({ ...fields, tenant, region: tenant.length }),
  "a frozen object with more fields": (fields, tenant) => Object.freeze({ ...fields, tenant }),
  "an object with a symbol's field": (fields, tenant) => ({ ...fields, [REGION]: tenant }),
  "an object with a hidden field": (fields, tenant) =>
    Object.defineProperty({ ...fields }, "tenant", { value: tenant }),
  "an object with accessors": (fields, tenant) =>
    Object.defineProperty({ ...fields }, "tenant", { enumerable: true, get: () => tenant }),
  "an instance with private fields": (fields, tenant) => new Order(fields, tenant),
  "a frozen instance": (fields, tenant) => Object.freeze(new Order(fields, tenant)),
  "an instance of getters": (fields) => new Hidden(fields),
  "no object": (fields) => fields.value,
};

const texts = fc.string({ maxLength: 8 });
const bytes = fc.uint8Array({ maxLength: 8 }).map((array) => Buffer.from(array));
const headerValue = fc.oneof(
  { weight: 8, arbitrary: fc.oneof(texts, bytes, fc.array(fc.oneof(texts, bytes))) },
  { weight: 1, arbitrary: fc.constantFrom(undefined, null, 7) },
);
const fields: fc.Arbitrary<Fields> = fc.record(
  {
    key: fc.oneof(
      { weight: 9, arbitrary: fc.oneof(texts, bytes, fc.constant(null)) },
      { weight: 1, arbitrary: fc.constantFrom(undefined, 7) },
    ),
    value: fc.oneof(
      { weight: 20, arbitrary: fc.oneof(texts, bytes, fc.constant(null)) },
      { weight: 1, arbitrary: fc.constantFrom(undefined, 7, {}) },
    ),
    headers: fc.oneof(
      {
        weight: 20,
        arbitrary: fc
          .tuple(
            fc.dictionary(fc.oneof(texts, fc.constant("__proto__")), headerValue, { maxKeys: 3 }),
            // What stands under a trace header's name is replaced, whatever it is.
            fc.dictionary(fc.constantFrom("traceparent", "Baggage"), texts, { maxKeys: 1 }),
          )
          .map(([own, trace]) => ({ ...own, ...trace })),
      },
      { weight: 1, arbitrary: fc.constantFrom(undefined, null, "text", new Map([["a", "b"]])) },
    ),
    partition: fc.constantFrom(undefined, 0, 3),
    timestamp: fc.constantFrom("1700000000000", "1700000000123"),
  },
  { requiredKeys: ["value", "timestamp"] },
);

// Each build freezes, or may write to, headers of its own.
function copied(headers: unknown): Fields {
  const plain = typeof headers === "object" && headers !== null && !(headers instanceof Map);
  return plain ? { headers: { ...headers } } : {};
}

/** One message: `build` makes it anew, the same each time. */
export interface Draft {
  readonly kind: string;
  readonly build: () => unknown;
}

/** A random message, most of them such as kafkajs sends. */
export const drafts: fc.Arbitrary<Draft> = fc
  .record({
    kind: fc.constantFrom(...Object.keys(builders)),
    fields,
    tenant: texts,
  })
  .map(({ kind, fields, tenant }) => ({
    kind,
    build: () => builders[kind]?.({ ...fields, ...copied(fields.headers) }, tenant),
    toString: () => `${kind}: ${JSON.stringify(fields)}`,
  }));
