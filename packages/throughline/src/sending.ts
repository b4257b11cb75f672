import type { Span } from "@opentelemetry/api";
import type { Destination } from "./destination.ts";
import { markFailed } from "./failure.ts";
import { fault } from "./guard.ts";
import type { Ending } from "./run.ts";
import { errorType } from "./semconv.ts";

/** One send while it is under way: the headers to send, and how its span ends. */
export class Sending implements Ending {
  /** New headers, one for each message; undefined for a message to be sent as it is. */
  readonly headers: readonly (object | undefined)[];
  private readonly destination: Destination;
  private readonly span: Span | undefined;
  private readonly startMs: number;

  constructor(
    destination: Destination,
    headers: readonly (object | undefined)[],
    span: Span | undefined,
  ) {
    this.destination = destination;
    this.headers = headers;
    this.span = span;
    const timed = destination.tracing.now().meters.operation !== undefined;
    this.startMs = timed ? performance.now() : 0;
  }

  /** Ends the span and counts the messages. Never throws. */
  end(failed: boolean, error: unknown): void {
    try {
      const type = failed ? errorType(error) : undefined;
      this.destination.countSent(this.headers.length, type);
      this.destination.measure(this.startMs, type);
    } catch (problem) {
      fault("metrics", problem);
    }
    try {
      if (this.span === undefined) return;
      if (failed && this.span.isRecording()) markFailed(this.span, error);
      this.span.end();
    } catch (problem) {
      fault("end span", problem);
    }
  }
}
