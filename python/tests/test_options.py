"""The options of traced(), the application's propagator, and tracing that fails or is switched off."""

from __future__ import annotations

from typing import Any

import pytest
from fakes import KeptProducer, idle_consumer, record
from measured import outcomes_of, points_of
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.context import Context
from opentelemetry.propagators.b3 import B3MultiFormat
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, Sampler
from opentelemetry.trace import StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from spans import Spans, id_of, links_of, parent_of, trace_of

from throughline_kafka import context_of, dead_letter, inject_context, traced
from throughline_kafka.guard import faults

tracer = trace.get_tracer("app")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OTHER = "0af7651916cd43dd8448eb211c80319c"
SPAN = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{SPAN}-01"
HEADERS: list[tuple[str, Any]] = [("traceparent", TRACEPARENT.encode()), ("baggage", b"user=7")]


def consumer(**options: Any) -> Any:
    return traced(idle_consumer(), **options)


def sent_by(**options: Any) -> tuple[Any, KeptProducer]:
    client = KeptProducer()
    return traced(client, **options), client  # type: ignore[call-overload]


@pytest.fixture
def propagator(request: pytest.FixtureRequest) -> Any:
    before = propagate.get_global_textmap()
    yield propagate.set_global_textmap
    propagate.set_global_textmap(before)


def test_the_relation_is_a_parent_a_link_or_both(spans: Spans) -> None:
    for relation, parent, links, own_trace in (
        ("parent", SPAN, [], TRACE),
        ("both", SPAN, [SPAN], TRACE),
        ("link", None, [SPAN], None),
    ):
        spans.clear()
        with consumer(relation=relation).process(record(HEADERS)):
            assert baggage.get_baggage("user") == "7"  # whatever the relation
        span = spans.one("process orders")
        assert (parent_of(span), links_of(span)) == (parent, links)
        assert (trace_of(span) == TRACE) is (own_trace == TRACE)


def test_without_spans_the_context_is_carried_all_the_same(spans: Spans) -> None:
    producer, client = sent_by(spans=False)
    with consumer(spans=False).process(record(HEADERS)) as span:
        assert not span.is_recording()
        producer.produce("payments", b"x")
    assert spans.ended == []
    assert client.sent[0]["headers"] == [("traceparent", TRACEPARENT), ("baggage", "user=7")]


def test_an_ignored_topic_is_left_alone(spans: Spans) -> None:
    for ignore in (["orders", "payments"], lambda topic: topic != "other"):
        producer, client = sent_by(ignore=ignore)
        with consumer(ignore=ignore).process(record(HEADERS)) as span:
            assert not span.get_span_context().is_valid
            producer.produce("payments", b"x", headers=HEADERS)
        assert client.sent[0]["headers"] is HEADERS
        assert spans.ended == []
        producer.produce("other", b"x")
        assert spans.one("send other")
        spans.clear()


def test_the_key_is_kept_out_of_spans(spans: Spans) -> None:
    producer, _ = sent_by(message_key=False)
    with consumer(message_key=False).process(record(HEADERS, key=b"secret")):
        producer.produce("payments", b"x", key=b"secret")
    for span in spans.ended:
        assert "secret" not in str(dict(span.attributes or {}))


def test_a_key_and_a_tombstone_are_told(spans: Spans) -> None:
    producer, _ = sent_by()
    with consumer().process(record(HEADERS, key=b"\xff" + b"k" * 500, value=None)):
        producer.produce("payments", None, key="order-1", partition=3)
    process, sent = spans.one("process orders"), spans.one("send payments")
    told = process.attributes or {}
    assert told["messaging.kafka.message.key"] == "\ufffd" + "k" * 255
    assert told["messaging.kafka.message.tombstone"] is True
    told = sent.attributes or {}
    assert told["messaging.kafka.message.key"] == "order-1"
    assert told["messaging.kafka.message.tombstone"] is True
    assert told["messaging.destination.partition.id"] == "3"


