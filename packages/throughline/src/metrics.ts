import {
  type Attributes,
  createNoopMeter,
  type Histogram,
  type Meter,
  type MeterProvider,
  type ObservableResult,
} from "@opentelemetry/api";
import { OUTCOMES } from "./extract.ts";
import { discard, fault, faults } from "./guard.ts";
import {
  CONSUMED_MESSAGES,
  CONTEXT_OUTCOMES,
  DURATION_BUCKETS_S,
  FAULTS,
  OPERATION_DURATION,
  PROCESS_DURATION,
  SENT_MESSAGES,
} from "./semconv.ts";
import { VERSION } from "./version.ts";

/** One time series counted in a plain integer: an instrument's add() a message costs more than the rest of the flow. */
export interface Series {
  count: number;
  readonly attributes: Attributes;
}

/** Series beyond this many are counted together, as the metrics SDK itself does. */
const MAX_SERIES = 2000;
const OVERFLOW: Attributes = { "otel.metric.overflow": true };

/** The series of one instrument, by their attributes; read when the SDK collects. */
class Counters {
  private readonly series = new Map<string, Series>();

  /** The one series with these attributes; keep it, and count on it. */
  of(attributes: Attributes): Series {
    const key = JSON.stringify(attributes);
    const known = this.series.get(key);
    if (known !== undefined) return known;
    if (this.series.size >= MAX_SERIES) return this.overflow();
    const made: Series = { count: 0, attributes };
    this.series.set(key, made);
    return made;
  }

  observe(result: ObservableResult): void {
    for (const { count, attributes } of this.series.values()) {
      if (count > 0) result.observe(count, attributes);
    }
  }

  private overflow(): Series {
    const held = this.series.get("") ?? { count: 0, attributes: OVERFLOW };
    this.series.set("", held);
    return held;
  }
}

/**
 * Everything that is counted for one meter provider. Counting goes on whether anybody collects or
 * not, but for sends that nothing waits for (see sending.ts).
 */
export class Counts {
  readonly sent: Counters = new Counters();
  readonly consumed: Counters = new Counters();
  readonly outcomes: Counters = new Counters();
  /** The providers that read these counts, each with its durations. */
  readonly attached: WeakMap<object, Meters> = new WeakMap<object, Meters>();

  /** The series of a destination by outcome, in the order of OUTCOMES. */
  outcomesOf(attributes: Attributes): Readonly<Record<(typeof OUTCOMES)[number], Series>> {
    const [extracted, missing, malformed, duplicate, unread] = OUTCOMES.map((outcome) =>
      this.outcomes.of({ ...attributes, outcome }),
    ) as [Series, Series, Series, Series, Series];
    return { extracted, missing, malformed, duplicate, unread };
  }
}

const byProvider = new WeakMap<object, Counts>();
const globalCounts = new Counts();

/** The counts of a provider that an application chose; of the global one, whichever it is, else. */
export function countsOf(chosen: MeterProvider | undefined): Counts {
  if (chosen === undefined) return globalCounts;
  let counts = byProvider.get(chosen);
  if (counts === undefined) byProvider.set(chosen, (counts = new Counts()));
  return counts;
}

/** The two durations, in seconds; undefined where nobody collects, so that no clock is read. */
export interface Meters {
  readonly process: Histogram | undefined;
  readonly operation: Histogram | undefined;
}

export const NO_METERS: Meters = { process: undefined, operation: undefined };

const noopHistogram = createNoopMeter().createHistogram("");

/** Makes the instruments on a provider, once for each. */
export function metersOn(provider: MeterProvider, counts: Counts): Meters {
  const known = counts.attached.get(provider);
  if (known !== undefined) return known;
  let meters = NO_METERS;
  try {
    const meter = provider.getMeter("throughline", VERSION);
    discard("metrics", meter);
    const process = duration(meter, PROCESS_DURATION, "Duration of processing a message.");
    const operation = duration(meter, OPERATION_DURATION, "Duration of a messaging operation.");
    if (process !== noopHistogram) {
      meters = { process, operation };
      observe(meter, SENT_MESSAGES, "Messages sent.", (result) => counts.sent.observe(result));
      observe(meter, CONSUMED_MESSAGES, "Messages delivered to the application.", (result) =>
        counts.consumed.observe(result),
      );
      observe(meter, CONTEXT_OUTCOMES, "Messages by what became of their context.", (result) =>
        counts.outcomes.observe(result),
      );
      observe(meter, FAULTS, "Failures of tracing itself, by step.", (result) => {
        for (const [step, count] of faults()) result.observe(count, { step });
      });
    }
  } catch (error) {
    fault("metrics", error);
  }
  counts.attached.set(provider, meters);
  return meters;
}

function duration(meter: Meter, name: string, description: string): Histogram {
  const histogram = meter.createHistogram(name, {
    description,
    unit: "s",
    advice: { explicitBucketBoundaries: [...DURATION_BUCKETS_S] },
  });
  discard("metrics", histogram);
  return histogram;
}

function observe(
  meter: Meter,
  name: string,
  description: string,
  callback: (result: ObservableResult) => void,
): void {
  const unit = name === FAULTS ? "{failure}" : "{message}";
  meter.createObservableCounter(name, { description, unit }).addCallback(callback);
}

/** Records how long ago something began, in seconds. */
export function recordSince(histogram: Histogram, startMs: number, attributes: Attributes): void {
  const recorded: unknown = histogram.record((performance.now() - startMs) / 1000, attributes);
  discard("metrics", recorded);
}
