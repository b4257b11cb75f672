import type { SpanContext } from "@opentelemetry/api";

/** A receipt is forgotten when it is used, or when so many younger ones are kept. */
const MAX_RECEIPTS = 2000;

/**
 * What each received message continues, by its receipt handle: all that is left of a message where
 * it is deleted.
 */
export class Receipts {
  private readonly kept = new Map<string, SpanContext>();

  keep(receipt: unknown, creation: SpanContext): void {
    if (typeof receipt !== "string") return;
    const oldest = this.kept.size >= MAX_RECEIPTS ? this.kept.keys().next().value : undefined;
    if (oldest !== undefined) this.kept.delete(oldest);
    this.kept.set(receipt, creation);
  }

  /** @param last it will not be asked for again. */
  find(receipt: unknown, last: boolean): SpanContext | undefined {
    const found = this.kept.get(receipt as string);
    if (found !== undefined && last) this.kept.delete(receipt as string);
    return found;
  }
}
