/** A span as Jaeger's API gives it: OTLP's JSON, as far as it is read here. */
export interface JaegerSpan {
  readonly service: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly attributes: ReadonlyMap<string, string>;
}

export interface TraceQuery {
  /** The service and operation of a span that each trace has, and between what times it started. */
  readonly service: string;
  readonly operation: string;
  readonly from: Date;
  readonly to: Date;
  /** Traces a page at most. Default 500. */
  readonly page?: number;
}

/**
 * All traces that Jaeger's query API finds, page by page. Its answers have no cursor: where a page
 * is full, the time is halved.
 *
 * @param api base URL of Jaeger's query API.
 */
export async function* jaegerTraces(
  api: string,
  query: TraceQuery,
): AsyncGenerator<readonly JaegerSpan[]> {
  const { from, to, page = 500 } = query;
  const traces = await find(api, query, page);
  const halfMs = (to.getTime() - from.getTime()) / 2;
  if (traces.length < page) {
    yield* traces;
    return;
  }
  if (halfMs < 1) throw new Error(`more than ${page} traces within a millisecond`);
  const middle = new Date(from.getTime() + halfMs);
  yield* jaegerTraces(api, { ...query, to: middle });
  // Both halves may have a trace that starts right between them.
  yield* jaegerTraces(api, { ...query, from: middle });
}

async function find(api: string, query: TraceQuery, page: number): Promise<JaegerSpan[][]> {
  const url = new URL("/api/v3/traces", api);
  const wanted = {
    service_name: query.service,
    operation_name: query.operation,
    start_time_min: query.from.toISOString(),
    start_time_max: query.to.toISOString(),
    num_traces: String(page),
  };
  for (const [name, value] of Object.entries(wanted)) {
    url.searchParams.set(`query.${name}`, value);
    // Jaeger has spelled these both ways.
    const camel = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    url.searchParams.set(`query.${camel}`, value);
  }
  const response = await fetch(url);
  if (response.status === 404) return []; // none
  if (!response.ok) throw new Error(`Jaeger answered ${response.status}: ${await response.text()}`);
  const { result } = (await response.json()) as { result: TracesData };
  const traces = new Map<string, JaegerSpan[]>();
  for (const span of spansIn(result)) {
    const trace = traces.get(span.traceId);
    if (trace === undefined) traces.set(span.traceId, [span]);
    else trace.push(span);
  }
  return [...traces.values()];
}

interface KeyValue {
  readonly key: string;
  readonly value: { readonly stringValue?: string };
}

interface TracesData {
  readonly resourceSpans: readonly {
    readonly resource?: { readonly attributes?: readonly KeyValue[] };
    readonly scopeSpans: readonly {
      readonly spans: readonly {
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly name: string;
        readonly attributes?: readonly KeyValue[];
      }[];
    }[];
  }[];
}

function* spansIn({ resourceSpans }: TracesData): Generator<JaegerSpan> {
  for (const { resource, scopeSpans } of resourceSpans) {
    const service = textsOf(resource?.attributes).get("service.name") ?? "";
    for (const { spans } of scopeSpans) {
      for (const { traceId, spanId, parentSpanId = "", name, attributes } of spans) {
        yield { service, name, traceId, spanId, parentSpanId, attributes: textsOf(attributes) };
      }
    }
  }
}

function textsOf(attributes: readonly KeyValue[] = []): Map<string, string> {
  return new Map(
    attributes.flatMap(({ key, value }) =>
      value.stringValue === undefined ? [] : [[key, value.stringValue] as const],
    ),
  );
}
