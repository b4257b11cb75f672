"""tracestate, strictly by W3C Trace Context Level 2."""

from __future__ import annotations

import re
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from functools import lru_cache

from opentelemetry.trace import TraceState

_MAX_MEMBERS = 32
#: A header beyond this is no list of that many members: refused unread.
_MAX_HEADER = _MAX_MEMBERS * (256 + 256 + 3)
#: What is sent on is at least this long before anything is dropped (section 3.3.1.5).
_KEPT = 512
#: Members longer than this are the first to go.
_LONG = 128

_KEY = re.compile(r"[a-z0-9][a-z0-9_\-*/@]{0,255}")
_VALUE = re.compile(r"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]")


class StrictTraceState(TraceState):
    """A trace state that was valid as a whole when it came in; immutable, as the api's own.

    The api's class checks keys by Level 1's grammar and would drop members that Level 2 allows.
    """

    def __init__(self, members: Mapping[str, str]) -> None:
        super().__init__()
        self._members = dict(members)

    def __getitem__(self, key: str) -> str:
        return self._members[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, key: object) -> bool:
        return key in self._members

    # The api's class answers these from members of its own.
    def keys(self) -> KeysView[str]:
        return self._members.keys()

    def values(self) -> ValuesView[str]:
        return self._members.values()

    def items(self) -> ItemsView[str, str]:
        return self._members.items()

    def __repr__(self) -> str:
        return f"StrictTraceState({self.to_header()!r})"

    def add(self, key: str, value: str) -> TraceState:
        """A new state with this member in front; the same state where it is there already."""
        return self if key in self._members else self.update(key, value)

    def update(self, key: str, value: str) -> TraceState:
        """A new state with this member in front; the same one where the grammar forbids it."""
        if _KEY.fullmatch(key) is None or _VALUE.fullmatch(value) is None:
            return self
        rest = {name: held for name, held in self._members.items() if name != key}
        if len(rest) >= _MAX_MEMBERS:
            return self
        return StrictTraceState({key: value, **rest})

    def delete(self, key: str) -> TraceState:
        """A new state without this member."""
        return StrictTraceState({name: v for name, v in self._members.items() if name != key})

    def to_header(self) -> str:
        return ",".join(f"{key}={value}" for key, value in self._members.items())


@lru_cache(maxsize=64)
def parse_tracestate(header: str) -> TraceState | None:
    """Reads a header (several joined by commas). None where it is empty or breaks the grammar
    anywhere: it is then dropped as a whole, and traceparent is not affected.
    """
    if not header or len(header) > _MAX_HEADER:
        return None
    members: dict[str, str] = {}
    for part in header.split(","):
        member = part.strip(" \t")
        if not member:
            continue
        key, equals, value = member.partition("=")
        if not equals or _KEY.fullmatch(key) is None or _VALUE.fullmatch(value) is None:
            return None
        if key in members or len(members) == _MAX_MEMBERS:
            return None
        members[key] = value
    return StrictTraceState(members) if members else None


def format_tracestate(state: TraceState) -> str:
    """The header to send: whole members, at most 32. Beyond 512 characters those over 128
    characters go first, then the last ones. Empty where nothing is left.
    """
    text = state.to_header()
    if len(text) <= _KEPT:
        return text
    members = text.split(",")[:_MAX_MEMBERS]
    length = sum(len(member) + 1 for member in members) - 1
    for at in range(len(members) - 1, -1, -1):
        if length <= _KEPT:
            break
        if len(members[at]) > _LONG:
            length -= len(members.pop(at)) + 1
    while length > _KEPT and members:
        length -= len(members.pop()) + 1
    return ",".join(members)
