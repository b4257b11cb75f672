"""What a message to send brings along, what it is made from, and what is measured of sending it."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Producer
from fakes import KeptProducer, record
from kafka import PATIENCE_S, new_topic, producer_config, read, send
from measured import points_of
from opentelemetry import baggage, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from spans import Spans, id_of, links_of, parent_of, trace_of

from throughline_kafka import dead_letter, inject_context, links, traced

tracer = trace.get_tracer("app")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OTHER = "0af7651916cd43dd8448eb211c80319c"
SPAN = "00f067aa0ba902b7"
HEADERS: list[tuple[str, Any]] = [
    ("TraceParent", f"00-{TRACE}-{SPAN}-01".encode()),
    ("baggage", b"user=7;x"),
    ("x", None),
]


def sent_by(**options: Any) -> tuple[Any, KeptProducer]:
    client = KeptProducer()
    return traced(client, **options), client  # type: ignore[call-overload]


def numbered(number: int) -> Any:
    return record([("traceparent", f"00-{TRACE}-{number:016x}-01".encode())], offset=number)


def test_what_is_to_be_kept_goes_out_byte_for_byte_and_the_span_links_to_it(spans: Spans) -> None:
    producer, client = sent_by(carried="keep")
    with tracer.start_as_current_span("relay"):
        producer.produce("payments", b"x", headers=HEADERS)
    assert client.sent[0]["headers"] is HEADERS
    span = spans.one("send payments")
    assert span.kind is SpanKind.CLIENT
    assert parent_of(span) == id_of(spans.one("relay"))
    assert links_of(span) == [SPAN]


def test_several_that_are_kept_are_all_linked(spans: Spans) -> None:
    twice = [("traceparent", f"00-{trace_id}-{SPAN}-01") for trace_id in (TRACE, OTHER)]
    producer, client = sent_by(carried="keep")
    producer.produce("payments", b"x", headers=twice)
    assert client.sent[0]["headers"] is twice
    span = spans.one("send payments")
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [TRACE, OTHER]


def test_what_brings_nothing_gets_a_context_though_others_are_kept(spans: Spans) -> None:
    producer, client = sent_by(carried="keep")
    for headers in (None, [("x", "1")], [("traceparent", "garbage")]):
        producer.produce("payments", b"x", headers=headers)
    for sent, span in zip(client.sent, spans.named("send payments"), strict=True):
        assert dict(sent["headers"])["traceparent"].split("-")[2] == id_of(span)
        assert span.kind is SpanKind.PRODUCER


def test_a_dead_letter_and_a_replay_are_never_kept(spans: Spans) -> None:
    producer, client = sent_by(carried="keep")
    letter: Any = dead_letter(record(HEADERS), ValueError("no"))
    producer.produce("orders.dlq", **letter)
    sent = spans.one("send orders.dlq")
    assert (parent_of(sent), sent.kind) == (SPAN, SpanKind.PRODUCER)
    replay = [*letter["headers"], ("dlq.failed", f"00-{TRACE}-{SPAN}-01")]
    producer.produce("orders", b"x", headers=replay)
    again = spans.one("send orders")
    assert (parent_of(again), links_of(again)) == (None, [SPAN])
    assert dict(client.sent[1]["headers"])["traceparent"].split("-")[1] == trace_of(again)


def test_a_message_made_from_several_links_to_each_of_them(spans: Spans) -> None:
    producer, client = sent_by()
    headers: list[tuple[str, Any]] = [("x", "1"), ("x", None)]
    with tracer.start_as_current_span("aggregate"):
        producer.produce("totals", b"3", headers=links(headers, [numbered(1), numbered(2)]))
        producer.produce("totals", b"3", headers=links({"y": "1"}, [numbered(3), record([])]))
        producer.produce("totals", b"3")
    first, second, third = spans.named("send totals")
    assert links_of(first) == [f"{number:016x}" for number in (1, 2)]
    assert links_of(second) == [f"{3:016x}"]
    assert links_of(third) == []
    assert {parent_of(span) for span in (first, second)} == {id_of(spans.one("aggregate"))}
    assert headers == [("x", "1"), ("x", None)]
    assert client.sent[0]["headers"][:2] == headers
    assert client.sent[1]["headers"][0] == ("y", "1")


def test_a_message_of_several_traces_is_linked_to_each_and_links_are_bounded(
    spans: Spans,
) -> None:
    producer, _ = sent_by()
    twice = [("traceparent", f"00-{trace_id}-{SPAN}-01") for trace_id in (TRACE, OTHER)]
    producer.produce("totals", b"3", headers=links(None, [record(twice)]))
    producer.produce("totals", b"3", headers=links(None, map(numbered, range(1, 200))))
    first, second = spans.named("send totals")
    assert [f"{link.context.trace_id:032x}" for link in first.links] == [TRACE, OTHER]
    assert links_of(second) == [f"{number:016x}" for number in range(1, 129)]


def test_a_message_that_is_given_twice_is_linked_once_and_two_that_are_alike_are_two(
    spans: Spans,
) -> None:
    producer, _ = sent_by()
    one, other = numbered(1), numbered(2)
    producer.produce("totals", b"3", headers=links(None, [one, other, one]))
    producer.produce("totals", b"2", headers=links(None, [numbered(1), numbered(1)]))
    producer.produce("totals", b"4", headers=links(None, (numbered(at) for at in (1, 2, 1, 2))))
    first, second, third = (links_of(span) for span in spans.named("send totals"))
    assert first == [f"{number:016x}" for number in (1, 2)]
    assert second == [f"{1:016x}"] * 2
    assert third == [f"{number:016x}" for number in (1, 2, 1, 2)]


def test_a_message_that_is_made_from_several_and_brings_a_context_links_to_them_all(
    spans: Spans,
) -> None:
    producer, _ = sent_by()
    brought: list[tuple[str, Any]] = [("traceparent", f"00-{OTHER}-{SPAN}-01")]
    with tracer.start_as_current_span("aggregate"):
        producer.produce("totals", b"3", headers=links(brought, [numbered(1)]))
    sent = spans.one("send totals")
    assert (trace_of(sent), parent_of(sent)) == (OTHER, SPAN)
    assert links_of(sent) == [f"{1:016x}", id_of(spans.one("aggregate"))]


def test_links_of_what_can_not_be_read_are_left_out(spans: Spans) -> None:
    class Unreadable:
        def headers(self) -> Any:
            raise LookupError("broken")

    producer, _ = sent_by()
    made = links(None, [Unreadable(), numbered(1)])  # type: ignore[list-item]
    producer.produce("totals", b"3", headers=made)
    assert links_of(spans.one("send totals")) == [f"{1:016x}"]


def test_baggage_set_by_hand_stays_beside_no_traceparent_and_the_active_one_wins(
    spans: Spans,
) -> None:
    producer, client = sent_by()
    producer.produce("payments", b"x", headers=[("baggage", "user=7")])
    assert dict(client.sent[0]["headers"])["baggage"] == "user=7"
    held = baggage.set_baggage("user", "8")
    from opentelemetry import context

    token = context.attach(held)
    try:
        for headers in ([("baggage", "user=7")], HEADERS):
            producer.produce("payments", b"x", headers=headers)
    finally:
        context.detach(token)
    for sent in client.sent[1:]:
        assert [value for name, value in sent["headers"] if name == "baggage"] == ["user=8"]


def test_a_subclass_that_hands_its_arguments_on_is_traced_as_the_class_it_extends(
    spans: Spans,
) -> None:
    class Logged(KeptProducer):
        def produce(self, *args: Any, **kwargs: Any) -> None:
            super().produce(*args, **kwargs)

    client = Logged()
    producer: Any = traced(client)  # type: ignore[call-overload]
    producer.produce("payments", b"x", b"key", headers=[("x", "1")])
    producer.produce("payments", b"x", b"key", -1, None, None, 0, [("x", "1")])
    for sent, span in zip(client.sent, spans.named("send payments"), strict=True):
        assert sent["headers"][0] == ("x", "1")
        assert sent["headers"][1][1].split("-")[2] == id_of(span)
        assert (span.attributes or {})["messaging.kafka.message.key"] == "key"


@pytest.mark.parametrize("name", ["callback", "on_delivery"])
def test_a_report_is_asked_for_where_the_caller_asks_for_it(spans: Spans, name: str) -> None:
    calls: list[dict[str, Any]] = []

    class Client(KeptProducer):
        def produce(self, *args: Any, **kwargs: Any) -> None:
            calls.append(kwargs)

    producer: Any = traced(Client(), delivery="report")  # type: ignore[call-overload]
    told: list[Any] = []

    def report(*given: Any) -> str:
        told.append(given)
        return "mine"

    producer.produce("payments", b"x", **{name: report})
    (asked,) = [key for key in calls[0] if key != "headers"]
    assert asked == name
    assert spans.ended == []
    assert calls[0][name](None, "message") == "mine"
    assert told == [(None, "message")]
    assert spans.one("send payments").status.is_unset
    producer.produce("payments", b"x")
    assert calls[1]["on_delivery"](None, "message") is None


def test_a_partition_that_the_client_is_to_choose_is_not_told(spans: Spans) -> None:
    producer, _ = sent_by()
    producer.produce("payments", b"x", partition=-1)
    attributes = spans.one("send payments").attributes or {}
    assert "messaging.destination.partition.id" not in attributes


class Silent(TraceContextTextMapPropagator):
    """Reads a context and can't write one."""

    def inject(self, *_args: Any, **_kwargs: Any) -> None:
        raise LookupError("broken")


