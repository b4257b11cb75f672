"""The message to publish in place of one that can't be handled, in the trace of the record itself."""

from __future__ import annotations

from typing import Any, TypedDict

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext

from .context import BAGGAGE_KEY, REMOTE_KEY, SPAN_KEY, origin_of, scope_in
from .dead_letter_headers import DLQ, NAMES
from .extract import Extracted, extract
from .failure import message_of
from .headers import Pairs, last_text
from .inject import fields_of, split
from .message import Message, failure_of
from .semconv import error_type
from .source import Tracing
from .traceparent import format_traceparent, with_random

#: An error's message is cut to this many bytes of UTF-8.
_MAX_ERROR = 1024


class LetterHeaders(list[Any]):
    """A letter's headers, a list like any other, and what it continues: the producer that sends it
    keeps it there, whatever is active.
    """

    parent: SpanContext | None = None


class DeadLetter(TypedDict):
    """What `Producer.produce()` takes besides the topic."""

    value: Any
    key: Any
    headers: list[tuple[str, Any]]


def make_dead_letter(
    tracing: Tracing,
    message: Message,
    error: BaseException | object,
    error_message: bool = True,
    attempts: int | None = None,
) -> DeadLetter:
    """See `dead_letter` of this package."""
    active = context_api.get_current()
    ambient = scope_in(active)
    current = ambient if ambient is not None and ambient.message is message else None
    if current is not None and current.parked is None:
        current.parked = error if isinstance(error, BaseException) else Exception(message_of(error))
    failure = failure_of(message)
    attempt = current.attempt if current is not None else failure.attempt if failure else None
    seen = (failure.attempts if failure else 0) + (0 if current is None else 1)

    own_tracing = current.tracing if current is not None else tracing
    carrying = own_tracing.carrying
    group = own_tracing.options.group_id or (failure.group if failure else None)
    headers = message.headers()
    kept, own = split(headers, carrying)
    carried = extract(own, carrying, own_tracing.options.duplicates)
    parent = attempt or carried.parent
    if parent is not None:
        parent = with_random(parent, carried.parent)

    facts = _origin(message, kept, group)
    facts.append((DLQ.error_type, error_type(error)))
    if error_message:
        facts.append((DLQ.error_message, _cut(message_of(error))))
    facts.append((DLQ.attempts, str(max(1, seen if attempts is None else attempts))))
    if attempt is not None:
        facts.append((DLQ.failed, format_traceparent(attempt)))
    rest = [pair for pair in kept if pair[0] not in NAMES]
    context = _context_under(active, parent, carried)
    letter = LetterHeaders([*rest, *facts, *fields_of(context, carrying)])
    letter.parent = parent
    return {"value": message.value(), "key": message.key(), "headers": letter}


def _context_under(active: Context, parent: SpanContext | None, carried: Extracted) -> Context:
    """What the record carried, with another span in place of its creation context."""
    values = origin_of(active)
    values.update(carried.behind or {})
    if carried.baggage is not None:
        values[BAGGAGE_KEY] = carried.baggage
    if parent is not None:
        values[SPAN_KEY] = NonRecordingSpan(parent)
        values[REMOTE_KEY] = parent
    return Context(values)


def _origin(message: Message, kept: Pairs, group: str | None) -> list[tuple[str, str]]:
    """Where the message came from. One that is parked again on its way out of a dead-letter topic
    keeps its first origin; one that failed again where it was replayed to names what failed now.
    """
    first = last_text(kept, DLQ.destination)
    if first is not None and first != message.topic():
        names = (DLQ.destination, DLQ.partition, DLQ.offset, DLQ.timestamp, DLQ.group)
        found = [(name, last_text(kept, name)) for name in names]
        return [(name, text) for name, text in found if text is not None]
    kind, timestamp_ms = message.timestamp()
    facts: list[tuple[str, object]] = [
        (DLQ.destination, message.topic()),
        (DLQ.partition, message.partition()),
        (DLQ.offset, message.offset()),
        (DLQ.timestamp, timestamp_ms if kind and timestamp_ms >= 0 else None),
        (DLQ.group, group),
    ]
    return [(name, str(value)) for name, value in facts if value is not None]


def _cut(text: str) -> str:
    """At most 1 KiB of UTF-8, never cut inside a character."""
    return text[:_MAX_ERROR].encode("utf-8", "replace")[:_MAX_ERROR].decode("utf-8", "ignore")
