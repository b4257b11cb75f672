"""What is counted, and that counting never fails the host, without a broker."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from fakes import KeptProducer, Record, idle_consumer, record
from measured import points_of
from opentelemetry import trace
from opentelemetry.metrics import MeterProvider as AnyMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from spans import Spans

from throughline_kafka import guard, traced
from throughline_kafka.metrics import meters_of
from throughline_kafka.semconv import error_type

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS: list[tuple[str, Any]] = [("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode())]


@pytest.fixture
def counted_anew() -> Iterator[None]:
    """Each step's first failure is logged, once a process: as in a process of its own."""
    before = dict(guard._counted)
    guard._counted.clear()
    yield
    guard._counted.clear()
    guard._counted.update(before)


@pytest.mark.usefixtures("counted_anew")
def test_a_steps_first_failure_is_logged_with_its_error_and_all_are_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reader = InMemoryMetricReader()
    broken = LookupError("broken")

    def ignore(_topic: str) -> bool:
        raise broken

    consumer = traced(idle_consumer(), ignore=ignore, meter_provider=MeterProvider([reader]))
    for topic in ("a", "b", "c"):
        with consumer.process(record(HEADERS, topic=topic)):
            pass
    (logged,) = [one for one in caplog.records if one.name == "throughline_kafka"]
    assert (logged.levelno, logged.exc_info[1]) == (logging.ERROR, broken)  # type: ignore[index]
    assert "ignore failed" in logged.getMessage()
    faults = {
        point.attributes["step"]: point.value for point in _all_points(reader, "throughline.faults")
    }
    assert faults == {"ignore": 3}


def _all_points(reader: InMemoryMetricReader, name: str) -> list[Any]:
    data = reader.get_metrics_data()
    assert data is not None
    metrics = (m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics)
    return [point for metric in metrics if metric.name == name for point in metric.data.data_points]


def test_what_is_said_once_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        guard.warn_once("a test's own", "said")
    assert caplog.text.count("said") == 1


def test_clients_of_one_provider_share_their_instruments() -> None:
    assert meters_of(None) is meters_of(None)
    provider = MeterProvider([InMemoryMetricReader()])
    assert meters_of(provider) is meters_of(provider)


def test_a_provider_that_can_not_be_kept_is_used_all_the_same() -> None:
    class Unhashable(AnyMeterProvider):
        __hash__ = None  # type: ignore[assignment]

        def __init__(self, behind: MeterProvider) -> None:
            self.get_meter = behind.get_meter  # type: ignore[method-assign]

        def get_meter(self, *args: Any, **kwargs: Any) -> Any: ...

        def __eq__(self, other: object) -> bool:
            return self is other

    reader = InMemoryMetricReader()
    producer: Any = traced(KeptProducer(), meter_provider=Unhashable(MeterProvider([reader])))  # type: ignore[call-overload]
    producer.produce("payments", b"x")
    (sent,) = points_of(reader, "messaging.client.sent.messages", "payments")
    assert sent.value == 1


def test_what_has_not_happened_is_no_series(spans: Spans) -> None:
    reader = InMemoryMetricReader()
    consumer = traced(idle_consumer(), meter_provider=MeterProvider([reader]))
    with consumer.process(record(HEADERS)):
        pass
    (point,) = points_of(reader, "throughline.context", "orders")
    assert (point.attributes["outcome"], point.value) == ("extracted", 1)
    assert points_of(reader, "messaging.client.consumed.messages", "orders") == []


def test_a_message_that_can_not_be_counted_is_delivered_all_the_same() -> None:
    class Unreadable(Record):
        def error(self) -> Any:
            raise LookupError("broken")

    unreadable = Unreadable()

    class Client:
        def poll(self, timeout: float = -1) -> Any:
            return unreadable

        def consume(self, count: int) -> list[Any]:
            return [unreadable] * count

    consumer: Any = traced(Client())  # type: ignore[call-overload]
    assert consumer.poll(0) is unreadable
    assert consumer.consume(2) == [unreadable] * 2


def test_only_records_are_counted_as_consumed() -> None:
    class End(Record):
        def error(self) -> Any:
            return "_PARTITION_EOF"

    messages: Any = [record(HEADERS), End(topic="orders", partition=0)]

    class Client:
        def poll(self, timeout: float = -1) -> Any: ...

        def consume(self, count: int) -> Any:
            return messages

    reader = InMemoryMetricReader()
    consumer: Any = traced(Client(), meter_provider=MeterProvider([reader]))  # type: ignore[call-overload]
    assert consumer.consume(2) is messages
    (consumed,) = points_of(reader, "messaging.client.consumed.messages", "orders")
    assert consumed.value == 1


class Outer:
    class Refused(Exception):
        pass


def test_an_error_is_named_by_its_class_whatever_it_does_when_it_is_read() -> None:
    class Unreadable(Exception):
        @property
        def args(self) -> Any:
            raise LookupError("broken")

        @args.setter
        def args(self, value: Any) -> None: ...

    assert error_type(Outer.Refused()) == "Outer.Refused"
    assert error_type(Unreadable()) == "_OTHER"
    assert error_type(type("X" * 500, (Exception,), {})()) == "X" * 128


class BrokenSpans(trace.TracerProvider):
    """Spans whose end fails, and a tracer that fails for commits."""

    class Span(trace.NonRecordingSpan):
        def is_recording(self) -> bool:
            return True

        def end(self, end_time: int | None = None) -> None:
            raise LookupError("broken")

    class Tracer(trace.NoOpTracer):
        def __init__(self, starts: bool) -> None:
            self.starts = starts

        def start_span(self, *_args: Any, **_kwargs: Any) -> Any:
            if not self.starts:
                raise LookupError("broken")
            return BrokenSpans.Span(trace.SpanContext(1, 1, False))

    def __init__(self, starts: bool) -> None:
        self.starts = starts

    def get_tracer(self, *_args: Any, **_kwargs: Any) -> Any:
        return self.Tracer(self.starts)


@pytest.mark.parametrize("starts", [True, False])
def test_a_commit_is_made_though_its_span_fails(starts: bool) -> None:
    answer, refused = object(), ValueError("refused")

    class Client:
        def poll(self) -> Any: ...

        def commit(self, message: Any = None) -> Any:
            if message is refused:
                raise refused
            return answer

    consumer: Any = traced(Client(), tracer_provider=BrokenSpans(starts))  # type: ignore[call-overload]
    with trace.get_tracer("app").start_as_current_span("request"):
        assert consumer.commit() is answer
        with pytest.raises(ValueError, match="refused") as raised:
            consumer.commit(refused)
    assert raised.value is refused
