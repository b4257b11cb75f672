import {
  type MeterProvider,
  metrics,
  propagation,
  ProxyTracerProvider,
  type TextMapPropagator,
  type Tracer,
  type TracerProvider,
  trace,
} from "@opentelemetry/api";
import { discard, fault, unfit } from "./guard.ts";
import { VERSION } from "./version.ts";
import { BAGGAGE, TRACEPARENT, W3C_FIELDS } from "./w3c/fields.ts";
import { W3CPropagator } from "./w3c.ts";

/** What carries the context, as rule 12 of the design decides. */
export interface Carrying {
  /**
   * The propagator that runs for every message; undefined where our own W3C code takes the place of
   * one that carries nothing else.
   */
  readonly propagator: TextMapPropagator | undefined;
  /** Lower-case names of the headers it owns: replaced as one set when sending. Empty: carry nothing. */
  readonly fields: ReadonlySet<string>;
  /** How long these names are, and what they begin with, a bit each: tells most others apart. */
  readonly lengths: number;
  readonly initials: number;
  readonly baggage: boolean;
}

/** The application's OpenTelemetry as it stands now. */
export interface Registered {
  readonly tracer: Tracer;
  readonly carrying: Carrying;
  /** Undefined where none can be had. */
  readonly meterProvider: MeterProvider | undefined;
}

/** Where an application's choice differs from what is registered globally. */
export interface Chosen {
  readonly propagator?: TextMapPropagator | undefined;
  readonly tracerProvider?: TracerProvider | undefined;
  readonly meterProvider?: MeterProvider | undefined;
}

// Every copy of the api 1.x keeps what is registered in one object under this symbol. Reading it
// tells in a few nanoseconds that nothing has changed; asking the api three times costs a hundred.
const API = Symbol.for("opentelemetry.js.api.1");
interface Globals {
  trace?: unknown;
  metrics?: unknown;
  propagation?: unknown;
}

let globals: Globals | undefined;
let seenTrace: unknown;
let seenMetrics: unknown;
let seenPropagation: unknown;
let generation = 1;

/** A number that grows when the application registers, or disables, a global of the api. */
export function registration(): number {
  // The api makes the object once and keeps it: looking it up each time is most of this function's cost.
  globals ??= (globalThis as { [API]?: Globals })[API];
  if (
    globals !== undefined &&
    (globals.trace !== seenTrace ||
      globals.metrics !== seenMetrics ||
      globals.propagation !== seenPropagation)
  ) {
    seenTrace = globals.trace;
    seenMetrics = globals.metrics;
    seenPropagation = globals.propagation;
    generation += 1;
  }
  return generation;
}

/** A tracer without an SDK behind it: its spans record nothing and carry their parent's context on. */
const noSpans = new ProxyTracerProvider().getTracer("throughline");

/**
 * Reads what is registered now. An application may register late: call again when registration()
 * has grown. Each part is read by itself, so that one which fails takes no other with it.
 */
export function readRegistered(chosen: Chosen): Registered {
  return {
    tracer: tracerOf(chosen.tracerProvider),
    carrying: carryingOf(chosen.propagator),
    meterProvider: meterProviderOf(chosen.meterProvider),
  };
}

function tracerOf(chosen: TracerProvider | undefined): Tracer {
  try {
    const tracer: Tracer | undefined = (chosen ?? trace).getTracer("throughline", VERSION);
    if (typeof tracer?.startSpan === "function") return tracer;
    unfit("start span", tracer);
  } catch (error) {
    fault("start span", error);
  }
  return noSpans;
}

function meterProviderOf(chosen: MeterProvider | undefined): MeterProvider | undefined {
  if (chosen !== undefined) return chosen;
  try {
    return metrics.getMeterProvider();
  } catch (error) {
    fault("metrics", error);
    return undefined;
  }
}

/** No propagator is registered: nothing is read off messages and nothing written to them. */
const NOTHING_CARRIED: Carrying = {
  propagator: undefined,
  fields: new Set(),
  lengths: 0,
  initials: 0,
  baggage: false,
};

/** The bit of a name's length; one bit for all of 31 and more. */
export function lengthBit(name: string): number {
  return 1 << (name.length < 31 ? name.length : 31);
}

/** The bit of a name's first letter in either case; every bit for what is beyond ASCII. */
export function initialBit(name: string): number {
  const code = name.charCodeAt(0);
  return code < 128 ? 1 << (code & 31) : -1;
}

function carryingOf(chosen: TextMapPropagator | undefined): Carrying {
  let fields: Set<string>;
  try {
    const names = (chosen ?? propagation).fields();
    discard("extract", names);
    fields = new Set(names.map((field) => field.toLowerCase()));
  } catch (error) {
    fault("extract", error);
    return NOTHING_CARRIED;
  }
  const lengths = [...fields].reduce((bits, field) => bits | lengthBit(field), 0);
  const initials = [...fields].reduce((bits, field) => bits | initialBit(field), 0);
  const baggage = fields.has(BAGGAGE);
  if (chosen !== undefined && !(chosen instanceof W3CPropagator)) {
    return { propagator: chosen, fields, lengths, initials, baggage };
  }
  if (fields.size === 0) return NOTHING_CARRIED;
  const onlyW3C = fields.has(TRACEPARENT) && [...fields].every((field) => W3C_FIELDS.has(field));
  return { propagator: onlyW3C ? undefined : propagation, fields, lengths, initials, baggage };
}
