/** A list has so many members at most. */
export const MAX_MEMBERS = 32;
const MAX_KEY = 256;
const MAX_VALUE = 256;
/** A header beyond this is no list of that many members: refused unread. */
export const MAX_HEADER: number = MAX_MEMBERS * (MAX_KEY + MAX_VALUE + 3);

// What a list is, seen in one walk over its characters.
/** It breaks the grammar somewhere. */
const BROKEN = 0;
/** No member is left. */
const EMPTY = 1;
/** Valid, with spaces or empty members that are not sent on. */
export const LOOSE = 2;
/** Valid, and to be sent on as it stands. */
export const CLEAN = 3;

const KEY_FIRST = 1;
const KEY_CHARACTER = 2;
const VALUE_CHARACTER = 4;
/** What each character may be part of, by its code; W3C Trace Context Level 2, section 3.3.2.2. */
const MAY_BE = new Uint8Array(128);
for (let code = 0x20; code < 0x7f; code++) {
  const character = String.fromCharCode(code);
  if (/[a-z0-9]/.test(character)) MAY_BE[code] = KEY_FIRST | KEY_CHARACTER | VALUE_CHARACTER;
  else if (/[_\-*/@]/.test(character)) MAY_BE[code] = KEY_CHARACTER | VALUE_CHARACTER;
  else if (!/[,=]/.test(character)) MAY_BE[code] = VALUE_CHARACTER;
}

function areAll(text: string, from: number, to: number, kind: number): boolean {
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at);
    if (code > 127 || ((MAY_BE[code] as number) & kind) === 0) return false;
  }
  return true;
}

function isKeyAt(text: string, from: number, to: number): boolean {
  return (
    to > from &&
    to - from <= MAX_KEY &&
    areAll(text, from, from + 1, KEY_FIRST) &&
    areAll(text, from, to, KEY_CHARACTER)
  );
}

function isValueAt(text: string, from: number, to: number): boolean {
  return (
    to > from &&
    to - from <= MAX_VALUE &&
    text.charCodeAt(to - 1) !== SPACE &&
    areAll(text, from, to, VALUE_CHARACTER)
  );
}

/** Tells what a list is, and gives each member's key and value to `visit` where that is asked for. */
export function walk(header: string, visit?: (key: string, value: string) => void): number {
  const keys: string[] = [];
  let clean = true;
  for (let start = 0; start <= header.length;) {
    const comma = header.indexOf(",", start);
    const end = comma < 0 ? header.length : comma;
    let from = start;
    let to = end;
    while (from < to && isSpace(header.charCodeAt(from))) from++;
    while (to > from && isSpace(header.charCodeAt(to - 1))) to--;
    if (from !== start || to !== end || from === to) clean = false;
    if (from < to) {
      const equals = header.indexOf("=", from);
      if (equals < 0 || equals >= to) return BROKEN;
      if (!isKeyAt(header, from, equals) || !isValueAt(header, equals + 1, to)) return BROKEN;
      const key = header.slice(from, equals);
      if (keys.includes(key) || keys.push(key) > MAX_MEMBERS) return BROKEN;
      visit?.(key, header.slice(equals + 1, to));
    }
    start = end + 1;
  }
  if (keys.length === 0) return EMPTY;
  return clean ? CLEAN : LOOSE;
}

const SPACE = 0x20;
const TAB = 0x09;

function isSpace(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** Whether a key may stand in a list. */
export function isKey(key: string): boolean {
  return isKeyAt(key, 0, key.length);
}

/** Whether a value may stand in a list. */
export function isValue(value: string): boolean {
  return isValueAt(value, 0, value.length);
}
