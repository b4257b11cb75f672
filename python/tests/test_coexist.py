"""Beside OpenTelemetry's own instrumentation, and around the client's own subclasses."""

from __future__ import annotations

from typing import Any

import confluent_kafka
import pytest
from confluent_kafka import DeserializingConsumer, Producer, SerializingProducer
from confluent_kafka.serialization import StringDeserializer, StringSerializer
from kafka import PATIENCE_S, consumer_config, new_topic, producer_config, read, send, values_of
from opentelemetry.instrumentation.confluent_kafka import ConfluentKafkaInstrumentor
from spans import Spans, id_of, links_of, parent_of, trace_of

from throughline_kafka import guard, traced

pytestmark = pytest.mark.kafka
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
HEADER: list[tuple[str, Any]] = [("traceparent", f"00-{TRACE}-{SPAN}-01")]


@pytest.fixture(autouse=True)
def warned_anew() -> None:
    guard._warned.clear()


def test_an_instrumented_producer_keeps_its_span_and_its_header_is_the_only_one(
    spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    topic = new_topic()
    theirs: Any = ConfluentKafkaInstrumentor.instrument_producer(Producer(producer_config()))
    producer: Any = traced(theirs)
    given = [*HEADER, ("x", "1")]
    producer.produce(topic, value=b"1", headers=given)
    producer.flush(PATIENCE_S)
    assert given == [*HEADER, ("x", "1")]
    (message,) = read(topic)
    (traceparent,) = values_of(message, "traceparent")
    assert traceparent.decode().split("-")[2] == id_of(spans.one(f"{topic} send"))
    assert values_of(message, "x") == [b"1"]
    assert spans.named(f"send {topic}") == []
    assert caplog.text.count("left to that one") == 1


def test_an_ignored_topic_is_left_to_the_instrumentation_as_it_is(spans: Spans) -> None:
    topic = new_topic()
    theirs: Any = ConfluentKafkaInstrumentor.instrument_producer(Producer(producer_config()))
    producer: Any = traced(theirs, ignore=[topic])
    producer.produce(topic, value=b"1", headers=[*HEADER])
    producer.flush(PATIENCE_S)
    (message,) = read(topic)
    assert len(values_of(message, "traceparent")) == 2  # as without us


def test_an_instrumented_consumers_record_still_has_a_span_in_its_producers_trace(
    spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    topic = new_topic()
    send(topic, HEADER)
    ConfluentKafkaInstrumentor().instrument()
    try:
        client = confluent_kafka.Consumer(consumer_config())
        consumer = traced(client)
        consumer.subscribe([topic])
        message = consumer.poll(PATIENCE_S)
        with consumer.process(message):
            pass
        consumer.close()
    finally:
        ConfluentKafkaInstrumentor().uninstrument()
    ours, theirs = spans.one(f"process {topic}"), spans.one(f"{topic} process")
    assert (trace_of(ours), parent_of(ours)) == (TRACE, SPAN)
    assert links_of(ours) == [id_of(theirs)]
    assert parent_of(theirs) != SPAN
    assert caplog.text.count("Use one.") == 1


def test_serializers_and_deserializers_are_the_clients_own(spans: Spans) -> None:
    topic = new_topic()
    seen: list[Any] = []

    class Headers(StringSerializer):
        def __call__(self, value: Any, ctx: Any = None) -> Any:
            seen.append(ctx.headers)
            return super().__call__(value, ctx)

    producer: Any = traced(
        SerializingProducer({**producer_config(), "value.serializer": Headers("utf_8")})
    )
    # Its arguments stand in another order than Producer's: key first, headers seventh.
    producer.produce(topic, None, "grüße", -1, None, 0, [("x", "1")])
    producer.flush(PATIENCE_S)
    assert [name for name, _ in seen[0]] == ["x", "traceparent"]
    consumer: Any = traced(
        DeserializingConsumer(
            {**consumer_config(), "value.deserializer": StringDeserializer("utf_8")}
        )
    )
    consumer.subscribe([topic])
    message = consumer.poll(PATIENCE_S)
    assert message.value() == "grüße"
    with consumer.process(message):
        pass
    assert str(type(consumer)) == "<class 'throughline_kafka.consumer.TracedConsumer'>"
    assert isinstance(consumer, DeserializingConsumer)
    with pytest.raises(NotImplementedError):
        consumer.consume(1)
    consumer.close()
    assert parent_of(spans.one(f"process {topic}")) == id_of(spans.one(f"send {topic}"))
    assert len(values_of(message, "traceparent")) == 1
