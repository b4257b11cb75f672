import { trace } from "@opentelemetry/api";
import { tracing } from "../../packages/throughline/test/sdk.ts";

/** How long to wait for what was sent before it is sent once more: a consumer may start at the end. */
const AGAIN_MS = 250;
/** How often at most: a message that nobody handles is a failure, and not an endless test. */
const TIMES = 160;

/**
 * What stands around a page's example in a reader's application: an SDK, requests that send, and a
 * handler that does something, and fails for orders that are not paid.
 */
export function application() {
  const observed = tracing();
  const tracer = trace.getTracer("application");
  const waiting = new Map();
  const handled = [];
  const arrived = (name) => {
    if (!waiting.has(name)) waiting.set(name, Promise.withResolvers());
    return waiting.get(name).promise;
  };
  const inSpan = (name, work) =>
    tracer.startActiveSpan(name, async (span) => {
      try {
        return await work();
      } finally {
        span.end();
      }
    });

  return {
    observed,
    /** A request that sends something. */
    request: (send) => inSpan("POST /orders", send),
    /** Requests one after the other, until one of what they sent has been handled. */
    async requestUntil(name, send) {
      for (let times = 1; times <= TIMES; times++) {
        await inSpan("POST /orders", send);
        let timer;
        const later = new Promise((resolve) => (timer = setTimeout(resolve, AGAIN_MS, true)));
        const again = await Promise.race([arrived(name).then(() => false), later]);
        clearTimeout(timer);
        if (!again) return;
      }
      throw new Error(`"${name}" was given none of ${TIMES} messages sent one after the other`);
    },
    /** A handler: `orderOf` reads the order off what it is given. */
    handler:
      (name, orderOf) =>
      async (given, ...rest) => {
        const order = String(orderOf(given, ...rest));
        await inSpan(name, async () => {
          handled.push({ name, order });
          await new Promise((resolve) => setImmediate(resolve));
          if (order.startsWith("unpaid")) {
            arrived(`${name}: ${order}`);
            throw new Error("card declined");
          }
        });
        arrived(name);
        waiting.get(name).resolve(given);
        return given;
      },
    arrived,
    handled,
    /** Resolves when every span has ended: of what is under way, none is handled any more. */
    async settled() {
      while (observed.open().length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    },
    /** The spans of a name, and of each the names above it, its own first. */
    lines(name) {
      const spans = observed.spans();
      const byId = new Map(spans.map((span) => [span.spanContext().spanId, span]));
      return spans
        .filter((span) => span.name === name)
        .map((span) => {
          const line = [];
          for (let at = span; at; at = byId.get(at.parentSpanContext?.spanId)) line.push(at.name);
          return line;
        });
    },
  };
}