def test_a_template_names_a_topic(spans: Spans) -> None:
    template = {"orders-42": "orders-{tenant}"}.get
    with consumer(destination_template=template).process(record(HEADERS, topic="orders-42")):
        pass
    span = spans.one("process orders-{tenant}")
    assert (span.attributes or {})["messaging.destination.name"] == "orders-42"
    assert (span.attributes or {})["messaging.destination.template"] == "orders-{tenant}"


def test_what_is_not_sampled_is_carried_as_not_sampled(spans: Spans) -> None:
    off = TracerProvider(ALWAYS_OFF)
    producer, client = sent_by(tracer_provider=off)
    with consumer(tracer_provider=off).process(record(HEADERS)):
        producer.produce("payments", b"x")
    ((_, traceparent), _) = client.sent[0]["headers"]
    assert traceparent.startswith(f"00-{TRACE}-")
    assert traceparent.endswith("-00")
    assert spans.ended == []


def test_an_ambient_span_of_another_trace_becomes_a_link(spans: Spans) -> None:
    with (
        tracer.start_as_current_span("boot") as boot,
        consumer().process(record(HEADERS)),
        consumer().process(record(HEADERS, offset=1)),
    ):
        pass
    inner, outer = spans.named("process orders")
    assert links_of(outer) == [id_of(spans.one("boot"))]
    assert links_of(inner) == []  # of the same trace
    assert {parent_of(inner), parent_of(outer)} == {SPAN}
    assert boot.get_span_context().is_valid


def test_the_applications_own_values_stay_and_a_former_messages_do_not(spans: Spans) -> None:
    token = context.attach(context.set_value("tenant", "acme"))
    try:
        with consumer().process(record(HEADERS)):
            assert context.get_value("tenant") == "acme"
            with consumer().process(record([])):
                assert context.get_value("tenant") == "acme"
                assert baggage.get_all() == {}
    finally:
        context.detach(token)


def test_no_span_is_made_in_a_suppressed_region(spans: Spans) -> None:
    from opentelemetry.instrumentation.utils import suppress_instrumentation

    producer, client = sent_by()
    with suppress_instrumentation(), consumer().process(record(HEADERS)):
        producer.produce("payments", b"x")
    batch = [record(HEADERS), record(HEADERS, offset=1)]
    with suppress_instrumentation(), consumer().process_batch(batch) as whole:
        assert not whole.get_span_context().is_valid
        with consumer().process(batch[0]):
            assert trace.get_current_span().get_span_context().trace_id == int(TRACE, 16)
    assert spans.ended == []
    assert client.sent[0]["headers"][0] == ("traceparent", TRACEPARENT)


def test_a_propagator_of_another_format_runs_for_every_message(
    spans: Spans, propagator: Any
) -> None:
    propagator(CompositePropagator([B3MultiFormat(), TraceContextTextMapPropagator()]))
    b3 = [("X-B3-TraceId", TRACE.encode()), ("x-b3-spanid", SPAN.encode()), ("x-b3-sampled", b"1")]
    producer, client = sent_by()
    with consumer().process(record(b3)):
        producer.produce("payments", b"x", headers=[*b3, ("x", "1")])
        letter = dead_letter(record(b3), ValueError("no"))
    span = spans.one("process orders")
    assert (trace_of(span), parent_of(span)) == (TRACE, SPAN)
    sent = dict(client.sent[0]["headers"])
    assert len(sent) == len(client.sent[0]["headers"])
    assert sent["x-b3-traceid"] == TRACE
    assert sent["traceparent"].split("-")[1] == TRACE
    assert dict(letter["headers"])["x-b3-traceid"] == TRACE


def test_another_propagators_repeated_header_follows_the_same_rule(
    spans: Spans, propagator: Any
) -> None:
    propagator(B3MultiFormat())
    twice = [
        ("x-b3-traceid", TRACE.encode()),
        ("x-b3-spanid", SPAN.encode()),
        ("x-b3-traceid", OTHER.encode()),
        ("x-b3-spanid", SPAN.encode()),
    ]
    with consumer().process(record(twice)):
        pass
    span = spans.one("process orders")
    assert parent_of(span) is None
    assert [f"{link.context.trace_id:032x}" for link in span.links] == [TRACE, OTHER]


