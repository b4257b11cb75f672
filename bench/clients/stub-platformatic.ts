import { EventEmitter } from "node:events";
import { createDiagnosticContext, kOptions, producerSendsChannel } from "./platformatic-client.ts";

/** As much of a consumer of @platformatic/kafka as a traced one looks at. */
export class StubConsumer extends EventEmitter {
  readonly clientId = "bench";
  readonly groupId = "payments";

  consume(): void {}
  commit(): void {}
}

interface SendOptions {
  messages: readonly { headers?: Map<string, string> | Record<string, string> }[];
}

/**
 * A producer of @platformatic/kafka without a broker: it tells of its sends and serializes headers
 * as the client does, and answers at once.
 */
export class StubProducer extends EventEmitter {
  readonly clientId = "bench";

  constructor(options: { serializers: { headerKey: Serializer; headerValue: Serializer } }) {
    super();
    Object.defineProperty(this, kOptions, { value: options });
    this.#serializers = options.serializers;
  }

  readonly #serializers: { headerKey: Serializer; headerValue: Serializer };

  asStream(): void {}

  send(options: SendOptions): Promise<unknown> {
    return new Promise((resolve, reject) => {
      producerSendsChannel.traceCallback(
        this.#send,
        1,
        createDiagnosticContext({ client: this, operation: "send", options }),
        this,
        options,
        (error: unknown, result: unknown) => (error ? reject(error as Error) : resolve(result)),
      );
    });
  }

  #send(options: SendOptions, callback: (error: null, result: object) => void): void {
    for (const { headers } of options.messages) {
      const map = headers instanceof Map ? headers : new Map(Object.entries(headers ?? {}));
      const serialized = new Map<unknown, unknown>();
      for (const [name, value] of map) {
        serialized.set(this.#serializers.headerKey(name), this.#serializers.headerValue(value));
      }
    }
    queueMicrotask(() => callback(null, {}));
  }
}

type Serializer = (text?: string) => Buffer | undefined;
