"""Sending one message: what it continues, its span, and the headers that go out in place of its own."""

from __future__ import annotations

from time import perf_counter

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Link, NonRecordingSpan, Span, SpanContext, SpanKind

from .context import (
    BAGGAGE_KEY,
    REMOTE_KEY,
    SPAN_KEY,
    baggage_in,
    is_suppressed,
    origin_of,
    span_context_in,
)
from .dead_letter import LetterHeaders
from .dead_letter_headers import failed_attempt_of
from .extract import NOTHING, Extracted, extract
from .failure import mark_failed
from .guard import fault
from .headers import Headers, is_sendable, written
from .inject import fields_with, split_pairs
from .links import MAX_LINKS, LinkedHeaders
from .scope import describe_key
from .semconv import KAFKA_TOMBSTONE, PARTITION, error_type
from .source import Attributes, Destination, Tracing


class Sending:
    """A message on its way to the client."""

    __slots__ = ("_began", "_destination", "headers", "span")

    def __init__(self, destination: Destination, headers: Headers | None, span: Span) -> None:
        self._destination = destination
        #: None: the message goes out with what it has.
        self.headers = headers
        self.span = span
        self._began = perf_counter()

    def end(self, error: BaseException | None = None) -> None:
        """Ends the span and counts the message. Never raises."""
        try:
            failure = None if error is None else error_type(error)
            self._destination.measure(perf_counter() - self._began, failure)
        except Exception as problem:
            fault("metrics", problem)
        try:
            if error is not None:
                mark_failed(self.span, error)
            self.span.end()
        except Exception as problem:
            fault("end span", problem)


def open_send(
    tracing: Tracing,
    destination: Destination,
    headers: object,
    key: object,
    value: object,
    partition: object,
    inject: bool = True,
) -> Sending | None:
    """Opens the send of one message; None where the client refuses its headers. `inject` False: the
    client can't send any. Where no span can be made, the message carries the context that it
    continues.
    """
    if not is_sendable(headers):
        return None
    carrying, options = tracing.carrying, tracing.options
    pairs = headers.items() if isinstance(headers, dict) else headers or ()
    kept, own = split_pairs(pairs, carrying)  # type: ignore[arg-type]
    active = context_api.get_current()
    letter = headers.parent if isinstance(headers, LetterHeaders) else None
    failed = None if letter is not None else failed_attempt_of(kept, destination.topic)
    carried, keep = NOTHING, False
    above: Context = active
    links: list[Link] = []
    # A message that brings nothing continues what is active: nearly every one.
    if own or letter is not None or failed is not None:
        if own:
            carried = extract(own, carrying, options.duplicates)
        brought = _brought(carried)
        keep = options.carried == "keep" and bool(brought) and letter is None and failed is None
        if keep:
            links = [Link(context) for context in brought]
        else:
            above, links = _lineage(active, letter, failed, carried)
    if isinstance(headers, LinkedHeaders):
        links = [*(Link(context) for context in headers.linked), *links][:MAX_LINKS]
    inject = inject and not keep
    span: Span = INVALID_SPAN
    if options.spans and not is_suppressed(active):
        try:
            span = tracing.tracer.start_span(
                destination.span_name,
                above,
                SpanKind.PRODUCER if inject else SpanKind.CLIENT,
                _described(destination, options.message_key, key, value, partition),
                links,
            )
        except Exception as error:
            fault("start span", error)
    if not inject:
        return Sending(destination, None, span)
    made = span.get_span_context()
    fields = fields_with(made if made.is_valid else span_context_in(above), above, carrying)
    # What a message brought stays where there is nothing to put in its place.
    if not fields and (not own or (failed is None and carried.parent is not None)):
        return Sending(destination, None, span)
    return Sending(destination, written(headers, kept, fields), span)


def _brought(carried: Extracted) -> tuple[SpanContext, ...]:
    """The contexts that a message to send came with."""
    return carried.several if carried.parent is None else (carried.parent,)


def _described(
    destination: Destination, with_key: bool, key: object, value: object, partition: object
) -> Attributes:
    told = destination.attributes.copy()
    if key is not None and with_key:
        describe_key(told, key)
    if value is None:
        told[KAFKA_TOMBSTONE] = True
    if isinstance(partition, int) and partition >= 0:
        told[PARTITION] = str(partition)
    return told


def _lineage(
    active: Context,
    letter: SpanContext | None,
    failed: SpanContext | None,
    carried: Extracted,
) -> tuple[Context, list[Link]]:
    """The context under which a message's span starts, and its links. What a message carries in the
    active trace gives way to the active span; what it carries of another trace is its parent, and
    the active span a link. A replay to where a dead letter came from starts a new trace.
    """
    ambient = span_context_in(active)
    if failed is not None:
        links = [Link(failed)] + ([Link(ambient)] if ambient is not None else [])
        return _under(active, None, carried), links
    continued = letter or carried.parent
    same = continued is not None and ambient is not None and continued.trace_id == ambient.trace_id
    if continued is None or (letter is None and same):
        links = [Link(context) for context in carried.several]
        # Baggage set by hand on a message without a traceparent is not stale: it stays.
        if carried.outcome == "missing" and carried.baggage and not baggage_in(active):
            return Context({**active, BAGGAGE_KEY: carried.baggage}), links
        return active, links
    links = [Link(ambient)] if ambient is not None and not same else []
    return _under(active, continued, carried), links


def _under(active: Context, parent: SpanContext | None, carried: Extracted) -> Context:
    """What the message carried, with another span in place of its own; the active baggage wins."""
    values = origin_of(active)
    values.update(carried.behind or {})
    members = baggage_in(active) or carried.baggage
    if members:
        values[BAGGAGE_KEY] = members
    if parent is not None:
        values[SPAN_KEY] = NonRecordingSpan(parent)
        values[REMOTE_KEY] = parent
    return Context(values)
