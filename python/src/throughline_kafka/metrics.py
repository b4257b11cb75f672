"""The library's own numbers: plain integers, read when the application's reader collects."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from weakref import WeakKeyDictionary

from opentelemetry import metrics
from opentelemetry.metrics import (
    CallbackOptions,
    Histogram,
    Meter,
    MeterProvider,
    NoOpMeter,
    Observation,
)

from .guard import fault, faults
from .semconv import (
    CONSUMED_MESSAGES,
    CONTEXT_OUTCOMES,
    DURATION_BUCKETS_S,
    FAULTS,
    OPERATION_DURATION,
    PROCESS_DURATION,
    SENT_MESSAGES,
)
from .version import VERSION

Attributes = Mapping[str, str | int | bool]
_lock = threading.Lock()
#: Series beyond this many are counted together, as the SDK itself does.
_MAX_SERIES = 2000
_OVERFLOW: Attributes = {"otel.metric.overflow": True}


class Count:
    """One time series."""

    __slots__ = ("attributes", "value")

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self.value = 0

    def add(self, number: int = 1) -> None:
        with _lock:
            self.value += number


class Counters:
    """The series of one instrument, by their attributes."""

    def __init__(self) -> None:
        self._series: dict[object, Count] = {}

    def of(self, attributes: Attributes) -> Count:
        """The one series with these attributes; keep it, and count on it."""
        key: object = tuple(sorted(attributes.items()))
        with _lock:
            if key not in self._series and len(self._series) >= _MAX_SERIES:
                key, attributes = None, _OVERFLOW
            return self._series.setdefault(key, Count(attributes))

    def observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        with _lock:
            counts = list(self._series.values())
        return [Observation(count.value, count.attributes) for count in counts if count.value]


class Meters:
    """The instruments of one meter provider."""

    process: Histogram
    operation: Histogram

    def __init__(self, provider: MeterProvider | None) -> None:
        self.outcomes = Counters()
        self.consumed = Counters()
        self.sent = Counters()
        try:
            # Without a provider the api's proxy stands in until the application registers one.
            self._make(metrics.get_meter("throughline_kafka", VERSION, meter_provider=provider))
        except Exception as error:
            fault("metrics", error)
            self._make(NoOpMeter("throughline_kafka"))

    def _make(self, meter: Meter) -> None:
        def count(name: str, observe: Observe, unit: str, what: str) -> None:
            meter.create_observable_counter(name, [observe], unit, what)

        def duration(name: str, what: str) -> Histogram:
            return meter.create_histogram(
                name, "s", what, explicit_bucket_boundaries_advisory=DURATION_BUCKETS_S
            )

        outcomes = "Messages by what became of their trace context"
        count(CONTEXT_OUTCOMES, self.outcomes.observe, "{message}", outcomes)
        consumed = "Messages delivered to the application"
        count(CONSUMED_MESSAGES, self.consumed.observe, "{message}", consumed)
        sent = "Messages that producers tried to send"
        count(SENT_MESSAGES, self.sent.observe, "{message}", sent)
        count(FAULTS, _observe_faults, "{failure}", "Failures of tracing itself, by step")
        self.process = duration(PROCESS_DURATION, "Duration of processing operation")
        self.operation = duration(OPERATION_DURATION, "Duration of a messaging operation")


Observe = Callable[[CallbackOptions], Iterable[Observation]]


def record(histogram: Histogram, seconds: float, attributes: Attributes) -> None:
    """Records a duration. Never raises."""
    try:
        histogram.record(seconds, attributes)
    except Exception as error:
        fault("metrics", error)


def _observe_faults(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(number, {"step": step}) for step, number in list(faults().items())]


_global: Meters | None = None
_chosen: WeakKeyDictionary[MeterProvider, Meters] = WeakKeyDictionary()
_made = threading.Lock()


def meters_of(provider: MeterProvider | None) -> Meters:
    """The meters of a provider, of the application's global one where none is chosen: made once."""
    global _global
    with _made:
        if provider is None:
            if _global is None:
                _global = Meters(None)
            return _global
        try:
            known = _chosen.get(provider)
            if known is None:
                _chosen[provider] = known = Meters(provider)
            return known
        except TypeError:  # a provider without a weak reference or a hash
            return Meters(provider)
