import { type Attributes, SpanKind, type SpanOptions } from "@opentelemetry/api";
import type { Headers } from "./carrier.ts";
import type { Outcome } from "./extract.ts";
import { fault, unfit } from "./guard.ts";
import { listed } from "./listed.ts";
import type { MessageFormat, Origin } from "./message.ts";
import type { Series } from "./metrics.ts";
import {
  CLIENT_ID,
  DESTINATION,
  DESTINATION_TEMPLATE,
  ERROR_TYPE,
  GROUP,
  OPERATION_NAME,
  OPERATION_TYPE,
  PARTITION,
  SERVER_ADDRESS,
  SERVER_PORT,
  SYSTEM,
} from "./semconv.ts";
import type { Tracing } from "./tracing.ts";

/** The last duration attributes made for a failure, per source: one error type at a time is the common case. */
interface Failed {
  readonly type: string;
  readonly attributes: Attributes;
}

/**
 * One place that messages come from (a partition of a topic for one group, a queue) with everything
 * that its messages share, worked out once: span name, frozen attributes, time series.
 */
export class Source {
  readonly format: MessageFormat;
  readonly tracing: Tracing;
  readonly origin: Origin;
  /** The application asked to leave this destination alone. */
  readonly ignored: boolean;
  /**
   * Another instrumentation makes this client's process spans and metrics: the scope is ours, the
   * span is its.
   */
  readonly foreignSpans: boolean;
  readonly spanName: string;
  readonly spanAttributes: Attributes;
  readonly durationAttributes: Attributes;
  /** What a span of a message without links is started with. */
  readonly spanOptions: SpanOptions;
  /** The source itself, of one that has a message's own headers in place of its format's. */
  private readonly plain: Source = this;
  /** The last fetch that a message came in; see rememberDelivery. */
  lastShared: object | undefined;
  private readonly consumed: Series;
  private readonly outcomes: Readonly<Record<Outcome, Series>>;
  private failed: Failed | undefined;

  /** @param attributes of the broker's own, for every process span. */
  constructor(
    format: MessageFormat,
    tracing: Tracing,
    origin: Origin,
    foreignSpans = false,
    attributes: Attributes = {},
  ) {
    this.format = format;
    this.tracing = tracing;
    this.origin = origin;
    this.foreignSpans = foreignSpans;
    const { destination, partition, group } = origin;
    this.ignored = isIgnored(tracing, destination);
    const named = destinationNames(tracing, destination);
    this.spanName = `process ${named.low}`.trimEnd();
    const system = origin.system === "" ? {} : { [SYSTEM]: origin.system };
    const reader = {
      ...(group === undefined ? {} : { [GROUP]: group }),
      ...(partition === undefined ? {} : { [PARTITION]: String(partition) }),
    };
    this.spanAttributes = listed({
      [OPERATION_NAME]: "process",
      [OPERATION_TYPE]: "process",
      ...system,
      ...named.span,
      ...reader,
      ...attributes,
      ...clientAttributes(tracing),
    });
    const measured = { ...system, ...named.metric, ...reader };
    this.spanOptions = { kind: SpanKind.CONSUMER, attributes: this.spanAttributes };
    this.durationAttributes = Object.freeze({ [OPERATION_NAME]: "process", ...measured });
    this.consumed = tracing.counts.consumed.of({ [OPERATION_NAME]: "process", ...measured });
    this.outcomes = tracing.counts.outcomesOf({ ...system, ...named.metric });
  }

  /** The same for one message whose headers do not stand on it; told again, the latest are its own. */
  withHeaders(headers: Headers): Source {
    const { sharedObject: _, ...format } = this.plain.format;
    return Object.create(this.plain, {
      format: { value: { ...format, headers: () => headers } },
    }) as Source;
  }

  /** One message was delivered. */
  countDelivery(): void {
    if (!this.foreignSpans) this.consumed.count += 1;
  }

  /** One message's context was read. */
  countOutcome(outcome: Outcome): void {
    this.outcomes[outcome].count += 1;
  }

  /** The duration's attributes for a message that failed with an error of this type. */
  failedDurationAttributes(type: string): Attributes {
    if (this.failed?.type !== type) {
      const attributes = Object.freeze({ ...this.durationAttributes, [ERROR_TYPE]: type });
      this.failed = { type, attributes };
    }
    return this.failed.attributes;
  }
}

/** The source of messages taken together: their own where they have one, else one that names what they share. */
export function sharedSource(first: Source, sources: readonly Source[]): Source {
  if (sources.every((each) => each === first)) return first;
  const shares = (name: keyof Origin): boolean =>
    sources.every(({ origin }) => origin[name] === first.origin[name]);
  const { system, destination, partition, group } = first.origin;
  const oneDestination = shares("destination");
  return new Source(
    first.format,
    first.tracing,
    {
      system: shares("system") ? system : "",
      destination: oneDestination ? destination : "",
      ...(oneDestination && partition !== undefined && shares("partition") ? { partition } : {}),
      ...(group !== undefined && shares("group") ? { group } : {}),
    },
    first.foreignSpans,
  );
}

/** Whether the application asked to leave a destination alone; it is not asked about an unknown one. */
export function isIgnored(tracing: Tracing, destination: string): boolean {
  if (destination === "") return false;
  try {
    const said: unknown = tracing.options.ignore?.(destination);
    if (said instanceof Promise) unfit("ignore", said);
    return said === true;
  } catch (error) {
    fault("ignore", error);
    return false;
  }
}

/** How a destination is named: in a span's name, in its attributes, and in metrics. */
export interface DestinationNames {
  /** Low in cardinality where the application gives a template. */
  readonly low: string;
  readonly span: Attributes;
  /** With a template, the template alone: the convention keeps high-cardinality names out of metrics. */
  readonly metric: Attributes;
}

/** Names a destination, by the application's template where it has one. */
export function destinationNames(tracing: Tracing, destination: string): DestinationNames {
  if (destination === "") return { low: "", span: {}, metric: {} };
  let template: unknown;
  try {
    template = tracing.options.destinationTemplate?.(destination);
    if (template instanceof Promise) unfit("attributes", template);
  } catch (error) {
    fault("attributes", error);
  }
  const name = { [DESTINATION]: destination };
  if (typeof template !== "string") return { low: destination, span: name, metric: name };
  const metric = { [DESTINATION_TEMPLATE]: template };
  return { low: template, span: { ...name, ...metric }, metric };
}

/** The attributes of the client itself, as far as the application told them. */
export function clientAttributes(tracing: Tracing): Attributes {
  const { clientId, server } = tracing.options;
  return {
    ...(clientId === undefined ? {} : { [CLIENT_ID]: clientId }),
    ...(server === undefined ? {} : { [SERVER_ADDRESS]: server.address }),
    ...(server?.port === undefined ? {} : { [SERVER_PORT]: server.port }),
  };
}
