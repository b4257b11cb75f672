import {
  type Baggage,
  type BaggageEntry,
  baggageEntryMetadataFromString,
  propagation,
} from "@opentelemetry/api";

/** W3C Baggage, section 3.3.2: what every platform must pass on, and what this one keeps. */
const MAX_MEMBERS = 64;
const MAX_BYTES = 8192;
/** A header beyond this is read no further, so that a hostile record costs a bounded time. */
const READ_CHARACTERS = 4 * MAX_BYTES;

// RFC 7230 token, and baggage-octet of W3C Baggage section 3.2.1.
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const OCTETS = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;
/** The same for a member's properties, the marks and spaces between them included. */
const PROPERTIES = /^[\t\x20\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]*$/;

/** A key may hold an escape for what is no token character; undefined where that is no UTF-8. */
function decodedKey(key: string): string | undefined {
  try {
    return decodeURIComponent(key);
  } catch {
    return undefined;
  }
}

/** Percent escapes that are no UTF-8 become U+FFFD (W3C Baggage, section 3.2.1.3); a percent that begins none stays. */
function decoded(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    const bytes = value.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
    return Buffer.from(bytes, "latin1").toString("utf8");
  }
}

/** One `key=value;properties` member; undefined where it breaks the grammar, and it alone is dropped. */
function parseMember(member: string): [string, BaggageEntry] | undefined {
  const semicolon = member.indexOf(";");
  const pair = semicolon < 0 ? member : member.slice(0, semicolon);
  const equals = pair.indexOf("=");
  if (equals < 1) return undefined;
  const key = pair.slice(0, equals).trim();
  const raw = pair.slice(equals + 1).trim();
  if (!TOKEN.test(key) || !OCTETS.test(raw)) return undefined;
  const name = decodedKey(key);
  if (name === undefined) return undefined;
  const value = decoded(raw);
  const properties = semicolon < 0 ? "" : member.slice(semicolon + 1).trim();
  if (properties === "" || !PROPERTIES.test(properties)) return [name, { value }];
  return [name, { value, metadata: baggageEntryMetadataFromString(properties) }];
}

/**
 * A first member that is valid as it stands, without an escape to decode: the baggage is then not
 * empty, and what else is in it can wait until somebody asks.
 */
const SURELY_ONE =
  /^[ \t]*[!#$&'*+\-.^_`|~0-9A-Za-z]+[ \t]*=[ \t]*[\x21\x23\x24\x26-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*[ \t]*(?:[,;]|$)/;

/** A baggage that is read when it is asked for: most handlers never do, and every message has it read. */
class UnreadBaggage implements Baggage {
  private readonly header: string;
  private held: Baggage | undefined;
  private sent: string | undefined;

  constructor(header: string) {
    this.header = header;
  }

  getEntry(key: string): BaggageEntry | undefined {
    return this.read().getEntry(key);
  }

  getAllEntries(): [string, BaggageEntry][] {
    return this.read().getAllEntries();
  }

  setEntry(key: string, entry: BaggageEntry): Baggage {
    return this.read().setEntry(key, entry);
  }

  removeEntry(key: string): Baggage {
    return this.read().removeEntry(key);
  }

  removeEntries(...keys: string[]): Baggage {
    return this.read().removeEntries(...keys);
  }

  clear(): Baggage {
    return this.read().clear();
  }

  /** As a header, formatted once however many messages it is sent with. */
  format(): string | undefined {
    this.sent ??= format(this) ?? "";
    return this.sent === "" ? undefined : this.sent;
  }

  private read(): Baggage {
    this.held ??= readBaggage(this.header) ?? propagation.createBaggage();
    return this.held;
  }
}

let lastHeader: string | undefined;
let lastBaggage: Baggage | undefined;

/**
 * A baggage header (several joined by commas). Members that break the grammar are dropped one by
 * one; at most 64 members and 8,192 characters are kept, from the front. A key that comes again
 * replaces the earlier. Undefined where nothing is left.
 */
export function parseBaggage(header: string): Baggage | undefined {
  if (header.length === 0) return undefined;
  if (header === lastHeader) return lastBaggage;
  const baggage =
    header.length <= MAX_BYTES && SURELY_ONE.test(header)
      ? new UnreadBaggage(header)
      : readBaggage(header);
  lastHeader = header.length <= MAX_BYTES ? header : undefined;
  lastBaggage = baggage;
  return baggage;
}

function readBaggage(header: string): Baggage | undefined {
  const entries: Record<string, BaggageEntry> = Object.create(null);
  let members = 0;
  let characters = 0;
  for (const part of header.slice(0, READ_CHARACTERS).split(",", MAX_MEMBERS * 4)) {
    const entry = parseMember(part);
    if (entry === undefined) continue;
    members += 1;
    characters += part.length + 1;
    if (members > MAX_MEMBERS || characters > MAX_BYTES + 1) break;
    entries[entry[0]] = entry[1];
  }
  return members > 0 ? propagation.createBaggage(entries) : undefined;
}

/** One member to send; undefined for what can't be encoded (a lone surrogate) or would break the list. */
function formatMember(key: string, { value, metadata }: BaggageEntry): string | undefined {
  try {
    // Brackets are no token characters, and encodeURIComponent leaves them.
    const name = encodeURIComponent(key).replace(/[()]/g, (mark) => (mark === "(" ? "%28" : "%29"));
    const member = `${name}=${encodeURIComponent(value)}`;
    const properties = metadata?.toString() ?? "";
    return properties !== "" && PROPERTIES.test(properties) ? `${member};${properties}` : member;
  } catch {
    return undefined;
  }
}

/** A baggage as the header to send, within the same limits; undefined where nothing of it may be sent. */
export function formatBaggage(baggage: Baggage): string | undefined {
  return baggage instanceof UnreadBaggage ? baggage.format() : format(baggage);
}

function format(baggage: Baggage): string | undefined {
  let header = "";
  let members = 0;
  for (const [key, entry] of baggage.getAllEntries()) {
    const member = key === "" ? undefined : formatMember(key, entry);
    if (member === undefined) continue;
    const longer = header === "" ? member : `${header},${member}`;
    if (longer.length > MAX_BYTES) continue;
    header = longer;
    members += 1;
    if (members === MAX_MEMBERS) break;
  }
  return header === "" ? undefined : header;
}
