"""Whatever part of tracing fails, the host sees what it would without: the same values, the same
error objects, the same messages, and the context that it had.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from fakes import KeptProducer, idle_consumer, record
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import context, trace
from opentelemetry.metrics import MeterProvider, NoOpMeterProvider
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import Sampler

from throughline_kafka import context_of, inject_context, links, traced
from throughline_kafka.guard import faults

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS: list[tuple[str, Any]] = [
    ("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode()),
    ("x", b"1"),
]


class Broken(Exception):
    pass


def broken(*_args: Any, **_kwargs: Any) -> Any:
    raise Broken


class BrokenSampler(Sampler):
    should_sample = broken

    def get_description(self) -> str:
        return "broken"


class BrokenStart(SpanProcessor):
    on_start = broken


class BrokenEnd(SpanProcessor):
    on_end = broken


class BrokenExporter(SpanExporter):
    export = broken


class BrokenPropagator(TextMapPropagator):
    extract = inject = broken
    fields = property(broken)


class HalfBrokenPropagator(TextMapPropagator):
    extract = inject = broken
    fields = {"traceparent", "x-trace"}  # noqa: RUF012


class BrokenMeters(MeterProvider):
    get_meter = broken


class BrokenInstruments(MeterProvider):
    """A meter whose counters are refused, and whose histogram fails as it records."""

    class Instrument:
        record = broken

    class Meter:
        def create_observable_counter(self, *_args: Any, **_kwargs: Any) -> None: ...

        def create_histogram(self, *_args: Any, **_kwargs: Any) -> Any:
            return BrokenInstruments.Instrument()

    def get_meter(self, *_args: Any, **_kwargs: Any) -> Any:
        return self.Meter()


class BrokenTracers(trace.TracerProvider):
    get_tracer = broken


def processing(processor: SpanProcessor) -> TracerProvider:
    provider = TracerProvider()
    provider.add_span_processor(processor)
    return provider


class BrokenSpans(trace.TracerProvider):
    """A tracer whose spans fail at whatever they are asked."""

    class Span(trace.NonRecordingSpan):
        set_attribute = set_status = record_exception = end = broken

        def is_recording(self) -> bool:
            return True

    class Tracer(trace.NoOpTracer):
        def start_span(self, *_args: Any, **_kwargs: Any) -> Any:
            return BrokenSpans.Span(trace.SpanContext(1, 1, False))

    def get_tracer(self, *_args: Any, **_kwargs: Any) -> Any:
        return self.Tracer()


FAILING: dict[str, dict[str, Any]] = {
    "nothing": {},
    "sampler": {"tracer_provider": TracerProvider(BrokenSampler())},
    "span processor, on start": {"tracer_provider": processing(BrokenStart())},
    "span processor, on end": {"tracer_provider": processing(BrokenEnd())},
    "exporter": {"tracer_provider": processing(SimpleSpanProcessor(BrokenExporter()))},
    "tracer provider": {"tracer_provider": BrokenTracers()},
    "spans": {"tracer_provider": BrokenSpans()},
    "propagator": {"propagator": BrokenPropagator()},
    "propagator's work": {"propagator": HalfBrokenPropagator()},
    "meter provider": {"meter_provider": BrokenMeters()},
    "instruments": {"meter_provider": BrokenInstruments()},
    "destination template": {"destination_template": broken},
    "ignore": {"ignore": broken},
}
parts = pytest.mark.parametrize("part", FAILING)


class Unprintable(Exception):
    """An error that fails as it is read."""

    def __str__(self) -> str:
        raise Broken


ERRORS: list[BaseException | None] = [
    None,
    ValueError("no funds"),
    Unprintable("no funds"),
    KeyboardInterrupt(),
    asyncio.CancelledError(),
]


def outcome(work: Callable[[], Any]) -> tuple[str, Any]:
    try:
        return "gives", work()
    except BaseException as error:
        return "raises", error


@parts
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_part_that_fails_changes_nothing_for_the_handler(
    part: str, error: BaseException | None
) -> None:
    options = FAILING[part]
    consumer = traced(idle_consumer(), **options)
    message, value = record(HEADERS), object()
    before = context.get_current()
    given_headers = message.headers()

    def handle() -> Any:
        with consumer.process(message):
            if error is not None:
                raise error
            return value

    def handle_all() -> Any:
        with consumer.process_batch([message, record([])]), consumer.process(message):
            if error is not None:
                raise error
            return value

    expected = ("gives", value) if error is None else ("raises", error)
    for work in (handle, handle_all):
        happened, what = outcome(work)
        assert (happened, type(what)) == (expected[0], type(expected[1]))
        assert what is expected[1]
        assert context.get_current() == before
    if isinstance(error, Exception):

        def retry_handle(_message: Any) -> Any:
            return handle()

        retried: Any = consumer.with_retries(retry_handle, attempts=2)
        assert outcome(lambda: retried(message)) == ("raises", error)
        letter = consumer.dead_letter(message, error)
        assert (letter["value"], letter["key"]) == (message.value(), message.key())
        assert ("x", b"1") in letter["headers"]
    assert message.headers() == given_headers


@parts
def test_a_part_that_fails_changes_nothing_for_what_is_sent(part: str) -> None:
    class Answering(KeptProducer):
        def produce(self, *args: Any, **kwargs: Any) -> Any:
            super().produce(*args, **kwargs)
            if kwargs.get("key") == b"refused":
                raise full
            return answer

    full, answer = BufferError("full"), object()
    for delivery in ("return", "report"):
        client = Answering()
        producer: Any = traced(client, delivery=delivery, **FAILING[part])  # type: ignore[call-overload]
        headers = list(HEADERS)
        before = context.get_current()
        assert producer.produce("t", b"v", headers=headers, key=b"k") is answer
        assert outcome(lambda: producer.produce("t", b"v", key=b"refused")) == ("raises", full)  # noqa: B023
        made = links(headers, [record(HEADERS)])
        assert producer.produce("t", b"v", headers=made) is answer
        assert headers == HEADERS
        assert context.get_current() == before
        for sent in client.sent:
            assert (sent["topic"], sent["value"]) == ("t", b"v")
        assert ("x", b"1") in client.sent[0]["headers"]


def test_where_no_span_can_be_made_a_message_carries_what_it_continues() -> None:
    for part in ("sampler", "span processor, on start", "tracer provider"):
        client = KeptProducer()
        producer: Any = traced(client, **FAILING[part])  # type: ignore[call-overload]
        with traced(idle_consumer()).process(record(HEADERS)) as span:
            producer.produce("t", b"v")
        (_, traceparent), *_ = client.sent[0]["headers"]
        assert traceparent.split("-")[2] == f"{span.get_span_context().span_id:016x}"


def test_each_failure_is_counted_by_its_step() -> None:
    for part, step in (
        ("sampler", "start span"),
        ("span processor, on end", "end span"),
        ("propagator's work", "extract"),
        ("instruments", "metrics"),
        ("destination template", "adapter"),
        ("ignore", "ignore"),
    ):
        before = faults().get(step, 0)
        with traced(idle_consumer(), **FAILING[part]).process(record(HEADERS)):
            pass
        assert faults()[step] > before, part
    before = faults().get("metrics", 0)
    traced(idle_consumer(), meter_provider=BrokenMeters())
    assert faults()["metrics"] == before + 1


def test_a_span_whose_error_can_not_be_read_ends_all_the_same() -> None:
    ended: list[Any] = []

    class Ended(SpanProcessor):
        def on_end(self, span: Any) -> None:
            ended.append(span)

    consumer = traced(idle_consumer(), tracer_provider=processing(Ended()))
    error = Unprintable()
    with pytest.raises(Unprintable), consumer.process(record(HEADERS)):
        raise error
    assert ended[0].attributes["error.type"] == "Unprintable"
    assert not ended[0].status.is_ok


def test_no_message_is_no_scope_and_no_fault() -> None:
    before = dict(faults())
    nothing: Any = None
    with traced(idle_consumer()).process(nothing) as span:
        assert not span.get_span_context().is_valid
    assert dict(faults()) == before


spans_of = st.builds(
    lambda trace_id, span_id, flags: f"00-{trace_id:032x}-{span_id:016x}-{flags:02x}",
    st.integers(1, 2**128 - 1),
    st.integers(1, 2**64 - 1),
    st.integers(0, 3),
)
members = st.text("abcz019_-*/", min_size=1, max_size=12).map(lambda rest: "k" + rest)
# As many as are read, and as long as is sent on whole.
texts = st.text("!~abc 09", min_size=1, max_size=9).map(str.strip)
states = st.dictionaries(members, texts, max_size=20)
others = st.lists(st.tuples(st.text("xyz-", min_size=1), st.one_of(st.none(), st.binary())))


@settings(deadline=None)
@given(spans_of, states, others, st.booleans())
def test_what_is_written_after_it_was_read_reads_the_same(
    traceparent: str, state: dict[str, str], rest: Any, as_dict: bool
) -> None:
    carried: list[tuple[str, Any]] = [("traceparent", traceparent.encode())]
    listed = ",".join(f"{key}={value}" for key, value in state.items() if value)
    if listed:
        carried.append(("tracestate", listed.encode()))
    held = context_of([*rest, *carried, ("baggage", b"a=1")])
    start: Any = dict(rest) if as_dict else rest
    written: Any = inject_context(start, held)
    again = context_of(written)
    first = trace.get_current_span(held).get_span_context()
    second = trace.get_current_span(again).get_span_context()
    assert (first.trace_id, first.span_id) == (second.trace_id, second.span_id)
    assert first.trace_flags == second.trace_flags
    assert dict(first.trace_state) == dict(second.trace_state)
    assert dict(first.trace_state) == {key: v for key, v in state.items() if v}
    pairs = list(written.items()) if as_dict else written
    own = ("traceparent", "tracestate", "baggage")
    assert [pair for pair in pairs if pair[0] not in own] == (
        list(start.items()) if as_dict else rest
    )
    # Through a producer without spans, byte for byte the same.
    client = KeptProducer()
    producer: Any = traced(client, spans=False, meter_provider=NoOpMeterProvider())  # type: ignore[call-overload]
    producer.produce("t", b"v", headers=written)
    assert client.sent[0]["headers"] == written
