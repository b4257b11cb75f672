import type {
  Attributes,
  MeterProvider,
  Span,
  TextMapPropagator,
  TracerProvider,
} from "@opentelemetry/api";
import type { Duplicates } from "./extract.ts";
import { shown, unknownName } from "./mistake.ts";
import type { ChooseRelation, Relation } from "./relation.ts";

/** What a message's handling came to, as {@link Options.onEnd} is told. */
export interface Result {
  /** What the handler threw or rejected with, or was dead-lettered for; absent where it succeeded. */
  readonly error?: unknown;
}

/** How a traced client behaves. Every option may be left out. */
export interface Options {
  /** How a process span relates to its message's creation context. Default `"parent"`. */
  relation?: Relation | ChooseRelation;
  /** `"off"`: context is extracted, activated and injected, and no span is made. Default `"on"`. */
  spans?: "on" | "off";
  /**
   * Whether a send of 2 to 128 messages gives each a create span of its own. Default true. False,
   * and any larger send: all messages carry the one send span's context.
   */
  createSpans?: boolean;
  /** What to do with a message that carries traceparents of different traces. Default `"new"`. */
  duplicates?: Duplicates;
  /**
   * What a send does with a message that already carries a context: `"replace"` (default) gives it
   * the new span's in the same trace, `"keep"` leaves its header byte for byte.
   */
  carried?: "replace" | "keep";
  /** Attributes to add to a message's process span; called only where the span records. */
  attributes?: (message: object) => Attributes | undefined;
  /** Called just before a process span ends, where the span records. */
  onEnd?: (span: Span, result: Result) => void;
  /** A low-cardinality name for a destination (`messaging.destination.template`), for span names and metrics. */
  destinationTemplate?: (destination: string) => string | undefined;
  /** Destinations to leave alone: no scope, no span, no header. Asked once a destination. */
  ignore?: (destination: string) => boolean;
  /** False keeps message keys out of spans. Default true. */
  messageKey?: boolean;
  /** The broker's address, where the client does not tell it. */
  server?: { address: string; port?: number };
  /** The client's id, where the client does not tell it. */
  clientId?: string;
  /** The consumer group, where the client does not tell it. */
  groupId?: string;
  /** False writes no header: for brokers whose message format has none. Default true. */
  inject?: boolean;
  /** Runs for every message in place of the global propagator. */
  propagator?: TextMapPropagator;
  /** In place of the global tracer provider. */
  tracerProvider?: TracerProvider;
  /** In place of the global meter provider. */
  meterProvider?: MeterProvider;
}

/** Every option by its name: one that is not here is misspelt. */
const NAMES: Readonly<Record<keyof Options, true>> = {
  relation: true,
  spans: true,
  createSpans: true,
  duplicates: true,
  carried: true,
  attributes: true,
  onEnd: true,
  destinationTemplate: true,
  ignore: true,
  messageKey: true,
  server: true,
  clientId: true,
  groupId: true,
  inject: true,
  propagator: true,
  tracerProvider: true,
  meterProvider: true,
};

const CHOICES: Readonly<Record<string, readonly unknown[]>> = {
  spans: ["on", "off"],
  duplicates: ["new", "last", "first"],
  carried: ["replace", "keep"],
  createSpans: [true, false],
  messageKey: [true, false],
  inject: [true, false],
};
const FUNCTIONS = ["attributes", "onEnd", "destinationTemplate", "ignore"] as const;
const TEXTS = ["clientId", "groupId"] as const;
const METHODS = {
  propagator: ["fields", "inject", "extract"],
  tracerProvider: ["getTracer"],
  meterProvider: ["getMeter"],
} as const;
const RELATIONS: readonly unknown[] = ["parent", "link", "both"];

/**
 * Checks options when a client is wrapped, where a mistake can still be seen.
 *
 * @throws {TypeError} naming the option, what it got and what it takes; or that there is none of
 *   that name.
 */
export function checkOptions(options: Options): Options {
  if (options === null || typeof options !== "object") {
    throw new TypeError(`throughline: options must be an object, got ${shown(options)}`);
  }
  const misspelt = unknownName(options, NAMES);
  if (misspelt !== undefined) throw new TypeError(`throughline: there is no option ${misspelt}`);
  for (const [name, choices] of Object.entries(CHOICES)) {
    const value = options[name as keyof Options];
    if (value !== undefined && !choices.includes(value)) refuse(name, value, choices.join(" or "));
  }
  for (const name of FUNCTIONS) {
    const value = options[name];
    if (value !== undefined && typeof value !== "function") refuse(name, value, "a function");
  }
  for (const name of TEXTS) {
    const value = options[name];
    if (value !== undefined && typeof value !== "string") refuse(name, value, "text");
  }
  for (const [name, methods] of Object.entries(METHODS)) {
    const value: unknown = options[name as keyof Options];
    if (value !== undefined && !hasMethods(value, methods)) {
      refuse(name, value, `an object with ${methods.join(", ")}`);
    }
  }
  const { relation, server } = options;
  if (server !== undefined && !isServer(server)) {
    refuse("server", server, "{ address, port? }");
  }
  if (relation !== undefined && typeof relation !== "function" && !RELATIONS.includes(relation)) {
    refuse("relation", relation, "parent, link, both or a function");
  }
  return { ...options };
}

function isServer(server: unknown): boolean {
  const { address, port } = (server ?? {}) as { address?: unknown; port?: unknown };
  return typeof address === "string" && (port === undefined || typeof port === "number");
}

function hasMethods(value: unknown, methods: readonly string[]): boolean {
  if (value === null || typeof value !== "object") return false;
  return methods.every((name) => typeof (value as Record<string, unknown>)[name] === "function");
}

function refuse(name: string, value: unknown, takes: string): never {
  throw new TypeError(`throughline: option ${name} takes ${takes}, got ${shown(value)}`);
}
