import { type Attributes, SpanKind, type SpanOptions } from "@opentelemetry/api";
import { keep } from "./bounded.ts";
import { listed } from "./listed.ts";
import { GROUP, OPERATION_NAME, OPERATION_TYPE, SYSTEM } from "./semconv.ts";
import type { Settlement } from "./settle.ts";
import { clientAttributes, destinationNames } from "./source.ts";
import type { Tracing } from "./tracing.ts";

/** How settlements of one kind are called, in their span and in metrics. */
export interface SettlementNames {
  readonly spanName: string;
  readonly options: SpanOptions;
  /** Where a template stands for the destination, it alone. */
  readonly measured: Attributes;
}

const held = new WeakMap<Tracing, Map<string, SettlementNames>>();
/** An application may settle messages of any number of destinations: beyond this the oldest are made anew. */
const MAX_HELD = 1000;

/** The names of a settlement: an application acks every message, and of each destination they are the same. */
export function settlementNames(
  operation: string,
  tracing: Tracing,
  settlement: Settlement,
): SettlementNames {
  const { system, destination, group, attributes } = settlement;
  if (attributes !== undefined) return made(operation, tracing, settlement);
  let names = held.get(tracing);
  if (names === undefined) held.set(tracing, (names = new Map<string, SettlementNames>()));
  const key = `${operation} ${system} ${destination?.length ?? -1} ${destination} ${group}`;
  const known = names.get(key);
  if (known !== undefined) return known;
  return keep(names, key, made(operation, tracing, settlement), MAX_HELD);
}

function made(operation: string, tracing: Tracing, settlement: Settlement): SettlementNames {
  const { system, destination, group, attributes } = settlement;
  const named = destination === undefined ? undefined : destinationNames(tracing, destination);
  const shared = { [SYSTEM]: system, ...(group === undefined ? {} : { [GROUP]: group }) };
  return {
    spanName: `${operation} ${named?.low ?? ""}`.trimEnd(),
    options: {
      kind: SpanKind.CLIENT,
      attributes: listed({
        [OPERATION_NAME]: operation,
        [OPERATION_TYPE]: "settle",
        ...shared,
        ...named?.span,
        ...attributes,
        ...clientAttributes(tracing),
      }),
    },
    measured: { [OPERATION_NAME]: operation, ...shared, ...named?.metric },
  };
}
