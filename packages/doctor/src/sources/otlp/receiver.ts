import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Span } from "../../engine/span.ts";
import { Bodies } from "./body.ts";
import { OTLP_LIMITS, type OtlpLimits } from "./limits.ts";
import { accepted, Refusal, refused, type Reply } from "./reply.ts";
import { formatOf, readRequest } from "./request.ts";

export interface OtlpReceiverOptions {
  /** Called with the spans of each request, before it is answered. */
  readonly onSpans: (spans: readonly Span[]) => void;
  /** Told of what fails in here; the request is answered with 500. Default: written to stderr. */
  readonly onFault?: (error: unknown) => void;
  /** Default 4318, OTLP's own; 0 takes a free one. */
  readonly port?: number;
  /** Default "127.0.0.1"; "::1" is the other one that other machines can't reach. */
  readonly host?: "127.0.0.1" | "::1";
  readonly limits?: Partial<OtlpLimits>;
}

export interface OtlpReceiver {
  /** What OTEL_EXPORTER_OTLP_ENDPOINT is to be set to. */
  readonly endpoint: string;
  readonly port: number;
  /** Takes no more requests; resolves when those under way are answered, a second at most. */
  stop(): Promise<void>;
}

const STOP_MS = 1000;

/**
 * Receives spans over OTLP/HTTP on this machine alone: protobuf and JSON, plain and gzip. Whatever
 * is sent to it, it goes on: what it does not take is answered as OTLP says.
 *
 * @throws Error where the port is taken, with the way out.
 * @example
 * ```ts
 * import { startOtlpReceiver } from "throughline-doctor";
 * import assert from "node:assert";
 *
 * const spans: unknown[] = [];
 * const receiver = await startOtlpReceiver({ port: 0, onSpans: (some) => spans.push(...some) });
 * const { status } = await fetch(`${receiver.endpoint}/v1/traces`, {
 *   method: "POST",
 *   headers: { "content-type": "application/json" },
 *   body: JSON.stringify({ resourceSpans: [] }),
 * });
 * assert.equal(status, 200);
 * await receiver.stop();
 * ```
 */
export async function startOtlpReceiver(options: OtlpReceiverOptions): Promise<OtlpReceiver> {
  const { port = 4318, host = "127.0.0.1", onFault = console.error } = options;
  const limits = { ...OTLP_LIMITS, ...options.limits };
  const bodies = new Bodies(limits);
  const server = createServer(
    {
      requestTimeout: limits.requestMs,
      headersTimeout: limits.requestMs,
      connectionsCheckingInterval: 500,
    },
    (request, response) => {
      void answer(request, { bodies, onSpans: options.onSpans, onFault }).then(
        (reply) => reply !== undefined && write(response, reply),
      );
    },
  );
  server.maxConnections = limits.connections;
  // Exporters send every few seconds over one connection; closed in between, their next one fails.
  server.keepAliveTimeout = 65_000;
  await listen(server, port, host);
  const taken = (server.address() as AddressInfo).port;
  return {
    endpoint: `http://${host.includes(":") ? `[${host}]` : host}:${taken}`,
    port: taken,
    stop: () => stop(server),
  };
}

interface Reception {
  readonly bodies: Bodies;
  readonly onSpans: (spans: readonly Span[]) => void;
  readonly onFault: (error: unknown) => void;
}

/** The reply to a request; undefined where its sender has gone. Never rejects. */
async function answer(request: IncomingMessage, reception: Reception): Promise<Reply | undefined> {
  const format = formatOf(request) ?? "json";
  try {
    const decoded = await readRequest(request, reception.bodies);
    reception.onSpans(decoded.spans);
    return accepted(decoded, format);
  } catch (error) {
    if (error instanceof Refusal) return refused(error, format);
    if (request.destroyed && !request.complete) return undefined;
    reception.onFault(error);
    return refused(new Refusal(500, "the receiver itself failed; its log says why"), format);
  }
}

/** The rest of a body that was not wanted is read and let go, for as long as a request may take. */
function write(response: ServerResponse, reply: Reply): void {
  response.writeHead(reply.status, {
    "content-type": reply.contentType,
    "content-length": Buffer.byteLength(reply.body),
    ...reply.headers,
  });
  response.end(reply.body);
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const taken = error.code === "EADDRINUSE";
      const reason = taken ? "another program, perhaps a collector, listens there" : error.message;
      reject(
        new Error(
          `The OTLP receiver can't listen on ${host}:${port}: ${reason}. Choose another port, and set OTEL_EXPORTER_OTLP_ENDPOINT of your services to it.`,
          { cause: error },
        ),
      );
    });
    server.listen(port, host, resolve);
  });
}

async function stop(server: Server): Promise<void> {
  const closed = new Promise((resolve) => server.close(resolve));
  const timer = setTimeout(() => server.closeAllConnections(), STOP_MS);
  await closed;
  clearTimeout(timer);
}
