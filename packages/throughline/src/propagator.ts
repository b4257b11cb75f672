import type { Context, TextMapGetter, TextMapSetter } from "@opentelemetry/api";
import { eachHeader, eachValue, type Headers, nameText, valueText } from "./carrier.ts";
import { discard, unfit } from "./guard.ts";
import type { Carrying } from "./registered.ts";
import { BAGGAGE, TRACESTATE } from "./w3c/fields.ts";
import type { Field } from "./w3c.ts";

/** A header repeated more often than this is read no further: each reading is a run of the propagator. */
const MAX_READINGS = 8;

/** Both specifications join a repeated one by commas: every value belongs to the one list. */
function isList(lower: string): boolean {
  return lower === TRACESTATE || lower === BAGGAGE;
}

/** A message's headers as a propagator asks for them: by name in any letter case, values as text. */
class Readable {
  readonly names: string[] = [];
  private readonly values = new Map<string, unknown[]>();
  /** How often the most repeated of the propagator's own headers stands; those that are lists by rule do not count. */
  most = 0;
  /** Which of several values is given: 0 for the first; the last one where there are fewer. */
  reading = 0;

  constructor(headers: Headers, fields: ReadonlySet<string>) {
    eachHeader(headers, (rawName, value) => {
      const name = nameText(rawName);
      if (name === undefined) return;
      const lower = name.toLowerCase();
      let held = this.values.get(lower);
      if (held === undefined) {
        this.values.set(lower, (held = []));
        this.names.push(name);
      }
      const values = held;
      eachValue(value, (single) => {
        if (single !== undefined && single !== null) values.push(single);
      });
      if (fields.has(lower) && !isList(lower)) this.most = Math.max(this.most, values.length);
    });
  }

  get(name: string): string | string[] | undefined {
    const lower = name.toLowerCase();
    const values = this.values.get(lower);
    if (values === undefined || values.length === 0) return undefined;
    if (isList(lower)) {
      return values.map((value) => valueText(value) ?? "").join(",");
    }
    return valueText(values[Math.min(this.reading, values.length - 1)]);
  }
}

const getter: TextMapGetter<Readable> = {
  keys: (carrier) => carrier.names,
  get: (carrier, name) => carrier.get(name),
};

/** What the application's propagator makes of a message: one context a reading, the first header first. */
export interface Readings {
  /** Whether any of the propagator's own headers stands on the message. */
  readonly present: boolean;
  readonly contexts: readonly Context[];
}

/**
 * Runs the application's propagator over a message's headers, on top of `origin`; once for each
 * value of a repeated header, so that its own reading of an array never decides.
 */
export function extractWith(headers: Headers, carrying: Carrying, origin: Context): Readings {
  const carrier = new Readable(headers, carrying.fields);
  const contexts: Context[] = [];
  const readings = Math.min(Math.max(carrier.most, 1), MAX_READINGS);
  for (carrier.reading = 0; carrier.reading < readings; carrier.reading++) {
    const extracted = carrying.propagator?.extract(origin, carrier, getter);
    if (typeof extracted?.getValue === "function") contexts.push(extracted);
    else unfit("extract", extracted);
  }
  return { present: carrier.most > 0, contexts };
}

const setter: TextMapSetter<Map<string, string>> = {
  set(carrier, name, value) {
    carrier.set(name, value);
  },
};

/** The headers that the application's propagator sends for a context. */
export function injectWith(context: Context, carrying: Carrying): Field[] {
  const fields = new Map<string, string>();
  const injected: unknown = carrying.propagator?.inject(context, fields, setter);
  discard("inject", injected);
  return [...fields];
}
