// The two ways in which this library reads W3C headers: as the application's global propagator, and
// off a message. What the specifications say must hold for both, and whatever form the value is in.
import { type Context, defaultTextMapGetter, ROOT_CONTEXT } from "@opentelemetry/api";
import { contextOf, w3cPropagator } from "throughline";

export const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
export const SPAN_ID = "00f067aa0ba902b7";
/** A valid header, sampled. */
export const TRACEPARENT = `00-${TRACE_ID}-${SPAN_ID}-01`;

export type TextHeaders = Record<string, string | string[]>;

const bytes = (value: string): Buffer => Buffer.from(value, "utf8");

/** Each way in by its name. A reader of messages needs an SDK's propagator to be registered. */
export const readers: readonly (readonly [
  name: string,
  read: (headers: TextHeaders) => Context,
])[] = [
  [
    "the propagator",
    (headers) => w3cPropagator().extract(ROOT_CONTEXT, headers, defaultTextMapGetter),
  ],
  ["a message's text headers", (headers) => contextOf({ headers })],
  [
    "a message's byte headers",
    (headers) =>
      contextOf({
        headers: Object.fromEntries(
          Object.entries(headers).map(([name, value]) => [
            name,
            Array.isArray(value) ? value.map(bytes) : bytes(value),
          ]),
        ),
      }),
  ],
];
