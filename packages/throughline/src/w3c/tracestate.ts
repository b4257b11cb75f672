import type { TraceState } from "@opentelemetry/api";
import {
  CLEAN,
  isKey,
  isValue,
  LOOSE,
  MAX_HEADER,
  MAX_MEMBERS,
  walk,
} from "./tracestate-grammar.ts";

/** What is sent on is at least this long before anything is dropped (W3C Trace Context, section 3.3.1.5). */
const KEPT_CHARACTERS = 512;
/** Members longer than this are the first to go. */
const LONG_MEMBER = 128;

/**
 * A trace state that was valid as a whole when it came in; immutable, as the api asks. Its members
 * are taken apart when one is asked for: most states are only handed on.
 * `set` puts the changed member first, as the specification says, and ignores what the grammar forbids.
 */
class StrictTraceState implements TraceState {
  #text: string | undefined;
  #held: ReadonlyMap<string, string> | undefined;

  constructor(from: string | ReadonlyMap<string, string>) {
    if (typeof from === "string") this.#text = from;
    else this.#held = from;
  }

  get(key: string): string | undefined {
    return this.#members().get(key);
  }

  set(key: string, value: string): TraceState {
    if (!isKey(key) || !isValue(value)) return this;
    const members = new Map([[key, value]]);
    for (const [name, held] of this.#members()) {
      if (name === key) continue;
      if (members.size === MAX_MEMBERS) break;
      members.set(name, held);
    }
    return new StrictTraceState(members);
  }

  unset(key: string): TraceState {
    const members = new Map(this.#members());
    return members.delete(key) ? new StrictTraceState(members) : this;
  }

  serialize(): string {
    this.#text ??= [...this.#members()].map(([key, value]) => `${key}=${value}`).join(",");
    return this.#text;
  }

  #members(): ReadonlyMap<string, string> {
    this.#held ??= membersOf(this.#text ?? "");
    return this.#held;
  }
}

function membersOf(header: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  walk(header, (key, value) => members.set(key, value));
  return members;
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
  const kind = walk(header);
  lastHeader = header;
  lastState =
    kind === CLEAN
      ? new StrictTraceState(header)
      : kind === LOOSE
        ? new StrictTraceState(membersOf(header))
        : undefined;
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
