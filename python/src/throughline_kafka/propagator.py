"""Which propagator carries the context, and running one that is not ours.

Ours takes the place of the application's where that one carries nothing but W3C headers: it is
stricter, and reads every duplicate. With any other header, the application's runs for each message.
"""

from __future__ import annotations

from dataclasses import dataclass

from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter, TextMapPropagator

from .guard import fault
from .headers import name_of, pairs_of, text_of

TRACEPARENT, TRACESTATE, BAGGAGE = "traceparent", "tracestate", "baggage"
_W3C = frozenset((TRACEPARENT, TRACESTATE, BAGGAGE))
#: Both specifications join a repeated one by commas.
_LISTS = (TRACESTATE, BAGGAGE)
#: A header repeated more often is read no further: each reading is a run of the propagator.
_MAX_READINGS = 8


@dataclass(frozen=True)
class Carrying:
    """What carries the context of each message."""

    #: None where our own W3C code takes its place.
    propagator: TextMapPropagator | None
    #: Lower-case names of the headers it owns, replaced as one set. Empty: nothing is carried.
    fields: frozenset[str]
    baggage: bool
    #: The lengths of these names: most other headers are told apart without a look at them.
    lengths: frozenset[int] = frozenset()


def carrying_of(chosen: TextMapPropagator | None) -> Carrying:
    """What the application has configured; `chosen` is its explicit option."""
    propagator = chosen or propagate.get_global_textmap()
    try:
        fields = frozenset(name.lower() for name in propagator.fields)
    except Exception as error:
        fault("adapter", error)
        return Carrying(propagator, _W3C, True, _lengths(_W3C))
    ours = chosen is None and fields <= _W3C and (TRACEPARENT in fields or not fields)
    return Carrying(None if ours else propagator, fields, BAGGAGE in fields, _lengths(fields))


def _lengths(fields: frozenset[str]) -> frozenset[int]:
    return frozenset(len(name) for name in fields)


class _Readable:
    """A message's headers by name in any letter case; `reading` says which of several values."""

    def __init__(self, headers: object, fields: frozenset[str]) -> None:
        self.values: dict[str, list[object]] = {}
        self.most = self.reading = 0
        for raw, value in pairs_of(headers):
            name = (name_of(raw) or "").lower()
            held = self.values.setdefault(name, [])
            if value is not None:
                held.append(value)
            if name in fields and name not in _LISTS:
                self.most = max(self.most, len(held))

    def get(self, name: str) -> list[str] | None:
        values = self.values.get(name.lower())
        if not values:
            return None
        if name.lower() in _LISTS:
            return [",".join(text_of(value) or "" for value in values)]
        text = text_of(values[min(self.reading, len(values) - 1)])
        return None if text is None else [text]


class _Getter(Getter[_Readable]):
    def get(self, carrier: _Readable, key: str) -> list[str] | None:
        return carrier.get(key)

    def keys(self, carrier: _Readable) -> list[str]:
        return list(carrier.values)


_GETTER = _Getter()


def readings_of(headers: object, carrying: Carrying, origin: Context) -> tuple[bool, list[Context]]:
    """What the application's propagator makes of a message: one context a reading, and whether any
    header of its is there. Runs once for each value of a repeated header.
    """
    carrier = _Readable(headers, carrying.fields)
    contexts = []
    assert carrying.propagator is not None
    for reading in range(min(max(carrier.most, 1), _MAX_READINGS)):
        carrier.reading = reading
        contexts.append(carrying.propagator.extract(carrier, origin, _GETTER))
    return carrier.most > 0, contexts


def foreign_fields(context: Context, carrying: Carrying) -> list[tuple[str, str]]:
    """The headers that the application's propagator sends for a context."""
    fields: dict[str, str] = {}
    assert carrying.propagator is not None
    carrying.propagator.inject(fields, context)
    return list(fields.items())
