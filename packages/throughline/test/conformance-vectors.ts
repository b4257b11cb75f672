// The language-neutral vectors of conformance/, whose README defines them. What a vector says and a
// reader does not know is refused, so that no vector is passed over in silence.
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Text, bytes, or nothing. */
export type VectorValue = string | { base64: string } | null;
export type VectorHeaders = [name: string, value: VectorValue][];
export type VectorBaggage = [key: string, value: string, properties?: string][];

export interface VectorSpan {
  traceId: string;
  spanId: string;
  flags: number;
  tracestate?: string;
}

export interface ExtractVector {
  name: string;
  headers: VectorHeaders | null;
  duplicates?: "new" | "last" | "first";
  expect: {
    outcome: string;
    parent: VectorSpan | null;
    links: VectorSpan[];
    baggage: VectorBaggage;
  };
}

export interface InjectVector {
  name: string;
  context: { span: VectorSpan | null; baggage: VectorBaggage };
  headers: VectorHeaders | null;
  expect: {
    headers: VectorHeaders;
    traceparent: string | null;
    tracestate: string | null;
    baggage: VectorBaggage;
  };
}

/** What a message carries; "process" is the span of the handled record, "new" a trace of its own. */
export interface Carried {
  traceId: string | null;
  parent: string | null;
  flags: number | null;
  tracestate: string | null;
  baggage: VectorBaggage;
  headers: VectorHeaders;
}

export interface ForwardVector {
  name: string;
  consumed: VectorHeaders | null;
  sent: { topic: string; headers: VectorHeaders | null };
  expect: Carried & { links: string[] };
}

export interface DeadLetterVector {
  name: string;
  record: {
    topic: string;
    partition: number;
    offset: string;
    timestampMs: number;
    group: string;
    headers: VectorHeaders;
  };
  where: "handler" | "outside";
  error: string;
  options?: { errorMessage?: false; attempts?: number };
  expect: Carried & { dlq: Record<string, string> };
}

export interface OriginVector {
  name: string;
  headers: VectorHeaders | null;
  expect: Record<string, string | number> | null;
}

export interface RabbitOriginVector {
  name: string;
  headers: Record<string, unknown>;
  expect: Record<string, string | number> | null;
}

export interface BatchVector {
  name: string;
  messages: VectorHeaders[];
  expect: {
    links: string[];
    dropped: number;
    messages: { traceId: string; parent: string | null; links: string[] }[];
  };
}

interface Kinds {
  extract: ExtractVector;
  inject: InjectVector;
  forward: ForwardVector;
  "dead-letter": DeadLetterVector;
  "dead-letter-origin": OriginVector;
  "dead-letter-origin-rabbitmq": RabbitOriginVector;
  batch: BatchVector;
}

const SPAN = ["traceId", "spanId", "flags", "tracestate?"];
const CARRIED = ["traceId", "parent", "flags", "tracestate", "baggage", "headers"];
const ORIGIN =
  "convention destination partition offset timestampMs group errorType errorMessage attempts failed";

/** The fields of each kind by the path to them; `?` marks one that may be absent. */
const FIELDS: Record<keyof Kinds, Record<string, string[]>> = {
  extract: {
    "": ["name", "headers", "duplicates?", "expect"],
    expect: ["outcome", "parent", "links", "baggage"],
    "expect.parent": SPAN,
    "expect.links": SPAN,
  },
  inject: {
    "": ["name", "context", "headers", "expect"],
    context: ["span", "baggage"],
    "context.span": SPAN,
    expect: ["headers", "traceparent", "tracestate", "baggage"],
  },
  forward: {
    "": ["name", "consumed", "sent", "expect"],
    sent: ["topic", "headers"],
    expect: [...CARRIED, "links"],
  },
  "dead-letter": {
    "": ["name", "record", "where", "error", "options?", "expect"],
    record: ["topic", "partition", "offset", "timestampMs", "group", "headers"],
    options: ["errorMessage?", "attempts?"],
    expect: [...CARRIED, "dlq"],
  },
  "dead-letter-origin": {
    "": ["name", "headers", "expect"],
    expect: ORIGIN.split(" ").map((name) => `${name}?`),
  },
  "dead-letter-origin-rabbitmq": {
    "": ["name", "headers", "expect"],
    expect: ORIGIN.split(" ").map((name) => `${name}?`),
  },
  batch: {
    "": ["name", "messages", "expect"],
    expect: ["links", "dropped", "messages"],
    "expect.messages": ["traceId", "parent", "links"],
  },
};

/** @throws where a vector has a field that is not known, or lacks one. */
export function checkVector(kind: keyof Kinds, vector: object): void {
  for (const [path, fields] of Object.entries(FIELDS[kind])) {
    let at: unknown[] = [vector];
    for (const step of path.split(".").filter((each) => each !== "")) {
      at = at.flatMap((each) => (each as Record<string, unknown>)[step]);
      at = at.filter((each) => each !== null && each !== undefined);
    }
    for (const each of at as object[]) {
      const { name } = vector as { name: string };
      for (const field of Object.keys(each)) {
        const known = fields.includes(field) || fields.includes(`${field}?`);
        assert.ok(known, `${kind}, "${name}": unknown field ${path} ${field}`);
      }
      for (const field of fields) {
        const absent = !field.endsWith("?") && !(field in each);
        assert.ok(!absent, `${kind}, "${name}": no field ${path} ${field}`);
      }
    }
  }
}

/** Beside the repository's packages; beside the tests where they run against the packed library. */
function folder(): string {
  for (let at = import.meta.dirname; ; at = dirname(at)) {
    const vectors = join(at, "conformance/vectors");
    if (existsSync(vectors)) return vectors;
    if (dirname(at) === at) throw new Error("there is no conformance/vectors");
  }
}

const manifest = JSON.parse(readFileSync(join(folder(), "manifest.json"), "utf8")) as Record<
  keyof Kinds,
  number
>;

/** All vectors of a kind, as many as the manifest says. */
export function vectors<Kind extends keyof Kinds>(kind: Kind): Kinds[Kind][] {
  const file = JSON.parse(readFileSync(join(folder(), `${kind}.json`), "utf8")) as {
    vectors: Kinds[Kind][];
  };
  assert.deepEqual(Object.keys(file), ["kind", "about", "vectors"]);
  for (const vector of file.vectors) checkVector(kind, vector);
  assert.equal(file.vectors.length, manifest[kind], `${kind}: not as many as the manifest says`);
  return file.vectors;
}

/** The kinds in the manifest, those that lie in the folder, and those that are known here. */
export function kinds(): { told: string[]; found: string[]; known: string[] } {
  const files = readdirSync(folder()).filter((file) => file !== "manifest.json");
  return {
    told: Object.keys(manifest).toSorted(),
    found: files.map((file) => file.replace(/\.json$/, "")).toSorted(),
    known: Object.keys(FIELDS).toSorted(),
  };
}