def test_what_a_message_brings_goes_out_where_nothing_can_be_put_in_its_place() -> None:
    for options, brought, sent in (
        ({"propagator": Silent()}, ("traceparent", f"00-{TRACE}-{SPAN}-01"), True),
        ({"propagator": Silent()}, ("traceparent", "garbage"), False),
        ({"spans": False}, ("traceparent", "garbage"), False),
    ):
        producer, client = sent_by(**options)
        headers = [brought, ("x", "1")]
        producer.produce("payments", b"x", headers=headers)
        assert client.sent[0]["headers"] == (headers if sent else headers[1:])


def test_a_send_is_counted_and_timed_with_what_it_came_to(
    spans: Spans, reader: InMemoryMetricReader
) -> None:
    topic = new_topic_name()
    producer, client = sent_by()

    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise BufferError("queue full")

    producer.produce(topic, b"1")
    producer.produce(topic, b"2")
    client.produce = refuse  # type: ignore[method-assign]
    with pytest.raises(BufferError):
        producer.produce(topic, b"3")
    sent = points_of(reader, "messaging.client.sent.messages", topic)
    assert {point.attributes.get("error.type"): point.value for point in sent} == {
        None: 2,
        "BufferError": 1,
    }
    timed = points_of(reader, "messaging.client.operation.duration", topic)
    assert {point.attributes.get("error.type"): point.count for point in timed} == {
        None: 2,
        "BufferError": 1,
    }
    for point in [*sent, *timed]:
        assert point.attributes["messaging.operation.name"] == "send"
        assert point.attributes["messaging.system"] == "kafka"
    assert tuple(timed[0].explicit_bounds)[:2] == (0.005, 0.01)


