import { keep } from "./bounded.ts";
import { fault } from "./guard.ts";
import type { Delivery, MessageFormat, Origin } from "./message.ts";
import { Source } from "./source.ts";
import type { Tracing } from "./tracing.ts";

type SharedObject = NonNullable<MessageFormat["sharedObject"]>;

/** Who delivered what: by the message itself, or by an object that it shares with its fetch. */
interface Deliveries {
  readonly sources: WeakMap<object, Source>;
  /** How the formats seen so far find a message's shared object. */
  readonly shared: Set<SharedObject>;
}

// Under a global symbol, so that two copies of this library agree on who delivered a message.
const KEY = Symbol.for("throughline.delivered.1");
const { sources, shared } = ((globalThis as { [KEY]?: Deliveries })[KEY] ??= {
  sources: new WeakMap<object, Source>(),
  shared: new Set<SharedObject>(),
});

/** Takes note where a message came from, for handlers that take it out of its context. */
export function rememberDelivery(message: object, source: Source): void {
  const { sharedObject } = source.format;
  const key = sharedObject?.(message);
  if (key === undefined) {
    sources.set(message, source);
    return;
  }
  // An entry a message is the dearest part of the path without spans: one a fetch is enough.
  if (key === source.lastShared) return;
  source.lastShared = key;
  sources.set(key, source);
  if (sharedObject !== undefined) shared.add(sharedObject);
}

/** Where a traced client got this message; undefined for another client's, or one made anew. Never throws. */
export function deliveryOf(message: object): Source | undefined {
  const own = sources.get(message);
  if (own !== undefined) return own;
  try {
    for (const sharedObject of shared) {
      const key = sharedObject(message);
      const source = key === undefined ? undefined : sources.get(key);
      if (source !== undefined) return source;
    }
  } catch (error) {
    fault("adapter", error); // Whoever's message it is, it may be anything.
  }
  return undefined;
}

/** Sources told by hand are kept for this many destinations; the oldest go first. */
const MAX_SOURCES = 1000;

/** The sources of a client's messages by where they came from, each made once. */
export class Sources {
  private readonly known = new Map<string, Source>();
  private readonly format: MessageFormat;
  private readonly tracing: Tracing;

  constructor(format: MessageFormat, tracing: Tracing) {
    this.format = format;
    this.tracing = tracing;
  }

  of(told: Partial<Delivery>): Source {
    const system = told.system ?? this.format.system ?? "";
    const { destination = "", partition, group } = told;
    const key = `${system}\n${destination}\n${partition ?? ""}\n${group ?? ""}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const origin: Origin = {
      system,
      destination,
      ...(partition === undefined ? {} : { partition }),
      ...(group === undefined ? {} : { group }),
    };
    return keep(this.known, key, new Source(this.format, this.tracing, origin), MAX_SOURCES);
  }
}
