// Headers as fast-check makes them: anything that a broker may hand over.
import * as fc from "fast-check";

const hex = (length: number): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.constantFrom(..."0123456789abcdef".split("")),
    minLength: length,
    maxLength: length,
  });

export const traceId = hex(32).filter((id) => !/^0+$/.test(id));
export const spanId = hex(16).filter((id) => !/^0+$/.test(id));

/** A traceparent that is valid, or nearly. */
const traceparent = fc
  .tuple(
    fc.constantFrom("00", "00", "01", "ff"),
    traceId,
    spanId,
    hex(2),
    fc.constantFrom("", "", "-x", "0"),
  )
  .map(([version, trace, span, flags, rest]) => `${version}-${trace}-${span}-${flags}${rest}`);

const stateKey = fc
  .tuple(
    fc.constantFrom("a", "z", "0"),
    fc.string({ unit: fc.constantFrom("a", "0", "_", "-", "*", "/", "@"), maxLength: 12 }),
  )
  .map((parts) => parts.join(""));
const stateValue = fc
  .string({
    unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)),
    maxLength: 20,
  })
  .map((text) => `${text.replaceAll(/[,=]/g, "_")}.`);

/** The members of a valid tracestate that is sent on whole. */
export const stateMembers = fc
  .uniqueArray(fc.tuple(stateKey, stateValue), { selector: ([key]) => key, maxLength: 10 })
  .map((members) => members.map((member) => member.join("=")));

const text = fc.oneof(
  traceparent,
  stateMembers.map((members) => members.join(",")),
  fc.constantFrom("a=1", "a=1;p=2,b=%20", "a=%zz", ",,,", "="),
  fc.string({ unit: "binary", maxLength: 80 }),
);
const bytes = fc.oneof(
  text.map((value) => Buffer.from(value)),
  fc.uint8Array({ maxLength: 80 }),
  fc.uint8Array({ minLength: 55, maxLength: 55 }),
);
const single: fc.Arbitrary<unknown> = fc.oneof(
  text,
  bytes,
  fc.constantFrom(null, undefined),
  fc.anything(),
);

/** A header's value: text, bytes, a list of them, or what should not be there at all. */
const value = fc.oneof(
  { weight: 4, arbitrary: single },
  { weight: 1, arbitrary: fc.array(single) },
);

const name = fc.oneof(
  fc.constantFrom(
    "traceparent",
    "tracestate",
    "baggage",
    "TraceParent",
    "TRACESTATE",
    "b3",
    "__proto__",
  ),
  fc.string(),
);

const named = fc.array(fc.tuple(name, value), { maxLength: 8 });

const ownProperty = (held: object, key: string, each: unknown): object =>
  Object.defineProperty(held, key, { value: each, enumerable: true, configurable: true });

/** Headers in every layout, and what is no headers at all. */
export const anyHeaders: fc.Arbitrary<unknown> = fc.oneof(
  named.map((pairs) => pairs.reduce((held, [key, each]) => ownProperty(held, key, each), {})),
  named.map((pairs) => new Map(pairs)),
  named.map((pairs) => new Map(pairs.map(([key, each]) => [Buffer.from(key), each]))),
  named,
  named.map((pairs) => pairs.map(([key, each]) => [Buffer.from(key), each])),
  named.map((pairs) => pairs.map(([key, each]) => ownProperty({}, key, each))),
  fc.anything(),
);

/** Valid layouts that a context may be written into. */
export const otherHeaders: fc.Arbitrary<object> = fc
  .array(
    fc.tuple(
      fc.string({ minLength: 1 }).map((key) => `x-${key}`),
      text,
    ),
    { maxLength: 5 },
  )
  .chain((pairs) =>
    fc.constantFrom<object>(
      Object.fromEntries(pairs),
      new Map(pairs),
      pairs.length === 0 ? [["x-first", "1"]] : pairs,
      pairs.map(([key, each]) => ({ [key]: each })),
    ),
  );
