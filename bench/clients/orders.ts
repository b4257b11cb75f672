import { setImmediate } from "node:timers/promises";
import { type Context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { activeTraceparent, type Seen } from "./sides.ts";

/** How many messages a run takes. */
export const MESSAGES = 600;

export const BODY = '{"id":1,"sku":"9ad2f10c","quantity":2}';

/** What an order has beside its trace. */
export const HEADERS = { "content-type": "application/json", "event-type": "order.placed" };

/** Orders are sent while a request is handled: there is a span to continue. */
export const REQUEST: Context = trace.setSpanContext(ROOT_CONTEXT, {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  traceFlags: 1,
});
export const REQUEST_TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

/** What the delivered message of this number carries: each its own trace. */
export function traceparentOf(at: number): string {
  const id = (at + 1).toString(16).padStart(16, "0");
  return `00-${id}${id}-${id}-01`;
}

/** The last traceparent in what was written. */
export function traceparentIn(written: string): string | undefined {
  return written.match(/00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]/g)?.at(-1);
}

/** An application's handler that does nothing, and what was active in it for the last message of a run. */
export class Handled {
  last: string | undefined;
  #count = 0;
  #done: (() => void) | undefined;

  one(): undefined {
    this.#count += 1;
    if (this.#count < MESSAGES) return;
    this.last = activeTraceparent();
    this.#done?.();
  }

  /** Resolves when a run's last message is handled, its span ended. */
  async all(): Promise<void> {
    await new Promise<void>((resolve) => (this.#done = resolve));
    await setImmediate();
  }

  /** A run begins. */
  reset(): void {
    this.#count = 0;
    this.last = undefined;
  }

  get seen(): Seen {
    return { from: traceparentOf(MESSAGES - 1), now: this.last };
  }
}
