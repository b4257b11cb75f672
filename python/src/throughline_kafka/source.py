"""What the messages of one place share, worked out once: names, attributes, time series."""

from __future__ import annotations

from typing import TypeVar

from opentelemetry import propagate, trace
from opentelemetry.trace import Tracer

from .extract import Outcome
from .guard import fault
from .metrics import Count, Meters, meters_of
from .options import Options
from .propagator import Carrying, carrying_of
from .semconv import (
    CLIENT_ID,
    DESTINATION,
    DESTINATION_TEMPLATE,
    ERROR_TYPE,
    GROUP,
    OPERATION_NAME,
    OPERATION_TYPE,
    PARTITION,
    SERVER_ADDRESS,
    SERVER_PORT,
    SYSTEM,
)
from .version import VERSION

K = TypeVar("K")
V = TypeVar("V")
Attributes = dict[str, str | int | bool]
#: Topics come from the application and from the broker: the oldest are forgotten beyond this.
_MAX_PLACES = 1000


class Tracing:
    """A client's options beside what the application has registered, read anew when that changes."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.meters: Meters = meters_of(options.meter_provider)
        self._provider: object = None
        self._propagator: object = None
        self._sources: dict[tuple[str | None, int | None], Source] = {}
        self._destinations: dict[str, Destination] = {}

    @property
    def tracer(self) -> Tracer:
        provider = self.options.tracer_provider or trace.get_tracer_provider()
        if provider is not self._provider:
            self._tracer = trace.get_tracer("throughline_kafka", VERSION, provider)
            self._provider = provider
        return self._tracer

    @property
    def carrying(self) -> Carrying:
        registered = self.options.propagator or propagate.get_global_textmap()
        if registered is not self._propagator:
            self._carrying = carrying_of(self.options.propagator)
            self._propagator = registered
        return self._carrying

    def source(self, topic: str | None, partition: int | None) -> Source:
        key = (topic, partition)
        known = self._sources.get(key)
        if known is None:
            known = _remember(self._sources, key, Source(self, topic, partition))
        return known

    def destination(self, topic: str) -> Destination:
        known = self._destinations.get(topic)
        if known is None:
            known = _remember(self._destinations, topic, Destination(self, topic))
        return known

    def is_ignored(self, topic: str) -> bool:
        ignore = self.options.ignore
        try:
            return bool(ignore(topic)) if callable(ignore) else topic in ignore
        except Exception as error:
            fault("ignore", error)
            return False

    def names(self, topic: str | None) -> tuple[str, Attributes, Attributes]:
        """How a topic is named: in a span's name, in its attributes, and in metrics."""
        if not topic:
            return "", {}, {}
        template = None
        if self.options.destination_template is not None:
            try:
                template = self.options.destination_template(topic)
            except Exception as error:
                fault("adapter", error)
        if not isinstance(template, str):
            return topic, {DESTINATION: topic}, {DESTINATION: topic}
        # With a template, the template alone: metrics are to stay low in cardinality.
        return (
            template,
            {DESTINATION: topic, DESTINATION_TEMPLATE: template},
            {DESTINATION_TEMPLATE: template},
        )

    def client_attributes(self) -> Attributes:
        attributes: Attributes = {}
        if self.options.client_id is not None:
            attributes[CLIENT_ID] = self.options.client_id
        if self.options.server is not None:
            host, colon, port = self.options.server.rpartition(":")
            attributes[SERVER_ADDRESS] = host if colon else port
            if colon and port.isdigit():
                attributes[SERVER_PORT] = int(port)
        return attributes


def _remember(places: dict[K, V], key: K, place: V) -> V:
    while len(places) >= _MAX_PLACES:
        places.pop(next(iter(places)), None)
    places[key] = place
    return place


class Source:
    """One partition for one consumer."""

    def __init__(self, tracing: Tracing, topic: str | None, partition: int | None) -> None:
        name, span, metric = tracing.names(topic)
        group = tracing.options.group_id
        reader: Attributes = {} if group is None else {GROUP: group}
        if partition is not None and partition >= 0:
            reader[PARTITION] = str(partition)
        operation: Attributes = {OPERATION_NAME: "process"}
        self.ignored = topic is not None and tracing.is_ignored(topic)
        self.span_name = f"process {name}".rstrip()
        self.attributes: Attributes = {
            **operation,
            OPERATION_TYPE: "process",
            SYSTEM: "kafka",
            **span,
            **reader,
            **tracing.client_attributes(),
        }
        self.measured: Attributes = {**operation, SYSTEM: "kafka", **metric, **reader}
        meters = tracing.meters
        self.consumed: Count = meters.consumed.of(self.measured)
        self._metric: Attributes = {SYSTEM: "kafka", **metric}
        self._all_outcomes = meters.outcomes
        self._outcomes: dict[Outcome, Count] = {}

    def count(self, outcome: Outcome) -> None:
        """Counts what became of a message's context. Series are bounded: one is made when it is
        needed first, so that a topic takes one and not one for each outcome.
        """
        series = self._outcomes.get(outcome)
        if series is None:
            series = self._all_outcomes.of({**self._metric, "outcome": outcome})
            self._outcomes[outcome] = series
        series.add()


class Destination:
    """One topic that a producer sends to."""

    def __init__(self, tracing: Tracing, topic: str) -> None:
        name, span, metric = tracing.names(topic)
        self.topic = topic
        self.ignored = tracing.is_ignored(topic)
        self.span_name = f"send {name}"
        self.attributes: Attributes = {
            OPERATION_NAME: "send",
            OPERATION_TYPE: "send",
            SYSTEM: "kafka",
            **span,
            **tracing.client_attributes(),
        }
        self._meters = tracing.meters
        self._measured: Attributes = {OPERATION_NAME: "send", SYSTEM: "kafka", **metric}
        self._sent: Count = self._meters.sent.of(self._measured)

    def measure(self, seconds: float, failure: str | None) -> None:
        """Counts a message that was sent, or was not, and records how long that took."""
        measured, sent = self._measured, self._sent
        if failure is not None:
            measured = {**measured, ERROR_TYPE: failure}
            sent = self._meters.sent.of(measured)
        sent.add()
        self._meters.operation.record(seconds, measured)
