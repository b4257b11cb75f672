import {
  type Baggage,
  type Context,
  context,
  INVALID_SPAN_CONTEXT,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  trace,
} from "@opentelemetry/api";
import { fault, unfit } from "./guard.ts";
import type { Scope } from "./scope.ts";

// The api keeps its context keys private. They are read off its own setters once, so that a lookup
// of ours answers to exactly the key that every copy of the api asks for.
function keyUsedBy(set: (probe: Context) => unknown): symbol {
  let key = Symbol("unused");
  const probe: Context = {
    getValue: () => undefined,
    setValue(asked) {
      key = asked;
      return probe;
    },
    deleteValue: () => probe,
  };
  set(probe);
  return key;
}

const NO_SPAN = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);
const SPAN = keyUsedBy((probe) => trace.setSpan(probe, NO_SPAN));
const BAGGAGE = keyUsedBy((probe) => propagation.setBaggage(probe, propagation.createBaggage()));

// Global symbols, and a name: two copies of this library in one process understand each other's contexts.
const SCOPE = Symbol.for("throughline.scope");
/** The span context as it came in, flags whole: what an SDK's span forgets (see w3c.ts). */
export const REMOTE: symbol = Symbol.for("throughline.remote");

/**
 * The context in which one message is handled: values of our own in front of the application's
 * context. Answers getValue, setValue and deleteValue as the api's own does, and copies no map for
 * a message.
 *
 * `origin` is the application's context without anything that a message brought. Handling one
 * message inside another starts from there again, so a loop never keeps older spans alive.
 */
export class MessageContext implements Context {
  /** By a plain name, which another copy of this library reads as well. */
  readonly throughlineOrigin: Context;
  private readonly behind: Context;
  private readonly span: Span | undefined;
  private readonly baggage: Baggage | undefined;
  private readonly scope: Scope | undefined;
  private readonly remote: SpanContext | undefined;

  constructor(
    behind: Context,
    origin: Context,
    span: Span | undefined,
    baggage: Baggage | undefined,
    scope: Scope | undefined,
    remote: SpanContext | undefined,
  ) {
    this.behind = behind;
    this.throughlineOrigin = origin;
    this.span = span;
    this.baggage = baggage;
    this.scope = scope;
    this.remote = remote;
  }

  getValue(key: symbol): unknown {
    if (key === SPAN) return this.span;
    if (key === BAGGAGE) return this.baggage;
    if (key === SCOPE) return this.scope;
    if (key === REMOTE) return this.remote;
    return this.behind.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    if (key === SPAN) return this.copy(value as Span | undefined, this.baggage, this.remote);
    if (key === BAGGAGE) return this.copy(this.span, value as Baggage | undefined, this.remote);
    if (key === REMOTE) return this.copy(this.span, this.baggage, value as SpanContext | undefined);
    return this.over((context) => context.setValue(key, value));
  }

  deleteValue(key: symbol): Context {
    if (key === SPAN) return this.copy(undefined, this.baggage, this.remote);
    if (key === BAGGAGE) return this.copy(this.span, undefined, this.remote);
    if (key === REMOTE) return this.copy(this.span, this.baggage, undefined);
    return this.over((context) => context.deleteValue(key));
  }

  private copy(
    span: Span | undefined,
    baggage: Baggage | undefined,
    remote: SpanContext | undefined,
  ): Context {
    return new MessageContext(
      this.behind,
      this.throughlineOrigin,
      span,
      baggage,
      this.scope,
      remote,
    );
  }

  // The application's own values go on both: the message's lookup, and the origin that outlives it.
  private over(change: (context: Context) => Context): Context {
    const behind = change(this.behind);
    const origin = this.behind === this.throughlineOrigin ? behind : change(this.throughlineOrigin);
    return new MessageContext(behind, origin, this.span, this.baggage, this.scope, this.remote);
  }
}

/**
 * The application's part of a context: what a message's own context is laid over. The span and the
 * baggage of whatever was active stay hidden behind MessageContext's own; a suppressed region and
 * the application's values stay.
 */
export function originOf(active: Context): Context {
  return (active as Partial<MessageContext>).throughlineOrigin ?? active;
}

/** The message (or batch) being handled in this context, when a copy of this library opened it. */
export function scopeIn(active: Context): Scope | undefined {
  return active.getValue(SCOPE) as Scope | undefined;
}

/** The active context; the root one where the application's context manager fails. */
export function activeContext(): Context {
  try {
    const active: Context | undefined = context.active();
    if (typeof active?.getValue === "function") return active;
    unfit("activate", active);
  } catch (error) {
    fault("activate", error);
  }
  return ROOT_CONTEXT;
}

/** The span context of a context's span, when it is a valid one. */
export function spanContextIn(active: Context): SpanContext | undefined {
  return valid(trace.getSpan(active)?.spanContext());
}

/** The span context when its ids are not the all-zero ones, else undefined. */
export function valid(spanContext: SpanContext | undefined): SpanContext | undefined {
  return spanContext !== undefined &&
    spanContext.traceId !== INVALID_SPAN_CONTEXT.traceId &&
    spanContext.spanId !== INVALID_SPAN_CONTEXT.spanId
    ? spanContext
    : undefined;
}
