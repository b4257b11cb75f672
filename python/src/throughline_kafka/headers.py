"""A message's headers as confluent-kafka has them: a list of pairs or a dict, read once and never
written to.
"""

from __future__ import annotations

from collections.abc import Iterable

Value = bytes | str | None
Pair = tuple[str, Value]
#: What produce() takes, and what headers() gives.
Headers = list[Pair] | dict[str, Value]
#: Headers as they were found, whatever they are.
Pairs = list[tuple[object, object]]


def pairs_of(headers: object) -> Iterable[tuple[object, object]]:
    """Each header in order; nothing for what is no collection of headers."""
    if isinstance(headers, list):
        for header in headers:
            if not isinstance(header, tuple) or len(header) != 2:
                return [one for one in headers if isinstance(one, tuple) and len(one) == 2]
        return headers
    return headers.items() if isinstance(headers, dict) else ()


def name_of(name: object) -> str | None:
    """A header's name as text: the client takes bytes too."""
    if isinstance(name, str):
        return name
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else None


def text_of(value: object) -> str | None:
    """A header's value as text, bytes read as UTF-8; None for what is neither."""
    if isinstance(value, str):
        return value
    return (
        bytes(value).decode("utf-8", "replace") if isinstance(value, (bytes, bytearray)) else None
    )


def is_sendable(headers: object) -> bool:
    """Whether the client takes these: what it refuses is left to it, for its own error."""
    if headers is None or isinstance(headers, dict):
        return True
    if not isinstance(headers, list):
        return False
    for header in headers:  # noqa: SIM110 - all() of a generator costs three times as much
        if not isinstance(header, tuple) or len(header) != 2:
            return False
    return True


def last_text(headers: object, name: str) -> str | None:
    """The last value of a header by name, as text."""
    found: object = None
    for key, value in pairs_of(headers):
        if key == name:
            found = value
    return None if found is None else text_of(found)


def written(
    like: object, kept: list[tuple[object, object]], fields: list[tuple[str, str]]
) -> Headers:
    """New headers in the shape of `like`: those kept, in their order, then the trace fields."""
    pairs = [*kept, *fields]
    return dict(pairs) if isinstance(like, dict) else pairs  # type: ignore[arg-type,return-value]
