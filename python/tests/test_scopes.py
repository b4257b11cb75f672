"""The edges of a scope, and what is read anew or passed on around it, without a broker."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import KeptProducer, Record, idle_consumer, record
from measured import outcomes_of, points_of
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.propagators.b3 import B3SingleFormat
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan
from spans import Spans, id_of, links_of, parent_of, trace_of

from throughline_kafka import context_of, inject_context, process_message, traced

tracer = trace.get_tracer("app")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
HEADERS: list[tuple[str, Any]] = [("traceparent", f"00-{TRACE}-{SPAN}-01".encode())]


def test_a_message_that_is_being_handled_gets_no_second_span(spans: Spans) -> None:
    message, consumer = record(HEADERS), traced(idle_consumer())
    with consumer.process(message) as outer, process_message(message) as inner:
        assert inner is outer
    assert len(spans.named("process orders")) == 1


def test_a_scope_that_is_left_twice_ends_once(
    spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    reader = InMemoryMetricReader()
    consumer = traced(idle_consumer(), meter_provider=MeterProvider([reader]))
    scope = consumer.process(record(HEADERS))
    scope.__enter__()
    for _ in range(2):
        scope.__exit__(None, None, None)
    (point,) = points_of(reader, "messaging.process.duration", "orders")
    assert point.count == 1
    assert caplog.text == ""


def test_what_is_an_error_of_the_client_and_no_record_has_no_scope(spans: Spans) -> None:
    class Failed(Record):
        def error(self) -> Any:
            return "_PARTITION_EOF"

    failed: Any = Failed(topic="orders", partition=0, offset=1, headers=HEADERS)
    consumer = traced(idle_consumer())
    with consumer.process(failed) as span, consumer.process_batch([failed]) as batch:
        assert not span.get_span_context().is_valid
        assert not batch.get_span_context().is_valid
    assert spans.ended == []


def test_a_record_of_no_place_tells_none(spans: Spans) -> None:
    told = {"topic": "orders", "key": None, "value": b"x", "headers": HEADERS}
    placeless: Any = Record(**told, partition=-1, offset=-1001)
    with traced(idle_consumer()).process(placeless):
        pass
    attributes = spans.one("process orders").attributes or {}
    assert "messaging.kafka.offset" not in attributes
    assert "messaging.destination.partition.id" not in attributes


def test_a_message_that_several_traces_claim_tells_how_many(spans: Spans) -> None:
    traces = [TRACE, "1" * 32, "2" * 32]
    claimed = record([("traceparent", f"00-{each}-{SPAN}-01") for each in traces])
    with traced(idle_consumer()).process(claimed):
        pass
    assert (spans.one("process orders").attributes or {})["throughline.context.duplicates"] == 3


def test_an_ignoring_function_that_fails_ignores_nothing(spans: Spans) -> None:
    def broken(_topic: str) -> bool:
        raise LookupError("broken")

    with traced(idle_consumer(), ignore=broken).process(record(HEADERS)):
        pass
    assert parent_of(spans.one("process orders")) == SPAN


def test_a_server_is_named_with_its_port_where_that_is_a_number(spans: Spans) -> None:
    for server, told in (
        ("kafka.local:9092", ("kafka.local", 9092)),
        ("kafka.local", ("kafka.local", None)),
        ("kafka.local:kafka", ("kafka.local", None)),
    ):
        spans.clear()
        with traced(idle_consumer(), server=server).process(record(HEADERS)):
            pass
        attributes = spans.one("process orders").attributes or {}
        assert (attributes["server.address"], attributes.get("server.port")) == told


def test_a_provider_and_a_propagator_that_come_later_are_used(
    spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = traced(idle_consumer())
    registered, textmap = trace.get_tracer_provider(), propagate.get_global_textmap()
    monkeypatch.setattr(trace, "get_tracer_provider", trace.NoOpTracerProvider)
    with consumer.process(record(HEADERS)):
        pass
    assert spans.ended == []
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: registered)
    propagate.set_global_textmap(B3SingleFormat())
    try:
        with consumer.process(record([("b3", f"{TRACE}-{SPAN}-1".encode())])):
            pass
    finally:
        propagate.set_global_textmap(textmap)
    assert parent_of(spans.one("process orders")) == SPAN


def test_a_repeated_list_is_one_list_for_any_propagator(spans: Spans) -> None:
    both = CompositePropagator([B3SingleFormat(), W3CBaggagePropagator()])
    carried = [("b3", f"{TRACE}-{SPAN}-1"), ("baggage", b"user=7"), ("Baggage", b"tenant=acme")]
    with traced(idle_consumer(), propagator=both).process(record(carried)):
        assert baggage.get_all() == {"user": "7", "tenant": "acme"}
    assert parent_of(spans.one("process orders")) == SPAN


def test_headers_are_read_though_others_beside_them_make_no_sense(spans: Spans) -> None:
    for odd in ((b"\xff\xfe", b"1"), "text", ("alone",), (7, b"1"), ["traceparent", b"x"]):
        spans.clear()
        told = {"topic": "orders", "partition": 0, "offset": 1, "key": None, "value": b"x"}
        named_in_bytes = [(b"TraceParent", HEADERS[0][1])]
        message: Any = Record(**told, headers=[odd, *named_in_bytes])
        with traced(idle_consumer()).process(message):
            pass
        assert parent_of(spans.one("process orders")) == SPAN


def test_what_another_propagator_finds_is_counted_by_the_same_names() -> None:
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader])
    consumer = traced(idle_consumer(), propagator=B3SingleFormat(), meter_provider=meters)
    for topic, headers in (("missing", [("x", b"1")]), ("malformed", [("b3", b"garbage")])):
        with consumer.process(record(headers, topic=topic)):
            pass
        assert outcomes_of(reader, topic) == {topic: 1}


def test_of_one_chain_the_last_reading_is_the_context_whole(spans: Spans) -> None:
    class Sessions(B3SingleFormat):
        """What a reading brings besides the span is of that reading."""

        def extract(self, carrier: Any, context: Any = None, getter: Any = None) -> Context:
            read = super().extract(carrier, context, getter)
            (header,) = getter.get(carrier, "b3")
            return Context({**read, "session": header.split("-")[1]})

    hops = [f"{TRACE}-{number:016x}-1" for number in (1, 2)]
    chain = record([("b3", hop) for hop in hops])
    with traced(idle_consumer(), propagator=Sessions()).process(chain):
        assert context.get_value("session") == f"{2:016x}"
    assert parent_of(spans.one("process orders")) == f"{2:016x}"


def test_of_traces_without_end_the_last_are_read_and_linked(spans: Spans) -> None:
    traces = [f"{number:032x}" for number in range(1, 301)]
    hostile = record([("traceparent", f"00-{each}-{SPAN}-01") for each in traces])
    with traced(idle_consumer()).process(hostile):
        pass
    span = spans.one("process orders")
    assert (span.attributes or {})["throughline.context.duplicates"] == 128
    assert [f"{link.context.trace_id:032x}" for link in span.links] == traces[-128:]


def test_a_header_that_is_repeated_without_end_costs_a_few_readings(spans: Spans) -> None:
    read: list[int] = []

    class Counting(B3SingleFormat):
        def extract(self, *args: Any, **kwargs: Any) -> Context:
            read.append(1)
            return super().extract(*args, **kwargs)

    hostile = record([("b3", f"{TRACE}-{SPAN}-1")] * 5000)
    with traced(idle_consumer(), propagator=Counting()).process(hostile):
        pass
    assert len(read) == 8
    assert parent_of(spans.one("process orders")) == SPAN


def test_a_header_without_a_value_is_none_for_any_propagator(spans: Spans) -> None:
    reader = InMemoryMetricReader()
    meters = MeterProvider([reader])
    consumer = traced(idle_consumer(), propagator=B3SingleFormat(), meter_provider=meters)
    with consumer.process(record([("b3", None), ("b3", f"{TRACE}-{SPAN}-1"), ("b3", None)])):
        pass
    assert parent_of(spans.one("process orders")) == SPAN
    assert outcomes_of(reader, "orders") == {"extracted": 1}


def test_a_span_that_is_none_is_neither_sent_nor_linked(spans: Spans) -> None:
    none = trace.set_span_in_context(INVALID_SPAN, Context())
    assert inject_context([("x", "1")], none) == [("x", "1")]
    token = context.attach(none)
    try:
        with traced(idle_consumer()).process(record(HEADERS)):
            pass
    finally:
        context.detach(token)
    assert links_of(spans.one("process orders")) == []


def test_headers_come_back_as_they_are_where_nothing_can_be_written() -> None:
    no_context: Any = object()
    assert inject_context({"x": "1"}, no_context) == {"x": "1"}
    assert inject_context(None, no_context) == []


def test_a_context_is_read_off_a_message_that_can_not_be_read_as_none() -> None:
    class Unreadable:
        def headers(self) -> Any:
            raise LookupError("broken")

    unreadable: Any = Unreadable()
    assert context_of(unreadable) == {}


def test_either_way_of_switching_instrumentation_off_is_heard(spans: Spans) -> None:
    ways = ("suppress_instrumentation", context._SUPPRESS_INSTRUMENTATION_KEY)
    for way in ways:
        token = context.attach(context.set_value(way, True))
        try:
            with traced(idle_consumer()).process(record(HEADERS)):
                pass
        finally:
            context.detach(token)
    assert spans.ended == []


def test_values_of_one_messages_propagator_are_not_there_for_the_next(spans: Spans) -> None:
    from test_dead_letters import Tenants

    consumer = traced(idle_consumer(), propagator=Tenants())
    with consumer.process(record([("x-tenant", b"acme")])):
        assert context.get_value("tenant") == "acme"
        with consumer.process(record([], offset=1)):
            assert context.get_value("tenant") is None


def test_a_link_is_a_trace_of_its_own_though_another_span_is_active(spans: Spans) -> None:
    with (
        tracer.start_as_current_span("boot"),
        traced(idle_consumer(), relation="link").process(record(HEADERS)),
    ):
        pass
    span = spans.one("process orders")
    assert parent_of(span) is None
    assert links_of(span) == [SPAN, id_of(spans.one("boot"))]
    assert trace_of(span) not in (TRACE, trace_of(spans.one("boot")))


def test_an_ambient_span_of_the_messages_own_trace_is_no_link(spans: Spans) -> None:
    ambient = trace.SpanContext(int(TRACE, 16), 7, False, trace.TraceFlags(1))
    token = context.attach(trace.set_span_in_context(NonRecordingSpan(ambient)))
    try:
        with traced(idle_consumer()).process(record(HEADERS)):
            pass
    finally:
        context.detach(token)
    assert links_of(spans.one("process orders")) == []


def test_a_client_that_is_empty_is_as_empty_when_traced() -> None:
    class Queue(KeptProducer):
        def __len__(self) -> int:
            return len(self.sent)

    producer: Any = traced(Queue())  # type: ignore[call-overload]
    assert not producer
    producer.produce("t", b"x")
    assert producer
    assert len(producer) == 1
