import { fault } from "../../guard.ts";
import type { MessageFormat } from "../../message.ts";
import { Source } from "../../source.ts";
import type { Tracing } from "../../tracing.ts";
import { deliveredFrom, SYSTEM_NAME } from "./destination.ts";

/** A topic exchange brings any number of routing keys: the oldest sources are forgotten beyond this. */
const MAX_SOURCES = 1000;

/** The sources of the messages of one queue, an exchange and routing key each, made as they are first seen. */
export class Queue {
  private readonly known = new Map<string, Source>();
  private readonly format: MessageFormat;
  private readonly tracing: Tracing;
  private readonly name: string;
  private readonly foreignSpans: boolean;

  constructor(name: unknown, format: MessageFormat, tracing: Tracing, foreignSpans = false) {
    this.name = typeof name === "string" ? name : "";
    this.format = format;
    this.tracing = tracing;
    this.foreignSpans = foreignSpans;
  }

  /** Undefined where it can't be worked out: the message is then left to its handler. */
  find(exchange: unknown, routingKey: unknown): Source | undefined {
    try {
      return this.of(text(exchange), text(routingKey));
    } catch (error) {
      fault("adapter", error);
      return undefined;
    }
  }

  private of(exchange: string, routingKey: string): Source {
    const destination = deliveredFrom(exchange, routingKey, this.name);
    const known = this.known.get(destination);
    if (known !== undefined) return known;
    const oldest = this.known.size >= MAX_SOURCES ? this.known.keys().next().value : undefined;
    if (oldest !== undefined) this.known.delete(oldest);
    const origin = { system: SYSTEM_NAME, destination };
    const made = new Source(this.format, this.tracing, origin, this.foreignSpans);
    this.known.set(destination, made);
    return made;
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
