"""A message that is made from several consumed ones: an aggregate, a join, a batch in one record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opentelemetry.trace import SpanContext

from .extract import extract
from .guard import fault
from .headers import Headers, pairs_of
from .message import Message
from .propagator import Carrying

#: An SDK's span keeps as many.
MAX_LINKS = 128


class LinkedHeaders(list[Any]):
    """Headers, a list like any other, and the contexts of the messages that theirs is made from."""

    linked: tuple[SpanContext, ...] = ()


def linked_headers(
    headers: Headers | None, messages: Iterable[Message], carrying: Carrying
) -> LinkedHeaders:
    """See `links` of this package."""
    made = LinkedHeaders(pairs_of(headers))
    contexts: list[SpanContext] = []
    # By their ids, as a Message has no hash; each is kept, so that its id stays its own.
    once = {id(message): message for message in messages}
    for message in once.values():
        try:
            read = extract(message.headers(), carrying, "new")
        except Exception as error:
            fault("extract", error)
            continue
        contexts.extend(read.several if read.parent is None else (read.parent,))
    made.linked = tuple(contexts)
    return made
