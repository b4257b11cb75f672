import { type SpanContext, trace } from "@opentelemetry/api";
import { type HeaderPair, type Headers, writeHeaders } from "./carrier.ts";
import { activeContext, MessageContext, originOf, scopeIn, spanContextIn } from "./context.ts";
import { DLQ, headerText, isDeadLetterHeader } from "./dead-letter-headers.ts";
import { deliveryOf } from "./delivered.ts";
import type { Extracted } from "./extract.ts";
import { failureOf } from "./failure.ts";
import { fault } from "./guard.ts";
import { fieldsOf, splitHeaders, type SplitHeaders } from "./inject.ts";
import { rememberLetter } from "./letters.ts";
import type { MessageFormat } from "./message.ts";
import { readMessage } from "./read.ts";
import type { Scope } from "./scope.ts";
import { errorType } from "./semconv.ts";
import type { Source } from "./source.ts";
import { formatTraceparent } from "./w3c/traceparent.ts";
import { type Field, RANDOM } from "./w3c.ts";

/** What to put on a dead letter. */
export interface DeadLetterOptions {
  /** False leaves the error's message out, where it may hold what must not be stored. Default true. */
  readonly errorMessage?: boolean;
  /** How often handling was tried. Default: the failures of this message seen in this process, at least 1. */
  readonly attempts?: number;
}

/** An error's message is cut to this many bytes of UTF-8. */
const MAX_ERROR_BYTES = 1024;

/**
 * The message to publish in place of one that can't be handled, in the trace of the record itself:
 * under the failed attempt's span where there is one, else under the message's creation context.
 * Marks the active span of that message as failed, though its handler may go on to resolve.
 * `after` says that an attempt inside that span has failed: the letter is that one's.
 */
export function makeDeadLetter(
  message: object,
  error: unknown,
  options: DeadLetterOptions,
  unknown: Source,
  after = false,
): object {
  const active = activeContext();
  const ambient = scopeIn(active);
  const current = ambient?.message === message ? ambient : undefined;
  const source = current?.source ?? deliveryOf(message) ?? unknown;
  if (current !== undefined) current.parked ??= { error };

  const failure = failureOf(message);
  const inner = after ? failure?.attempt : undefined;
  const attempt = inner ?? attemptIn(current) ?? failure?.attempt;
  const { headers, kept, own } = headersOf(message, source);
  const carried = readMessage(message, source, active, own);
  const parent = withRandom(attempt ?? carried.parent, carried.parent);

  const { carrying } = source.tracing.now();
  const attempts = options.attempts ?? (failure?.attempts ?? 0) + (current === undefined ? 0 : 1);
  const facts = [
    ...originFields(message, kept, source),
    [DLQ.errorType, errorType(error)] as const,
    ...(options.errorMessage === false ? [] : [[DLQ.errorMessage, errorText(error)] as const]),
    [DLQ.attempts, String(Math.max(1, attempts))] as const,
    ...(attempt === undefined ? [] : [[DLQ.failed, formatTraceparent(attempt, false)] as const]),
  ];
  const rest = kept.filter(([name]) => !isDeadLetterHeader(name));
  const context = contextUnder(parent, carried);
  const fields: Field[] = [...facts, ...fieldsOf(context, carrying)];
  const letter = republish(source.format, message, writeHeaders(headers, rest, fields));
  if (parent !== undefined) rememberLetter(letter, parent);
  return letter;
}

/** The span of the attempt under way: ours, or the other instrumentation's where spans are left to it. */
function attemptIn(scope: Scope | undefined): SpanContext | undefined {
  if (scope === undefined) return undefined;
  return scope.source.foreignSpans ? spanContextIn(scope.context) : scope.attempt;
}

/** A message's headers, each read once; none where they can't be read. */
function headersOf(message: object, source: Source): SplitHeaders & { headers: Headers } {
  try {
    const headers = source.format.headers(message);
    return { headers, ...splitHeaders(headers, source.tracing.now().carrying) };
  } catch (error) {
    fault("extract", error);
    return { headers: undefined, kept: [], own: [] };
  }
}

/** The random flag of the record's trace, which an SDK's span forgets, put back. */
function withRandom(
  span: SpanContext | undefined,
  carried: SpanContext | undefined,
): SpanContext | undefined {
  if (span === undefined || span.traceId !== carried?.traceId) return span;
  const traceFlags = span.traceFlags | (carried.traceFlags & RANDOM);
  return traceFlags === span.traceFlags ? span : { ...span, traceFlags };
}

/** What the record carried, with another span in place of its creation context. */
function contextUnder(
  parent: SpanContext | undefined,
  { baggage, behind }: Extracted,
): MessageContext {
  const origin = originOf(activeContext());
  const span = parent && trace.wrapSpanContext(parent);
  return new MessageContext(behind ?? origin, origin, span, baggage, undefined, parent);
}

/**
 * Where the message came from. One that is parked again on its way out of a dead-letter
 * destination keeps its first origin; one that failed again where it was replayed to names the
 * record that failed now.
 */
function originFields(message: object, kept: readonly HeaderPair[], source: Source): Field[] {
  const { destination, partition, group } = source.origin;
  const first = headerText(kept, DLQ.destination);
  if (first !== undefined && first !== destination) {
    const names = [DLQ.destination, DLQ.partition, DLQ.offset, DLQ.timestamp, DLQ.group];
    return names.flatMap((name) => {
      const text = headerText(kept, name);
      return text === undefined ? [] : [[name, text] as const];
    });
  }
  const { format } = source;
  const timestampMs = told(() => format.timestampMs?.(message));
  const offset = told(() => format.offset?.(message));
  const fields: (readonly [string, string | number | undefined])[] = [
    [DLQ.destination, destination === "" ? undefined : destination],
    [DLQ.partition, partition],
    [DLQ.offset, offset],
    [DLQ.timestamp, timestampMs],
    [DLQ.group, group],
  ];
  return fields.flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as const],
  );
}

/** What a message tells of itself; a getter that throws takes its own header and no other. */
function told<Fact>(read: () => Fact): Fact | undefined {
  try {
    return read();
  } catch (error) {
    fault("extract", error);
    return undefined;
  }
}

function republish(format: MessageFormat, message: object, headers: object): object {
  return format.republish?.(message, headers) ?? { ...message, headers };
}

/** An error's message in at most 1 KiB of UTF-8, never cut inside a character. */
function errorText(error: unknown): string {
  let text: string;
  try {
    text = String(error instanceof Error ? error.message : error);
  } catch {
    return "";
  }
  const bytes = Buffer.from(text.slice(0, MAX_ERROR_BYTES), "utf8");
  if (bytes.length <= MAX_ERROR_BYTES) return bytes.toString("utf8");
  let end = MAX_ERROR_BYTES;
  while (end > 0 && ((bytes[end] as number) & 0xc0) === 0x80) end -= 1;
  return bytes.toString("utf8", 0, end);
}
