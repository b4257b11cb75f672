"""One SDK for the whole run, as an application has it, and a real Kafka where one is named."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from spans import Spans

from throughline_kafka import message

_spans = Spans()
_reader = InMemoryMetricReader()


# A machine that is busy is no failure.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


def pytest_configure() -> None:
    provider = TracerProvider(ALWAYS_ON)
    provider.add_span_processor(_spans)
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([_reader]))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("KAFKA_BROKERS"):
        return
    why = "no real Kafka: KAFKA_BROKERS=host:port names one, `npm run python` starts one"
    for item in items:
        if item.get_closest_marker("kafka"):
            # In CI a missing server is a failure.
            item.add_marker(
                pytest.mark.xfail(reason=why, run=False, strict=True)
                if os.environ.get("CI")
                else pytest.mark.skip(reason=why)
            )


@pytest.fixture(autouse=True)
def _no_former_failures() -> None:
    """Tests handle records of one place: what failed in another test is not theirs."""
    message._failures.clear()


@pytest.fixture
def spans() -> Iterator[Spans]:
    """The spans that end during a test; whatever it leaves open or attached fails it."""
    from opentelemetry import context

    _spans.clear()
    before = context.get_current()
    yield _spans
    assert _spans.open == {}, "spans that never ended"
    assert context.get_current() == before, "a context that stays attached"


@pytest.fixture
def reader() -> InMemoryMetricReader:
    """What the application's meters have recorded since the run began."""
    return _reader