def new_topic_name() -> str:
    import uuid

    return f"payments-{uuid.uuid4().hex[:8]}"


def test_two_clients_with_one_meter_provider_count_together() -> None:
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader])
    for _ in range(2):
        producer, _ = sent_by(meter_provider=provider)
        producer.produce("payments", b"1")
    (point,) = points_of(reader, "messaging.client.sent.messages", "payments")
    assert point.value == 2


def test_series_are_bounded_and_what_is_over_is_counted_together() -> None:
    from throughline_kafka.metrics import Counters

    counters = Counters()
    for number in range(2500):
        counters.of({"topic": str(number)}).add()
    counters.of({"topic": "0"}).add()
    points = list(counters.observe(None))  # type: ignore[arg-type]
    assert len(points) == 2001
    assert points[0].value == 2
    assert (points[-1].value, dict(points[-1].attributes or {})) == (
        500,
        {"otel.metric.overflow": True},
    )


@pytest.mark.kafka
def test_kept_and_linked_headers_are_what_a_real_kafka_gets(spans: Spans) -> None:
    topic, out = new_topic(), new_topic("totals")
    kept = [(name, value) for name, value in HEADERS if value is not None]
    send(topic, kept, kept)
    messages = read(topic, 2)
    relay = traced(Producer(producer_config()), carried="keep")
    relay.produce(out, b"x", headers=messages[0].headers())
    relay.produce(out, b"x", headers=links([("x", "1")], messages))
    assert relay.flush(PATIENCE_S) == 0
    first, second = read(out, 2)
    assert first.headers() == kept
    names: Any = second.headers()
    assert [name for name, _ in names] == ["x", "traceparent"]
    assert links_of(spans.named(f"send {out}")[1]) == [SPAN, SPAN]


@pytest.mark.kafka
def test_a_delivery_that_fails_is_counted_as_failed(
    spans: Spans, reader: InMemoryMetricReader
) -> None:
    config = producer_config(**{"message.timeout.ms": 1, "bootstrap.servers": "127.0.0.1:1"})
    producer = traced(Producer({**config, "log_level": 0}), delivery="report")
    topic = new_topic_name()
    producer.produce(topic, b"x")
    assert points_of(reader, "messaging.client.sent.messages", topic) == []
    producer.flush(PATIENCE_S)
    (sent,) = points_of(reader, "messaging.client.sent.messages", topic)
    assert (sent.value, sent.attributes["error.type"]) == (1, "_MSG_TIMED_OUT")


def test_injecting_what_no_one_carries_changes_nothing() -> None:
    assert inject_context({"x": "1"}) == {"x": "1"}
    assert inject_context() == []
