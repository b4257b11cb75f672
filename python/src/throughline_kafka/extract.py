"""Reads the context that a message carries. Malformed or missing context is an outcome."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from opentelemetry.context import Context
from opentelemetry.trace import SpanContext

from .baggage import parse_baggage
from .context import BAGGAGE_KEY, SPAN_KEY, baggage_in, span_context_in
from .guard import fault
from .headers import name_of, pairs_of
from .propagator import BAGGAGE, TRACEPARENT, TRACESTATE, Carrying, readings_of
from .traceparent import parse_traceparent, with_state
from .tracestate import parse_tracestate

Outcome = Literal["extracted", "missing", "malformed", "duplicate", "unread"]
#: Several traceparents of different traces: a new trace with links, or the last or first as parent.
Duplicates = Literal["new", "last", "first"]

#: Of a header repeated more often the last ones are read; a span keeps as many links.
_MAX_TRACEPARENTS = 128
#: A tracestate or baggage header is read no further than this.
_MAX_READ = 64 * 1024


@dataclass(frozen=True, slots=True)
class Extracted:
    """One message's context as it was read off its headers."""

    outcome: Outcome
    #: The creation context; None where there is none that counts.
    parent: SpanContext | None = None
    baggage: dict[str, object] | None = None
    #: Several traces claimed the message: none is its parent, each is linked.
    several: tuple[SpanContext, ...] = ()
    #: Whatever else the application's own propagator put into the context.
    behind: dict[str, object] | None = None


NOTHING = Extracted("missing")
#: No propagator is configured: nobody knows what the message carries.
UNREAD = Extracted("unread")


def extract(headers: object, carrying: Carrying, duplicates: Duplicates = "new") -> Extracted:
    """Reads a message's context from its headers. Never raises."""
    try:
        if carrying.propagator is not None:
            return _extract_foreign(headers, carrying, duplicates)
        if not carrying.fields:
            return UNREAD
        if not headers:
            return NOTHING
        return _extract_w3c(headers, carrying.baggage, duplicates)
    except Exception as error:
        fault("extract", error)
        return Extracted("malformed")


def _extract_w3c(headers: object, with_baggage: bool, duplicates: Duplicates) -> Extracted:
    parents: list[object] = []
    states: list[object] = []
    bags: list[object] = []
    # Lengths differ: most headers cost one comparison.
    for raw, value in pairs_of(headers):
        name = raw if isinstance(raw, str) else name_of(raw)
        if name is None or value is None:
            continue
        length = len(name)
        if length == 11:
            if name == TRACEPARENT or name.lower() == TRACEPARENT:
                parents.append(value)
        elif length == 10:
            if name == TRACESTATE or name.lower() == TRACESTATE:
                states.append(value)
        elif length == 7 and (name == BAGGAGE or name.lower() == BAGGAGE):
            bags.append(value)
    baggage = parse_baggage(_list_text(bags)) if bags and with_baggage else None
    if not parents:
        return NOTHING if baggage is None else Extracted("missing", baggage=baggage)
    if len(parents) == 1:
        parent = _parse(parents[0])
        if parent is None:
            return Extracted("malformed", baggage=baggage)
        return Extracted("extracted", _with_states(parent, states), baggage)
    found = [_parse(value) for value in parents[-_MAX_TRACEPARENTS:]]
    outcome, chosen, several = _choose(found, duplicates)
    if chosen is not None:
        chosen = _with_states(chosen, states)
    return Extracted(outcome, chosen, baggage, several)


def _parse(value: object) -> SpanContext | None:
    return parse_traceparent(value) if isinstance(value, (bytes, str)) else None


def _with_states(parent: SpanContext, states: list[object]) -> SpanContext:
    state = parse_tracestate(_list_text(states)) if states else None
    return parent if state is None else with_state(parent, state)


def _list_text(values: list[object]) -> str:
    """A header that is a list: repeated ones are joined by a comma, as both specifications say."""
    texts = [
        value[:_MAX_READ].decode("latin-1") if isinstance(value, bytes) else value[:_MAX_READ]
        for value in values
        if isinstance(value, (bytes, str)) and value
    ]
    return texts[0] if len(texts) == 1 else ",".join(texts)


def _choose(
    found: Sequence[SpanContext | None], duplicates: Duplicates
) -> tuple[Outcome, SpanContext | None, tuple[SpanContext, ...]]:
    """The duplicate rule, one for every propagator; None stands for a malformed reading."""
    readable = [one for one in found if one is not None]
    if not readable:
        return ("malformed" if found else "missing"), None, ()
    outcome: Outcome = "duplicate" if len(found) > 1 else "extracted"
    if duplicates == "first":
        return outcome, readable[0], ()
    last = readable[-1]
    if duplicates == "last" or all(one.trace_id == last.trace_id for one in readable):
        return outcome, last, ()
    return outcome, None, tuple(readable)


def _extract_foreign(headers: object, carrying: Carrying, duplicates: Duplicates) -> Extracted:
    # On top of nothing: a propagator leaves what is in the context where it finds no header.
    present, contexts = readings_of(headers, carrying, Context())
    found = [span_context_in(context) for context in contexts]
    used = found if present or any(found) else []
    outcome, parent, several = _choose(used, duplicates)
    at = max((at for at, one in enumerate(found) if one is parent and one is not None), default=-1)
    context = contexts[at] if contexts else Context()
    rest = {key: v for key, v in context.items() if key not in (SPAN_KEY, BAGGAGE_KEY)}
    return Extracted(outcome, parent, baggage_in(context) or None, several, rest or None)
