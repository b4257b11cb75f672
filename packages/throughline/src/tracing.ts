import { ProxyTracerProvider, type Tracer } from "@opentelemetry/api";
import { fault, unfit } from "./guard.ts";
import { type Counts, countsOf, type Meters, metersOn, NO_METERS } from "./metrics.ts";
import { checkOptions, type Options } from "./options.ts";
import { type Carrying, NOTHING_CARRIED, readRegistered, registration } from "./registered.ts";

/** A tracer without an SDK behind it: its spans record nothing and carry their parent's context on. */
const noSpans = new ProxyTracerProvider().getTracer("throughline");

/** What one message's handling needs of the application's OpenTelemetry. */
export interface Now {
  readonly tracer: Tracer;
  readonly carrying: Carrying;
  readonly meters: Meters;
}

/**
 * The options of one traced client beside what the application has registered, which is read anew
 * whenever a registration changes: a client may well be wrapped before the SDK has started.
 */
export class Tracing {
  readonly options: Readonly<Options>;
  readonly counts: Counts;
  /** Whether spans are made at all. */
  readonly spans: boolean;
  private seen = 0;
  private held: Now = { tracer: noSpans, carrying: NOTHING_CARRIED, meters: NO_METERS };

  /** @throws {TypeError} for an option that does not take what it got. */
  constructor(options: Options = {}) {
    this.options = checkOptions(options);
    this.counts = countsOf(options.meterProvider);
    this.spans = options.spans !== "off";
  }

  now(): Now {
    const current = registration();
    if (current !== this.seen) {
      this.seen = current;
      this.held = this.read();
    }
    return this.held;
  }

  private read(): Now {
    try {
      const { tracer, carrying, meterProvider } = readRegistered(this.options);
      if (typeof (tracer as Tracer | undefined)?.startSpan !== "function") {
        unfit("start span", tracer);
      }
      return { tracer, carrying, meters: metersOn(meterProvider, this.counts) };
    } catch (error) {
      fault("start span", error);
      return { tracer: noSpans, carrying: NOTHING_CARRIED, meters: NO_METERS };
    }
  }
}
