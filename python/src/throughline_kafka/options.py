"""What an application may choose."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from opentelemetry.metrics import MeterProvider
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import TracerProvider

from .extract import Duplicates

#: How a process span relates to the span that sent the message.
Relation = Literal["parent", "link", "both"]

_CHOICES: dict[str, tuple[object, ...]] = {
    "relation": ("parent", "link", "both"),
    "spans": (True, False),
    "message_key": (True, False),
    "duplicates": ("new", "last", "first"),
    "carried": ("replace", "keep"),
    "delivery": ("return", "report"),
}


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `traced()`.

    Raises:
        ValueError: for a value that an option does not take.
    """

    #: `parent` continues the producer's trace, `link` starts one that links to it, `both` does both.
    relation: Relation = "parent"
    #: False: context is carried, and no span is made.
    spans: bool = True
    #: Topics to leave alone: a collection of names, or a function that is asked once a topic.
    ignore: Collection[str] | Callable[[str], bool] = ()
    #: False keeps message keys out of spans.
    message_key: bool = True
    #: What several traceparents of different traces come to.
    duplicates: Duplicates = "new"
    #: What a send does with a message that already carries a context: `replace` gives it the new
    #: span's in the same trace, `keep` leaves its headers byte for byte, and the span links to it.
    carried: Literal["replace", "keep"] = "replace"
    #: When a send span ends: as produce() returns, or with the delivery report, which then tells
    #: its error.
    delivery: Literal["return", "report"] = "return"
    #: A name of low cardinality for a topic; None for its own.
    destination_template: Callable[[str], str | None] | None = None
    #: What a confluent-kafka client does not tell of itself.
    group_id: str | None = None
    client_id: str | None = None
    #: `host` or `host:port`.
    server: str | None = None
    #: In place of the global ones.
    propagator: TextMapPropagator | None = None
    tracer_provider: TracerProvider | None = None
    meter_provider: MeterProvider | None = None

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                takes = " or ".join(repr(choice) for choice in choices)
                raise ValueError(f"throughline_kafka: option {name} takes {takes}, got {value!r}")
        if isinstance(self.ignore, str):
            raise ValueError("throughline_kafka: option ignore takes a collection, got one text")
