import { type Attributes, SpanKind, type SpanOptions } from "@opentelemetry/api";
import { keep } from "./bounded.ts";
import { listed } from "./listed.ts";
import { recordSince, type Series } from "./metrics.ts";
import { ERROR_TYPE, OPERATION_NAME, OPERATION_TYPE, SYSTEM } from "./semconv.ts";
import { clientAttributes, destinationNames, isIgnored } from "./source.ts";
import type { Tracing } from "./tracing.ts";

type Operation = "create" | "send";

/** Whether what is sent to a destination comes to where a dead letter says that its message was. */
export type LeadsTo = (destination: string, origin: string) => boolean;

/** Most brokers call a place the same on both sides. */
const isTheOrigin: LeadsTo = (destination, origin) => origin === destination;

/** One place that a producer sends to, with everything its messages share, worked out once. */
export class Destination {
  readonly name: string;
  readonly tracing: Tracing;
  readonly ignored: boolean;
  readonly sendName: string;
  readonly createName: string;
  /** What a span of one message is started with; copied where there are links or a count. */
  readonly sendOptions: SpanOptions;
  readonly createOptions: SpanOptions;
  private readonly leads: LeadsTo;
  private readonly measured: Attributes;
  private readonly sent: Series;

  /** @param attributes of the broker's own, for every span of a send. */
  constructor(
    system: string,
    tracing: Tracing,
    destination: string,
    attributes: Attributes = {},
    leads: LeadsTo = isTheOrigin,
  ) {
    this.name = destination;
    this.leads = leads;
    this.tracing = tracing;
    this.ignored = isIgnored(tracing, destination);
    const named = destinationNames(tracing, destination);
    this.sendName = `send ${named.low}`.trimEnd();
    this.createName = `create ${named.low}`.trimEnd();
    const options = (operation: Operation): SpanOptions => ({
      kind: SpanKind.PRODUCER,
      attributes: listed({
        [OPERATION_NAME]: operation,
        [OPERATION_TYPE]: operation,
        [SYSTEM]: system,
        ...named.span,
        ...attributes,
        ...clientAttributes(tracing),
      }),
    });
    this.sendOptions = options("send");
    this.createOptions = options("create");
    this.measured = { [OPERATION_NAME]: "send", [SYSTEM]: system, ...named.metric };
    this.sent = tracing.counts.sent.of(this.measured);
  }

  /** Whether a dead letter that is sent here is replayed: this leads to where its message was. */
  leadsTo(origin: string): boolean {
    return this.leads(this.name, origin);
  }

  /** Counts messages that a send has delivered, or failed to. */
  countSent(messages: number, failure: string | undefined): void {
    const series =
      failure === undefined ? this.sent : this.tracing.counts.sent.of(this.failed(failure));
    series.count += messages;
  }

  /** Records how long a send took, where anybody collects it. */
  measure(startMs: number, failure: string | undefined): void {
    const { operation } = this.tracing.now().meters;
    if (operation === undefined) return;
    const attributes = failure === undefined ? this.measured : this.failed(failure);
    recordSince(operation, startMs, attributes);
  }

  private failed(type: string): Attributes {
    return { ...this.measured, [ERROR_TYPE]: type };
  }
}

/** A producer may be given any number of names: the oldest destinations are forgotten beyond this. */
const MAX_DESTINATIONS = 1000;

/** A producer's destinations, each made once. */
export class Destinations {
  private readonly known = new Map<string, Destination>();
  /** The one asked for last: most producers send to one place many times over. */
  private last: Destination | undefined;
  private readonly system: string;
  private readonly tracing: Tracing;
  private readonly leads: LeadsTo | undefined;

  constructor(system: string, tracing: Tracing, leads?: LeadsTo) {
    this.system = system;
    this.tracing = tracing;
    this.leads = leads;
  }

  of(name: string): Destination {
    if (this.last?.name === name) return this.last;
    const known = this.known.get(name);
    return (this.last = known ?? this.made(name));
  }

  private made(name: string): Destination {
    const made = new Destination(this.system, this.tracing, name, {}, this.leads);
    return keep(this.known, name, made, MAX_DESTINATIONS);
  }
}