def test_another_propagators_header_is_read_a_few_times_at_most(
    spans: Spans, propagator: Any
) -> None:
    propagator(B3MultiFormat())
    ids = [("x-b3-traceid", f"{number:032x}".encode()) for number in range(1, 21)]
    with consumer().process(record([*ids, ("x-b3-spanid", SPAN.encode())])):
        pass
    links = spans.one("process orders").links
    assert [link.context.trace_id for link in links] == list(range(1, 9))


def test_with_no_propagator_nothing_is_read_and_nothing_is_written(
    spans: Spans, propagator: Any, reader: InMemoryMetricReader
) -> None:
    propagator(CompositePropagator([]))
    producer, client = sent_by()
    with consumer().process(record(HEADERS, topic="unread")):
        producer.produce("payments", b"x", headers=[("x", "1")])
    assert parent_of(spans.one("process unread")) is None
    assert outcomes_of(reader, "unread") == {"unread": 1}
    assert client.sent[0]["headers"] == [("x", "1")]


def test_baggage_is_left_alone_where_the_application_carries_none(
    spans: Spans, propagator: Any
) -> None:
    propagator(TraceContextTextMapPropagator())
    with consumer().process(record(HEADERS)):
        assert baggage.get_all() == {}
        assert [name for name, _ in inject_context([])] == ["traceparent"]


class Broken(TextMapPropagator):
    def extract(self, carrier: Any, context: Any = None, getter: Any = None) -> Context:
        raise RuntimeError("broken")

    def inject(self, carrier: Any, context: Any = None, setter: Any = None) -> None:
        raise RuntimeError("broken")

    @property
    def fields(self) -> set[str]:
        return {"custom"}


