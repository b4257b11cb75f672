import type { Span } from "./span.ts";
import type { Trace } from "./trace.ts";
import type { Verdict } from "./verdict.ts";

/** Messages by what became of their trace. */
export type Shares = Readonly<Record<Verdict, number>>;

/** What one service has done, as far as the window reaches. */
export interface ServiceTally {
  readonly service: string;
  readonly spans: number;
  readonly errors: number;
  /** The messages that it handled. */
  readonly messages: Shares;
}

interface Counting {
  spans: number;
  errors: number;
  readonly messages: Record<Verdict, number>;
}

/** Counts spans and verdicts by service, and takes off again what leaves the window. */
export class Tally {
  private readonly all = none();
  private readonly byService = new Map<string, Counting>();

  add(span: Span): void {
    const counting = this.of(span);
    counting.spans += 1;
    if (span.status === "error") counting.errors += 1;
  }

  count(span: Span, before: Verdict | undefined, after: Verdict | undefined): void {
    const { messages } = this.of(span);
    for (const shares of [messages, this.all]) {
      if (before !== undefined) shares[before] -= 1;
      if (after !== undefined) shares[after] += 1;
    }
  }

  forget(trace: Trace): void {
    for (const span of trace.spans.values()) {
      const counting = this.of(span);
      counting.spans -= 1;
      if (span.status === "error") counting.errors -= 1;
      if (counting.spans === 0) this.byService.delete(span.resource.service);
    }
  }

  messages(): Shares {
    return { ...this.all };
  }

  /** By name. */
  services(): ServiceTally[] {
    const services = [...this.byService].map(([service, { spans, errors, messages }]) => ({
      service,
      spans,
      errors,
      messages: { ...messages },
    }));
    return services.sort((a, b) => (a.service < b.service ? -1 : 1));
  }

  private of(span: Span): Counting {
    const { service } = span.resource;
    let counting = this.byService.get(service);
    if (counting === undefined) {
      counting = { spans: 0, errors: 0, messages: none() };
      this.byService.set(service, counting);
    }
    return counting;
  }
}

function none(): Record<Verdict, number> {
  return { connected: 0, linked: 0, broken: 0, waiting: 0 };
}
