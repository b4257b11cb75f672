export interface JaegerPorts {
  /** OTLP over HTTP. */
  otlp: number;
  /** The query API, and the page. */
  query: number;
  /** The query API over gRPC, which can't be switched off. */
  queryGrpc: number;
}

export interface JaegerStorage {
  /** Traces kept in memory; the oldest go first. */
  maxTraces: number;
  /** OTLP/HTTP base URL that is sent every span as well, e.g. the doctor's; nothing is dropped for it. */
  forwardTo?: string;
}

const host = "127.0.0.1";

/**
 * Jaeger's configuration: OTLP over HTTP in, memory, the query API; what it opens beside these by
 * default (gRPC, Jaeger's and Zipkin's own protocols, sampling, health, its own metrics) is off.
 * JSON, which is YAML.
 */
export function configuration(ports: JaegerPorts, storage: JaegerStorage): string {
  const { maxTraces, forwardTo } = storage;
  return JSON.stringify({
    service: {
      extensions: ["jaeger_storage", "jaeger_query"],
      pipelines: {
        traces: {
          receivers: ["otlp"],
          exporters: ["jaeger_storage_exporter", ...(forwardTo === undefined ? [] : ["otlphttp"])],
        },
      },
      telemetry: { metrics: { level: "none" }, logs: { level: "info" } },
    },
    extensions: {
      jaeger_storage: { backends: { memory: { memory: { max_traces: maxTraces } } } },
      jaeger_query: {
        storage: { traces: "memory" },
        http: { endpoint: `${host}:${ports.query}` },
        grpc: { endpoint: `${host}:${ports.queryGrpc}` },
      },
    },
    receivers: { otlp: { protocols: { http: { endpoint: `${host}:${ports.otlp}` } } } },
    exporters: {
      jaeger_storage_exporter: { trace_storage: "memory" },
      ...(forwardTo !== undefined && {
        otlphttp: {
          endpoint: forwardTo,
          tls: { insecure: true },
          // Who sends is made to wait rather than a span lost, as long as the receiver is there.
          sending_queue: { enabled: true, block_on_overflow: true, queue_size: 200 },
        },
      }),
    },
  });
}