def test_a_propagator_that_fails_costs_the_host_nothing_and_is_counted(
    spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    before = {step: faults().get(step, 0) for step in ("extract", "inject")}
    producer, client = sent_by(propagator=Broken())
    with consumer(propagator=Broken()).process(record(HEADERS)):
        producer.produce("payments", b"x", headers=[("custom", "1"), ("x", "1")])
    assert client.sent[0]["value"] == b"x"
    assert ("x", "1") in client.sent[0]["headers"]
    assert faults()["extract"] > before["extract"]
    assert faults()["inject"] > before["inject"]
    assert caplog.text.count("extract failed") <= 1


class BrokenProvider(trace.TracerProvider):
    def get_tracer(self, *_args: Any, **_kwargs: Any) -> Any:
        raise RuntimeError("broken")


def test_a_tracer_that_fails_costs_the_host_nothing(spans: Spans) -> None:
    provider = BrokenProvider()
    producer, client = sent_by(tracer_provider=provider)
    seen = []
    with consumer(tracer_provider=provider).process(record(HEADERS)):
        seen.append(baggage.get_baggage("user"))
        producer.produce("payments", b"x")
    with (
        pytest.raises(ValueError, match="mine"),
        consumer(tracer_provider=provider).process(record(HEADERS)),
    ):
        raise ValueError("mine")
    assert seen == ["7"]
    assert client.sent[0]["value"] == b"x"


def test_a_generator_that_is_closed_in_a_block_has_not_failed(spans: Spans) -> None:
    def values() -> Any:
        with consumer().process(record(HEADERS)):
            yield 1
            yield 2

    running = values()
    next(running)
    running.close()
    assert spans.one("process orders").status.is_unset


def test_the_context_of_a_message_is_what_an_own_span_starts_from(spans: Spans) -> None:
    held = context_of(record(HEADERS))
    tracer.start_span("mine", held).end()
    assert parent_of(spans.one("mine")) == SPAN
    assert baggage.get_baggage("user", held) == "7"
    assert context_of({"traceparent": TRACEPARENT.encode()}) is not None


def test_a_span_of_ones_own_in_a_messages_context_keeps_its_random_flag() -> None:
    held = context_of([("traceparent", f"00-{TRACE}-{SPAN}-03")])
    for trace_id, flags in ((TRACE, "03"), (OTHER, "01")):
        own = trace.SpanContext(int(trace_id, 16), 1, False, trace.TraceFlags(1))
        inside = trace.set_span_in_context(trace.NonRecordingSpan(own), held)
        assert inject_context([], inside) == [("traceparent", f"00-{trace_id}-{1:016x}-{flags}")]


def test_memory_stays_bounded_whatever_the_topics(spans: Spans) -> None:
    ours = consumer()
    producer, _ = sent_by()
    for number in range(1500):
        with (
            pytest.raises(ValueError, match="no"),
            ours.process(record([], topic=f"t{number}", offset=number)),
        ):
            raise ValueError("no")
        producer.produce(f"t{number}", b"x")
    from throughline_kafka import message as remembered

    assert len(ours._tracing._sources) == 1000
    assert len(producer._tracing._destinations) == 1000
    assert len(remembered._failures) == 1024


def test_a_thousand_topics_are_counted_one_by_one() -> None:
    reader = InMemoryMetricReader()
    ours = consumer(meter_provider=MeterProvider([reader]))
    for number in range(1000):
        with ours.process(record(HEADERS, topic=f"t{number}")):
            pass
    assert outcomes_of(reader, "t0") == outcomes_of(reader, "t999") == {"extracted": 1}


def test_a_batch_is_measured_where_no_message_of_it_is_by_itself(spans: Spans) -> None:
    reader = InMemoryMetricReader()
    ours = consumer(meter_provider=MeterProvider([reader]))
    batch = [record(HEADERS), record(HEADERS, offset=1)]
    with ours.process_batch(batch):
        pass
    (point,) = points_of(reader, "messaging.process.duration", "orders")
    assert point.count == 1
    with ours.process_batch(batch):
        for message in batch:
            with ours.process(message):
                pass
    (point,) = points_of(reader, "messaging.process.duration", "orders")
    assert point.count == 3


def test_a_batch_that_raises_has_failed_and_is_measured_as_failed(spans: Spans) -> None:
    reader = InMemoryMetricReader()
    ours = consumer(meter_provider=MeterProvider([reader]))
    with pytest.raises(ValueError, match="no"), ours.process_batch([record(HEADERS)]):
        raise ValueError("no")
    span = spans.one("process orders")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "ValueError"
    (point,) = points_of(reader, "messaging.process.duration", "orders")
    assert point.attributes["error.type"] == "ValueError"


def test_a_batch_is_named_by_what_its_messages_share(spans: Spans) -> None:
    ours = consumer(ignore=["ignored"], group_id="payments")
    left_out = record(HEADERS, topic="ignored")
    for messages, name in (
        ([record(HEADERS), record(HEADERS, partition=1), left_out], "process orders"),
        ([record(HEADERS), record(HEADERS, topic="other")], "process"),
    ):
        spans.clear()
        with ours.process_batch(messages):
            pass
        attributes = spans.one(name).attributes or {}
        assert "messaging.destination.partition.id" not in attributes
        assert attributes.get("messaging.destination.name", "") == name[8:]
        assert attributes["messaging.consumer.group.name"] == "payments"


def test_an_ignored_topic_has_no_part_in_a_batch(spans: Spans) -> None:
    ours = consumer(ignore=["orders"])
    with ours.process_batch([record(HEADERS), record(HEADERS, topic="other")]) as batch:
        assert batch.is_recording()
    span = spans.one("process other")
    assert links_of(span) == [SPAN]
    assert (span.attributes or {})["messaging.batch.message_count"] == 1


def test_a_batch_that_is_not_sampled_is_linked_by_none_of_its_messages(spans: Spans) -> None:
    ours = consumer(tracer_provider=processing_of(spans, ParentBased(ALWAYS_OFF)))
    messages = [record(HEADERS)]
    with ours.process_batch(messages), ours.process(messages[0]):
        pass
    assert links_of(spans.one("process orders")) == []


def processing_of(spans: Spans, sampler: Sampler) -> TracerProvider:
    provider = TracerProvider(sampler)
    provider.add_span_processor(spans)
    return provider
