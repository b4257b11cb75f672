"""Writes a context into headers: the propagator's own are replaced as one set, in any letter case."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext

from .baggage import format_baggage
from .context import REMOTE_KEY, SPAN_KEY, baggage_in, span_context_in
from .guard import fault
from .headers import Headers, Pairs, name_of, pairs_of, written
from .propagator import BAGGAGE, TRACEPARENT, TRACESTATE, Carrying, foreign_fields
from .traceparent import RANDOM, format_traceparent
from .tracestate import format_tracestate


def split(headers: object, carrying: Carrying) -> tuple[Pairs, Pairs]:
    """A message's headers: those that stay, and the propagator's own."""
    return split_pairs(pairs_of(headers), carrying)


def split_pairs(pairs: Iterable[tuple[object, object]], carrying: Carrying) -> tuple[Pairs, Pairs]:
    """The same for what is known to be pairs."""
    kept: Pairs = []
    own: Pairs = []
    fields, lengths = carrying.fields, carrying.lengths
    for pair in pairs:
        name = pair[0]
        if not isinstance(name, str):
            name = name_of(name)
        if name is not None and len(name) in lengths and name.lower() in fields:
            own.append(pair)
        else:
            kept.append(pair)
    return kept, own


def fields_of(context: Context, carrying: Carrying) -> list[tuple[str, str]]:
    """The trace headers to send for a context; none where the propagator fails."""
    return fields_with(span_context_in(context), context, carrying)


def fields_with(
    span: SpanContext | None, context: Context, carrying: Carrying
) -> list[tuple[str, str]]:
    """The same for a span that was started under a context: none is made only to be read at once."""
    try:
        if carrying.propagator is not None:
            if span is not None:
                context = Context({**context, SPAN_KEY: NonRecordingSpan(span)})
            return foreign_fields(context, carrying)
        return _w3c_fields(span, context, carrying.baggage) if carrying.fields else []
    except Exception as error:
        fault("inject", error)
        return []


def _w3c_fields(
    span: SpanContext | None, context: Context, with_baggage: bool
) -> list[tuple[str, str]]:
    if not context:  # nothing but the span: no baggage, no remote parent
        with_baggage = False
    fields: list[tuple[str, str]] = []
    if span is not None:
        remote: SpanContext | None = context.get(REMOTE_KEY)  # type: ignore[assignment]
        random = (
            remote is not None
            and remote.trace_id == span.trace_id
            and bool(remote.trace_flags & RANDOM)
        )
        fields.append((TRACEPARENT, format_traceparent(span, random)))
        if span.trace_state:
            state = format_tracestate(span.trace_state)
            if state:
                fields.append((TRACESTATE, state))
    if with_baggage:
        members = baggage_in(context)
        header = format_baggage(members) if members else ""
        if header:
            fields.append((BAGGAGE, header))
    return fields


def inject_into(headers: object, context: Context, carrying: Carrying) -> Headers:
    """New headers in the shape of `headers` with a context in place of what they carried."""
    return written(headers, split(headers, carrying)[0], fields_of(context, carrying))
