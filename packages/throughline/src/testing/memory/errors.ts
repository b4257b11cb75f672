/** An error as kafkajs throws it, by the names and fields that applications look at. */
export class MemoryKafkaError extends Error {
  readonly retriable: boolean;
  /** Only on the error of a consumer that has given up. */
  retryCount?: number;

  constructor(name: string, message: string, retriable: boolean, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.name = name;
    this.retriable = retriable;
  }
}

/** What kafkajs refuses for good. */
export function refusal(message: string): MemoryKafkaError {
  return new MemoryKafkaError("KafkaJSNonRetriableError", message, false);
}

/** Errors that kafkajs never tries again after: they speak of a mistake in the code. */
const MISTAKES = new Set(["RangeError", "ReferenceError", "SyntaxError", "TypeError"]);

/** Whether kafkajs delivers a record again after its handler threw this. */
export function isRetriable(error: unknown): boolean {
  const { retriable, name } = (error ?? {}) as { retriable?: unknown; name?: unknown };
  return retriable !== false && !MISTAKES.has(String(name));
}

/** What kafkajs says when a consumer gives up over a handler's error, which is its cause. */
export function givenUp(error: unknown, retryCount: number): MemoryKafkaError {
  const message = error instanceof Error ? error.message : String(error);
  if (!isRetriable(error)) {
    return new MemoryKafkaError("KafkaJSNonRetriableError", message, false, error);
  }
  const name = "KafkaJSNumberOfRetriesExceeded";
  return Object.assign(new MemoryKafkaError(name, message, false, error), { retryCount });
}
