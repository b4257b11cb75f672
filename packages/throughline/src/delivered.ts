import type { Delivery, MessageFormat, Origin } from "./message.ts";
import { Source } from "./source.ts";
import type { Tracing } from "./tracing.ts";

// Under a global symbol, so that two copies of this library agree on who delivered a message.
const KEY = Symbol.for("throughline.delivered.1");
const shared = globalThis as { [KEY]?: WeakMap<object, Source> };
const delivered: WeakMap<object, Source> = (shared[KEY] ??= new WeakMap<object, Source>());

/** Takes note where a message came from, for handlers that take it out of its context. */
export function rememberDelivery(message: object, source: Source): void {
  delivered.set(message, source);
}

/** Where a traced client got this very message; undefined for a copy or another client's. */
export function deliveryOf(message: object): Source | undefined {
  return delivered.get(message);
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
    const oldest = this.known.size >= MAX_SOURCES ? this.known.keys().next().value : undefined;
    if (oldest !== undefined) this.known.delete(oldest);
    const origin: Origin = {
      system,
      destination,
      ...(partition === undefined ? {} : { partition }),
      ...(group === undefined ? {} : { group }),
    };
    const made = new Source(this.format, this.tracing, origin);
    this.known.set(key, made);
    return made;
  }
}
