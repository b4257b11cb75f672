import type { Tracer } from "@opentelemetry/api";
import { type Counts, countsOf, type Meters, metersOn, NO_METERS } from "./metrics.ts";
import { checkOptions, type Options } from "./options.ts";
import { type Carrying, readRegistered, registration } from "./registered.ts";

/** What one message's handling needs of the application's OpenTelemetry. */
export interface Now {
  readonly tracer: Tracer;
  readonly carrying: Carrying;
  readonly meters: Meters;
  /** Whether it has been looked at for what it lacks; see lacking.ts. */
  lookedAt: boolean;
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
  private held: Now | undefined;

  /** @throws {TypeError} for an option that does not take what it got. */
  constructor(options: Options = {}) {
    this.options = checkOptions(options);
    this.counts = countsOf(options.meterProvider);
    this.spans = options.spans !== "off";
  }

  now(): Now {
    const current = registration();
    if (this.held === undefined || current !== this.seen) {
      this.seen = current;
      this.held = this.read();
    }
    return this.held;
  }

  private read(): Now {
    const { tracer, carrying, meterProvider } = readRegistered(this.options);
    const meters = meterProvider === undefined ? NO_METERS : metersOn(meterProvider, this.counts);
    return { tracer, carrying, meters, lookedAt: false };
  }
}
