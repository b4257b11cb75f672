"""Traced clients on a real Kafka."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from kafka import (
    PATIENCE_S,
    call,
    consumer_config,
    consuming,
    new_topic,
    producer_config,
    read,
    send,
    take,
    values_of,
)
from measured import outcomes_of, points_of
from opentelemetry import baggage, context, trace
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import SpanKind, StatusCode
from spans import Spans, id_of, links_of, parent_of, trace_of

from throughline_kafka import dead_letter, dead_letter_of, process_message, traced

pytestmark = pytest.mark.kafka
tracer = trace.get_tracer("app")

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
HEADER: list[tuple[str, Any]] = [("traceparent", f"00-{TRACE}-{SPAN}-01")]


def test_a_record_is_handled_in_its_producers_trace(spans: Spans) -> None:
    topic = new_topic()
    producer = traced(Producer(producer_config()), client_id="checkout")
    with tracer.start_as_current_span("POST /orders") as request:
        producer.produce(topic, b"42", key=b"order-1")
    producer.flush()
    with consuming(topic) as client:
        consumer = traced(client, group_id="payments", server="127.0.0.1:9092")
        (message,) = take(consumer)
        with consumer.process(message) as span, tracer.start_as_current_span("charge card"):
            assert span.get_span_context().trace_id == request.get_span_context().trace_id
    sent, process = spans.one(f"send {topic}"), spans.one(f"process {topic}")
    assert parent_of(sent) == id_of(spans.one("POST /orders"))
    assert parent_of(process) == id_of(sent)
    assert parent_of(spans.one("charge card")) == id_of(process)
    assert (sent.kind, process.kind) == (SpanKind.PRODUCER, SpanKind.CONSUMER)
    assert dict(sent.attributes or {}) == {
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.client.id": "checkout",
        "messaging.kafka.message.key": "order-1",
    }
    assert dict(process.attributes or {}) == {
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.destination.partition.id": "0",
        "messaging.consumer.group.name": "payments",
        "messaging.kafka.offset": 0,
        "messaging.kafka.message.key": "order-1",
        "server.address": "127.0.0.1",
        "server.port": 9092,
    }


def test_each_record_of_a_batch_is_in_its_own_trace_and_the_batch_links_to_all(
    spans: Spans,
) -> None:
    topic = new_topic()
    producer = traced(Producer(producer_config()))
    for _ in range(3):
        producer.produce(topic, b"x")  # three roots
    producer.flush()
    with consuming(topic) as client:
        consumer = traced(client)
        messages: list[Any] = []
        while len(messages) < 3:
            messages += consumer.consume(3 - len(messages), PATIENCE_S)
        with consumer.process_batch(messages) as whole:
            for message in messages:
                with consumer.process(message):
                    pass
                assert trace.get_current_span() is whole
    sent = spans.named(f"send {topic}")
    *handled, batch = spans.named(f"process {topic}")
    assert [parent_of(span) for span in handled] == [id_of(span) for span in sent]
    assert len({trace_of(span) for span in [*handled, batch]}) == 4
    assert links_of(batch) == [id_of(span) for span in sent]
    assert [links_of(span) for span in handled] == [[id_of(batch)]] * 3
    assert batch.parent is None
    assert (batch.attributes or {})["messaging.batch.message_count"] == 3


def test_an_error_is_on_the_span_is_raised_as_it_is_and_leaves_nothing_attached(
    spans: Spans,
) -> None:
    topic = new_topic()
    send(topic, HEADER)
    declined = ValueError("card declined")

    def handle() -> None:
        with consumer.process(message):
            raise declined

    with consuming(topic) as client:
        consumer = traced(client)
        (message,) = take(consumer)
        assert call(handle) is declined
    span = spans.one(f"process {topic}")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "card declined"
    assert (span.attributes or {})["error.type"] == "ValueError"
    assert [event.name for event in span.events] == ["exception"]
    assert context.get_current() == {}


def test_a_dead_letter_is_one_trace_with_the_attempt_that_failed(spans: Spans) -> None:
    topic, parked = new_topic(), new_topic("orders.dlq")
    send(topic, [*HEADER, ("baggage", "user=7"), ("x", None)])
    producer = traced(Producer(producer_config()))
    with consuming(topic) as client:
        consumer = traced(client, group_id="payments")
        (message,) = take(consumer)
        try:
            with consumer.process(message):
                raise ValueError("card declined")
        except ValueError as error:
            # Outside of the block, with another trace active: the letter is the attempt's.
            with tracer.start_as_current_span("housekeeping"):
                producer.produce(parked, **dead_letter(message, error))
    producer.flush()
    with consuming(parked) as client:
        consumer = traced(client)
        (letter,) = take(consumer)
        with consumer.process(letter):
            assert baggage.get_all() == {"user": "7"}
    attempt, sent = spans.one(f"process {topic}"), spans.one(f"send {parked}")
    assert trace_of(attempt) == TRACE
    assert parent_of(sent) == id_of(attempt)
    assert parent_of(spans.one(f"process {parked}")) == id_of(sent)
    assert links_of(sent) == [id_of(spans.one("housekeeping"))]
    assert len(values_of(letter, "traceparent")) == 1
    assert values_of(letter, "x") == [None]
    origin = dead_letter_of(letter)
    assert origin is not None
    assert (origin.destination, origin.partition, origin.offset) == (topic, "0", "0")
    assert (origin.group, origin.error_type, origin.error_message, origin.attempts) == (
        "payments",
        "ValueError",
        "card declined",
        1,
    )
    assert origin.failed is not None
    assert origin.failed.split("-")[2] == id_of(attempt)
    assert origin.timestamp_ms == message.timestamp()[1]


def test_attempts_are_siblings_and_are_counted_in_the_dead_letter(spans: Spans) -> None:
    topic = new_topic()
    send(topic, HEADER)
    with consuming(topic) as client:
        consumer = traced(client)
        (message,) = take(consumer)
        for _ in range(2):
            with pytest.raises(ValueError, match="again"), consumer.process(message):
                raise ValueError("again")
        client.seek(TopicPartition(topic, 0, 0))
        (again,) = take(consumer)  # another object, the same record
        with consumer.process(again):
            letter = consumer.dead_letter(again, ValueError("at last"))
    assert dict(letter["headers"])["dlq.attempts"] == "3"
    attempts = spans.named(f"process {topic}")
    assert [parent_of(span) for span in attempts] == [SPAN] * 3
    # A block that ends well, but whose message was parked, has failed.
    assert attempts[2].status.status_code is StatusCode.ERROR


def test_a_record_that_was_handled_after_all_is_forgotten(spans: Spans) -> None:
    topic = new_topic()
    send(topic, HEADER)
    with consuming(topic) as client:
        consumer = traced(client)
        (message,) = take(consumer)
        with pytest.raises(ValueError, match="once"), consumer.process(message):
            raise ValueError("once")
        with consumer.process(message):
            pass
        letter = consumer.dead_letter(message, ValueError("later"))
    assert dict(letter["headers"])["dlq.attempts"] == "1"
    assert dict(letter["headers"])["traceparent"].split("-")[2] == SPAN


def test_what_is_sent_has_one_traceparent_and_the_callers_headers_are_untouched(
    spans: Spans,
) -> None:
    topic = new_topic()
    producer = traced(Producer(producer_config()))
    forwarded: list[tuple[str, Any]] = [*HEADER, ("TraceParent", b"old"), ("x", b"1"), ("x", None)]
    as_dict: dict[str, Any] = {"x": "1", "tracestate": "old=1"}
    before = list(forwarded)
    with tracer.start_as_current_span("request"):
        producer.produce(topic, b"a", headers=forwarded)
        producer.produce(topic, b"b", None, -1, None, None, 0, as_dict)
        producer.produce(topic, b"c")
    producer.flush()
    assert forwarded == before
    assert as_dict == {"x": "1", "tracestate": "old=1"}
    first, second, third = read(topic, 3)
    for message in (first, second, third):
        assert len(values_of(message, "traceparent")) == 1
        assert values_of(message, "tracestate") == []
    assert values_of(first, "x") == [b"1", None]
    assert values_of(second, "x") == [b"1"]
    # The first was of another trace: it stays there, linked to the request.
    ids = [
        values_of(message, "traceparent")[0].decode().split("-")[1] for message in (first, third)
    ]
    assert ids == [TRACE, trace_of(spans.one("request"))]


def test_what_the_client_refuses_is_refused_by_the_client(spans: Spans) -> None:
    plain: Any = Producer(producer_config())
    ours: Any = traced(plain)
    for args, kwargs in (
        ((), {}),
        (("t",), {"headers": (("a", "b"),)}),
        (("t",), {"headers": [["a", "b"]]}),
        (("t",), {"headers": [("a", 1)]}),
        ((1,), {}),
        (("t", b"v"), {"partition": "x"}),
        (("t", b"v"), {"unknown": 1}),
    ):
        theirs = call(lambda: plain.produce(*args, **kwargs))  # noqa: B023
        mine = call(lambda: ours.produce(*args, **kwargs))  # noqa: B023
        assert (type(mine), str(mine)) == (type(theirs), str(theirs))


def test_a_full_queue_is_an_error_of_the_span_and_of_the_caller(spans: Spans) -> None:
    config = producer_config(**{"queue.buffering.max.messages": 1, "linger.ms": 10000})
    topic = new_topic()
    producer = traced(Producer(config))
    producer.produce(topic, b"1")
    with pytest.raises(BufferError):
        producer.produce(topic, b"2")
    producer.flush()
    first, second = spans.named(f"send {topic}")
    assert first.status.status_code is StatusCode.UNSET
    assert second.status.status_code is StatusCode.ERROR
    assert (second.attributes or {})["error.type"] == "BufferError"


def test_the_delivery_callback_is_called_by_the_client_with_what_the_client_gives() -> None:
    topic = new_topic()
    for delivery in ("return", "report"):
        seen: list[Any] = []
        producer = traced(Producer(producer_config()), delivery=delivery)
        producer.produce(topic, b"x", on_delivery=lambda *told: seen.append(told))  # noqa: B023
        producer.produce(topic, b"x", callback=lambda *told: seen.append(told))  # noqa: B023
        assert producer.flush(PATIENCE_S) == 0
        assert [(error, message.topic()) for error, message in seen] == [(None, topic)] * 2


def test_a_send_span_ends_with_the_report_where_asked_and_tells_its_error(spans: Spans) -> None:
    config = producer_config(**{"message.timeout.ms": 1, "bootstrap.servers": "127.0.0.1:1"})
    producer = traced(Producer({**config, "log_level": 0}), delivery="report")
    told: list[Any] = []
    producer.produce("nowhere", b"x", on_delivery=lambda error, _: told.append(error))
    assert spans.named("send nowhere") == []
    producer.flush(PATIENCE_S)
    span = spans.one("send nowhere")
    assert told[0] is not None
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == told[0].name()


def test_a_callback_that_raises_raises_as_without_us(spans: Spans) -> None:
    topic = new_topic()
    producer = traced(Producer(producer_config()), delivery="report")
    oops = ValueError("oops")

    def report(*_told: Any) -> None:
        raise oops

    producer.produce(topic, b"x", on_delivery=report)
    assert call(lambda: producer.flush(PATIENCE_S)) is oops
    assert spans.one(f"send {topic}").status.status_code is StatusCode.UNSET


def test_a_traced_client_is_the_client_in_every_other_way(spans: Spans) -> None:
    topic = new_topic()
    plain = Consumer(consumer_config())
    consumer = traced(plain)
    assert isinstance(consumer, Consumer)
    assert traced(consumer) is consumer
    assert consumer.assignment == plain.assignment
    assert consumer.poll(0) is None
    consumer.assign([TopicPartition(topic, 0)])
    assert consumer.assignment() == plain.assignment()
    assert str(call(lambda: consumer.commit(asynchronous=False))) == str(
        call(lambda: plain.commit(asynchronous=False))
    )
    with pytest.raises(AttributeError):
        consumer.nothing  # noqa: B018
    consumer.close()
    assert type(call(lambda: consumer.poll(0))) is type(call(lambda: plain.poll(0)))
    producer = traced(Producer(producer_config()))
    assert isinstance(producer, Producer)
    assert type(producer).__name__ == "TracedProducer"
    assert len(producer) == 0
    assert producer


@pytest.mark.newer
def test_a_client_that_is_a_context_manager_is_one_when_traced(spans: Spans) -> None:
    topic = new_topic()
    with traced(Producer(producer_config())) as producer:
        assert type(producer).__name__ == "TracedProducer"
        producer.produce(topic, b"x")
    (message,) = read(topic)
    assert len(values_of(message, "traceparent")) == 1


def test_a_transaction_is_the_clients_own(spans: Spans) -> None:
    topic = new_topic()
    producer = traced(Producer(producer_config(**{"transactional.id": topic})))
    producer.init_transactions(PATIENCE_S)
    producer.begin_transaction()
    producer.produce(topic, b"x")
    producer.abort_transaction()
    producer.begin_transaction()
    producer.produce(topic, b"y")
    producer.commit_transaction()
    (message,) = read(topic)
    assert message.value() == b"y"
    assert len(values_of(message, "traceparent")) == 1


def test_messages_are_counted_by_what_became_of_their_context(
    spans: Spans, reader: InMemoryMetricReader
) -> None:
    topic = new_topic()
    send(topic, HEADER, [], [("traceparent", b"garbage")], [*HEADER, *HEADER])
    with consuming(topic) as client:
        consumer = traced(client, group_id="payments")
        for message in take(consumer, 4):
            with consumer.process(message):
                pass
    assert outcomes_of(reader, topic) == {
        "extracted": 1,
        "missing": 1,
        "malformed": 1,
        "duplicate": 1,
    }
    (consumed,) = points_of(reader, "messaging.client.consumed.messages", topic)
    assert consumed.value == 4
    (duration,) = points_of(reader, "messaging.process.duration", topic)
    assert duration.count == 4
    assert duration.attributes["messaging.consumer.group.name"] == "payments"


def test_an_end_of_partition_is_no_record(spans: Spans) -> None:
    topic = new_topic()
    send(topic, HEADER)
    with consuming(topic, **{"enable.partition.eof": True}) as client:
        consumer = traced(client)
        messages = [consumer.poll(PATIENCE_S), consumer.poll(PATIENCE_S)]
        with consumer.process_batch(messages) as batch:
            for message in messages:
                with consumer.process(message):
                    pass
        assert batch.get_span_context().is_valid
    handled, whole = spans.named(f"process {topic}")
    assert trace_of(handled) == TRACE
    assert (whole.attributes or {})["messaging.batch.message_count"] == 1


def test_the_functions_do_without_a_traced_consumer(spans: Spans) -> None:
    topic = new_topic()
    send(topic, HEADER)
    (message,) = read(topic)
    with process_message(message):
        with process_message(message) as again:
            assert again is trace.get_current_span()  # no second span
        assert again.is_recording()
    assert parent_of(spans.one(f"process {topic}")) == SPAN
    with pytest.raises(TypeError, match="consumer = traced"):
        process_message(message, consumer=object())
    with consuming(topic) as client:
        consumer = traced(client, group_id="payments")
        with process_message(message, consumer=consumer) as span:
            assert span is trace.get_current_span()
    second = spans.named(f"process {topic}")[1]
    assert (second.attributes or {})["messaging.consumer.group.name"] == "payments"


@pytest.mark.newer
def test_produce_batch_sends_what_it_is_given(
    spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    topic = new_topic()
    producer = traced(Producer(producer_config()))
    messages = [{"value": b"1", "headers": {"x": "1"}}, {"value": b"2"}]
    assert producer.produce_batch(topic, messages) == 2
    producer.flush()
    sent = read(topic, 2)
    assert [message.value() for message in sent] == [b"1", b"2"]
    # The client drops headers here without a word; we say so, once.
    assert [message.headers() for message in sent] == [None, None]
    assert "produce_batch() of confluent-kafka sends no headers" in caplog.text


def test_an_unknown_option_and_an_unknown_client_are_refused() -> None:
    client = Consumer(consumer_config())
    with pytest.raises(TypeError, match="colour"):
        traced(client, colour="red")
    with pytest.raises(ValueError, match="relation takes 'parent' or 'link' or 'both'"):
        traced(client, relation="child")
    with pytest.raises(TypeError, match="takes a Kafka consumer or producer, got dict"):
        traced({})  # type: ignore[call-overload]
    client.close()


def test_a_fatal_error_of_the_client_is_the_callers() -> None:
    consumer = traced(Consumer(consumer_config()))
    consumer.close()
    with pytest.raises((RuntimeError, KafkaException)):
        consumer.poll(0)
