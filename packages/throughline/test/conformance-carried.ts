// What the vectors of conformance/ speak of, as kafkajs and the OpenTelemetry api hold it.
import { type Baggage, baggageEntryMetadataFromString, propagation } from "@opentelemetry/api";
import assert from "node:assert/strict";
import type { IHeaders } from "kafkajs";
import type {
  Carried,
  VectorBaggage,
  VectorHeaders,
  VectorSpan,
  VectorValue,
} from "./conformance-vectors.ts";

const OWN = ["traceparent", "tracestate", "baggage"];

/** A value as brokers deliver it. */
export function bytesOf(value: VectorValue): Buffer | null {
  if (value === null) return null;
  return typeof value === "string"
    ? Buffer.from(value, "utf8")
    : Buffer.from(value.base64, "base64");
}

export function pairsOf(headers: VectorHeaders | null): [string, Buffer | null][] {
  return (headers ?? []).map(([name, value]) => [name, bytesOf(value)]);
}

/** As kafkajs gives headers: an object, a repeated name's values in an array. */
export function objectOf(headers: VectorHeaders | null): IHeaders {
  const object: Record<string, unknown> = {};
  for (const [name, value] of pairsOf(headers)) {
    if (!(name in object)) object[name] = value;
    else object[name] = [object[name], value].flat();
  }
  return object as IHeaders;
}

/** A value as bytes that compare and print well: one character a byte. */
const latin1 = (value: unknown): string | null =>
  value === null ? null : Buffer.from(value as string).toString("latin1");

/** Headers as they were written, in order, the three of ours apart. */
export function written(headers: unknown): {
  own: Map<string, string>;
  kept: [string, string | null][];
} {
  const own = new Map<string, string>();
  const kept: [string, string | null][] = [];
  // An empty list has no shape of its own: single-key objects come back in it.
  const pairs = Array.isArray(headers)
    ? headers.map((each: object) => (Array.isArray(each) ? each : Object.entries(each)[0]))
    : Object.entries(headers ?? {});
  for (const [name, value] of pairs as [string, unknown][]) {
    for (const single of Array.isArray(value) ? (value as unknown[]) : [value]) {
      const text = latin1(single);
      if (!OWN.includes(name.toLowerCase())) kept.push([name, text]);
      else {
        assert.ok(!own.has(name.toLowerCase()), `${name} stands twice`);
        assert.equal(name, name.toLowerCase());
        own.set(name, String(text));
      }
    }
  }
  return { own, kept };
}

/** kafkajs takes no null to send: what arrived as null goes out empty. */
export const keptOf = (headers: VectorHeaders, nullAs: null | "" = null): unknown[][] =>
  headers.map(([name, value]) => [name, value === null ? nullAs : latin1(bytesOf(value))]);

export function baggageOf(members: VectorBaggage): Baggage {
  const entries = members.map(([key, value, properties]) => [
    key,
    properties === undefined
      ? { value }
      : { value, metadata: baggageEntryMetadataFromString(properties) },
  ]);
  return propagation.createBaggage(Object.fromEntries(entries));
}

/** A baggage as the vectors write it, in the order of its keys. */
export function membersOf(baggage: Baggage | undefined): VectorBaggage {
  const members = (baggage?.getAllEntries() ?? []).map(([key, { value, metadata }]) =>
    metadata === undefined ? [key, value] : [key, value, metadata.toString()],
  );
  return sorted(members as VectorBaggage);
}

export const sorted = (members: VectorBaggage): VectorBaggage =>
  members.toSorted(([a], [b]) => (a < b ? -1 : 1));

/** A baggage header decoded, by the shortest reading there is, for what is sent. */
export function decoded(header: string | undefined): VectorBaggage {
  if (header === undefined) return [];
  assert.match(header, /^[\x21\x23-\x5b\x5d-\x7e]+$/);
  return sorted(
    header.split(",").map((member) => {
      const [, key, value, , properties] = /^([^=]+)=([^;]*)(;(.*))?$/.exec(member) ?? [];
      const pair = [decodeURIComponent(key as string), decodeURIComponent(value as string)];
      return (properties === undefined ? pair : [...pair, properties]) as VectorBaggage[number];
    }),
  );
}

/** The span that a traceparent names, by the shortest reading there is, for what is sent. */
export function spanOf(header: string | undefined): VectorSpan | undefined {
  if (header === undefined) return undefined;
  assert.match(header, /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/);
  const [, traceId, spanId, flags] = header.split("-") as [string, string, string, string];
  return { traceId, spanId, flags: Number.parseInt(flags, 16) };
}

/** Compares everything that a message carries besides its trace id and its parent; `told` are headers compared elsewhere. */
export function expectCarried(
  headers: unknown,
  expected: Carried,
  { told = {}, nullAs = null }: { told?: object; nullAs?: null | "" } = {},
): VectorSpan | undefined {
  const { own, kept } = written(headers);
  const span = spanOf(own.get("traceparent"));
  assert.equal(span?.flags ?? null, expected.flags);
  assert.equal(own.get("tracestate") ?? null, expected.tracestate);
  assert.deepEqual(decoded(own.get("baggage")), sorted(expected.baggage));
  assert.deepEqual(
    kept.filter(([name]) => !(name in told)),
    keptOf(expected.headers, nullAs),
  );
  return span;
}
