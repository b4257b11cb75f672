"""W3C Baggage: 64 members and 8,192 bytes, members that break the grammar dropped one by one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote, unquote, unquote_to_bytes

_MAX_MEMBERS = 64
_MAX_BYTES = 8192
#: A header beyond this is read no further, so that a hostile record costs a bounded time.
_READ = 4 * _MAX_BYTES

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_OCTETS = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*")
_PROPERTIES = re.compile(r"[\t\x20\x21\x23-\x2b\x2d-\x5b\x5d-\x7e]+")
_SAFE = "-_.!~*'"


class BaggageValue(str):
    """A value that came with properties: text like any other, and they go on with it."""

    properties: str

    def __new__(cls, value: str, properties: str) -> BaggageValue:
        made = super().__new__(cls, value)
        made.properties = properties
        return made


def parse_baggage(header: str) -> dict[str, object] | None:
    """Reads a header (several joined by commas); None where nothing of it holds. A key that comes
    again replaces the earlier one.
    """
    return _parse_known(header) if len(header) <= _MAX_BYTES else _parse(header)


def _parse(header: str) -> dict[str, object] | None:
    members: dict[str, object] = {}
    count = length = 0
    for part in header[:_READ].split(",", _MAX_MEMBERS * 4)[: _MAX_MEMBERS * 4]:
        member = _parse_member(part)
        if member is None:
            continue
        count += 1
        length += len(part) + 1
        if count > _MAX_MEMBERS or length > _MAX_BYTES + 1:
            break
        members[member[0]] = member[1]
    return members or None


# The records of one producer carry the same baggage for minutes. What is kept is bounded: 64 of 8 KiB.
_parse_known = lru_cache(maxsize=64)(_parse)


def _parse_member(part: str) -> tuple[str, str] | None:
    pair, _, rest = part.partition(";")
    key, equals, value = pair.partition("=")
    key, value = key.strip(" \t"), value.strip(" \t")
    if not equals or _TOKEN.fullmatch(key) is None or _OCTETS.fullmatch(value) is None:
        return None
    if "%" in key:
        try:
            key = unquote_to_bytes(key).decode("utf-8")
        except UnicodeDecodeError:
            return None
    # Escapes that are no UTF-8 become U+FFFD (section 3.2.1.3); a percent that begins none stays.
    value = unquote(value, "utf-8", "replace") if "%" in value else value
    properties = rest.strip(" \t")
    if properties and _PROPERTIES.fullmatch(properties) is not None:
        return key, BaggageValue(value, properties)
    return key, value


def format_baggage(members: Mapping[str, object]) -> str:
    """The header to send, within the same limits; empty where nothing of it may be sent."""
    parts: list[str] = []
    length = -1
    for key, value in members.items():
        if len(parts) == _MAX_MEMBERS:
            break
        try:
            part = f"{quote(key, safe=_SAFE)}={quote(str(value), safe=_SAFE)}"
        except (UnicodeEncodeError, TypeError):
            continue  # a lone surrogate has no UTF-8; a key that is no text has no name
        if isinstance(value, BaggageValue):
            part = f"{part};{value.properties}"
        if key == "" or length + len(part) + 1 > _MAX_BYTES:
            continue
        parts.append(part)
        length += len(part) + 1
    return ",".join(parts)
