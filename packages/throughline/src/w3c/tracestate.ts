import type { TraceState } from "@opentelemetry/api";

const MAX_MEMBERS = 32;
const MAX_KEY = 256;
const MAX_VALUE = 256;
/** What is sent on is at least this long before anything is dropped (W3C Trace Context, section 3.3.1.5). */
const KEPT_CHARACTERS = 512;
/** Members longer than this are the first to go. */
const LONG_MEMBER = 128;
/** A header beyond this is not a list of 32 members of 513 characters: refused unread. */
const MAX_HEADER = 32 * (MAX_KEY + MAX_VALUE + 3);

// W3C Trace Context Level 2, sections 3.3.2.2.1 and 3.3.2.2.2.
const KEY = /^[a-z0-9][a-z0-9_\-*/@]*$/;
const VALUE = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]*[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

/** Without the spaces and tabs around it. By hand: a pattern for the end walks every inner run of spaces again. */
function withoutOuterSpace(part: string): string {
  let from = 0;
  let to = part.length;
  while (from < to && isSpace(part.charCodeAt(from))) from++;
  while (to > from && isSpace(part.charCodeAt(to - 1))) to--;
  return part.slice(from, to);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function isKey(key: string): boolean {
  return key.length <= MAX_KEY && KEY.test(key);
}

function isValue(value: string): boolean {
  return value.length <= MAX_VALUE && VALUE.test(value);
}

/** The members of a valid list, in order; undefined where the header breaks the grammar anywhere. */
function parse(header: string): Map<string, string> | undefined {
  const members = new Map<string, string>();
  for (const part of header.split(",", MAX_MEMBERS * 8)) {
    const member = withoutOuterSpace(part);
    if (member === "") continue;
    const equals = member.indexOf("=");
    const key = member.slice(0, equals);
    const value = member.slice(equals + 1);
    if (equals < 1 || !isKey(key) || !isValue(value) || members.has(key)) return undefined;
    members.set(key, value);
    if (members.size > MAX_MEMBERS) return undefined;
  }
  return members;
}

/**
 * A trace state that was valid as a whole when it came in; immutable, as the api asks.
 * `set` puts the changed member first, as the specification says, and ignores what the grammar forbids.
 */
class StrictTraceState implements TraceState {
  readonly #members: ReadonlyMap<string, string>;
  #text: string | undefined;

  constructor(members: ReadonlyMap<string, string>) {
    this.#members = members;
  }

  get(key: string): string | undefined {
    return this.#members.get(key);
  }

  set(key: string, value: string): TraceState {
    if (!isKey(key) || !isValue(value)) return this;
    const members = new Map([[key, value]]);
    for (const [name, held] of this.#members) {
      if (name === key) continue;
      if (members.size === MAX_MEMBERS) break;
      members.set(name, held);
    }
    return new StrictTraceState(members);
  }

  unset(key: string): TraceState {
    if (!this.#members.has(key)) return this;
    const members = new Map(this.#members);
    members.delete(key);
    return new StrictTraceState(members);
  }

  serialize(): string {
    this.#text ??= [...this.#members].map(([key, value]) => `${key}=${value}`).join(",");
    return this.#text;
  }
}

let lastHeader: string | undefined;
let lastState: TraceState | undefined;

/**
 * A tracestate header (several joined by commas), strictly by Level 2. Undefined where it is empty
 * or breaks the grammar anywhere: it is then dropped, and traceparent is not affected.
 */
export function parseTraceState(header: string): TraceState | undefined {
  if (header.length === 0 || header.length > MAX_HEADER) return undefined;
  // The records of one producer carry the same state for minutes: the last answer is the next one's.
  if (header === lastHeader) return lastState;
  const members = parse(header);
  lastHeader = header;
  lastState = members !== undefined && members.size > 0 ? new StrictTraceState(members) : undefined;
  return lastState;
}

/**
 * A trace state as the header to send: whole members only, at most 32; where it is longer than 512
 * characters, those over 128 characters go first, then the last ones. Empty where nothing is left.
 */
export function formatTraceState(traceState: TraceState): string {
  const text = traceState.serialize();
  if (text.length <= KEPT_CHARACTERS && traceState instanceof StrictTraceState) return text;
  let members = text.split(",").filter((member) => member !== "");
  let length = members.reduce((sum, member) => sum + member.length + 1, -1);
  for (let at = members.length - 1; at >= 0 && length > KEPT_CHARACTERS; at--) {
    const member = members[at] as string;
    if (member.length <= LONG_MEMBER) continue;
    length -= member.length + 1;
    members.splice(at, 1);
  }
  while (length > KEPT_CHARACTERS && members.length > 0) {
    length -= (members.pop() as string).length + 1;
  }
  if (members.length > MAX_MEMBERS) members = members.slice(0, MAX_MEMBERS);
  return members.join(",");
}
