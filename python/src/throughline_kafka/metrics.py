"""The library's own numbers: plain integers, read when the application's reader collects."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Histogram, MeterProvider, Observation

from .guard import faults
from .semconv import (
    CONSUMED_MESSAGES,
    CONTEXT_OUTCOMES,
    DURATION_BUCKETS_S,
    FAULTS,
    PROCESS_DURATION,
    SENT_MESSAGES,
)
from .version import VERSION

Attributes = Mapping[str, str | int | bool]
_lock = threading.Lock()


class Count:
    """One time series."""

    __slots__ = ("attributes", "value")

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self.value = 0

    def add(self, number: int = 1) -> None:
        with _lock:
            self.value += number


class Meters:
    """The instruments of one meter provider."""

    def __init__(self, provider: MeterProvider | None) -> None:
        # Without a provider the api's proxy stands in until the application registers one.
        meter = metrics.get_meter("throughline_kafka", VERSION, meter_provider=provider)
        self._series: dict[str, dict[tuple[tuple[str, object], ...], Count]] = {}
        for name, what in (
            (CONTEXT_OUTCOMES, "Messages by what became of their trace context"),
            (CONSUMED_MESSAGES, "Messages delivered to the application"),
            (SENT_MESSAGES, "Messages that producers tried to send"),
        ):
            self._series[name] = {}
            observe = _observing(self._series[name])
            meter.create_observable_counter(
                name, callbacks=[observe], unit="{message}", description=what
            )
        meter.create_observable_counter(FAULTS, callbacks=[_observe_faults], unit="{fault}")
        self.duration: Histogram = meter.create_histogram(
            PROCESS_DURATION,
            unit="s",
            description="Duration of processing operation",
            explicit_bucket_boundaries_advisory=DURATION_BUCKETS_S,
        )

    def count(self, name: str, attributes: Attributes) -> Count:
        """The series of an instrument with these attributes."""
        series = self._series[name]
        key = tuple(sorted(attributes.items()))
        with _lock:
            return series.setdefault(key, Count(attributes))


def _observing(series: dict[tuple[tuple[str, object], ...], Count]):  # type: ignore[no-untyped-def]
    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        with _lock:
            counts = list(series.values())
        return [Observation(count.value, count.attributes) for count in counts if count.value]

    return observe


def _observe_faults(_options: CallbackOptions) -> Iterable[Observation]:
    return [Observation(number, {"step": step}) for step, number in list(faults().items())]


_global: Meters | None = None


def meters_of(provider: MeterProvider | None) -> Meters:
    """The meters of a provider; the application's global one is met once a process."""
    global _global
    if provider is not None:
        return Meters(provider)
    with _lock:
        known = _global
    if known is None:
        _global = known = Meters(None)
    return known
