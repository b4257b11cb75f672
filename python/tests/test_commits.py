"""Explicit commits: a span in the trace that they are made in, and the client's own outcome."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition
from kafka import PATIENCE_S, call, consumer_config, consuming, new_topic, send, take
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from spans import Spans, id_of, parent_of

from throughline_kafka import traced

pytestmark = pytest.mark.kafka
tracer = trace.get_tracer("app")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADER: list[tuple[str, Any]] = [("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01")]


def test_a_commit_in_a_messages_scope_is_in_its_trace(spans: Spans) -> None:
    topic = new_topic()
    send(topic, HEADER)
    with consuming(topic) as client:
        consumer = traced(client, group_id="payments", client_id="payments-1")
        (message,) = take(consumer)
        with consumer.process(message):
            consumer.commit(asynchronous=False)
            committed: Any = consumer.commit(message, asynchronous=False)
            consumer.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
    assert [one.offset for one in committed] == [1]
    first, second = spans.named(f"commit {topic}")
    (whatever,) = spans.named("commit")
    process = id_of(spans.one(f"process {topic}"))
    assert {parent_of(span) for span in (first, second, whatever)} == {process}
    assert first.kind is SpanKind.CLIENT
    assert dict(first.attributes or {}) == {
        "messaging.operation.name": "commit",
        "messaging.operation.type": "settle",
        "messaging.system": "kafka",
        "messaging.destination.name": topic,
        "messaging.consumer.group.name": "payments",
        "messaging.client.id": "payments-1",
    }
    assert "messaging.destination.name" not in (whatever.attributes or {})


def test_a_commit_outside_of_a_trace_is_no_trace_of_its_own(spans: Spans) -> None:
    from opentelemetry.instrumentation.utils import suppress_instrumentation

    topic = new_topic()
    send(topic, HEADER)
    with consuming(topic) as client:
        consumer = traced(client)
        (message,) = take(consumer)
        assert consumer.commit(message, asynchronous=False)[0].offset == 1
        off = traced(client, spans=False)
        ignoring = traced(client, ignore=[topic])
        with tracer.start_as_current_span("request"):
            off.commit(message, asynchronous=False)
            ignoring.commit(message, asynchronous=False)
            with suppress_instrumentation():
                consumer.commit(message, asynchronous=False)
    assert [span.name for span in spans.ended] == ["request"]


def test_a_commit_that_fails_raises_as_without_us_and_says_so(spans: Spans) -> None:
    consumer = traced(Idle := _closed())
    with tracer.start_as_current_span("request"):
        theirs = call(lambda: Idle.commit(asynchronous=False))
        mine = call(lambda: consumer.commit(asynchronous=False))
        odd = call(lambda: consumer.commit(1, 2, 3, 4, 5))
    assert (type(mine), str(mine)) == (type(theirs), str(theirs))
    assert isinstance(odd, TypeError | RuntimeError)
    first = spans.named("commit")[0]
    assert first.status.status_code is StatusCode.ERROR
    assert (first.attributes or {})["error.type"] == type(mine).__name__


def test_a_commit_over_several_topics_names_none(spans: Spans) -> None:
    topics = [new_topic(), new_topic()]
    # No member of its group: one that is still joining is refused a commit.
    with closing(Consumer(consumer_config())) as client:
        consumer = traced(client)
        offsets = [TopicPartition(topic, 0, 1) for topic in topics]
        with tracer.start_as_current_span("request"):
            consumer.commit(offsets=offsets, asynchronous=False)
    assert "messaging.destination.name" not in (spans.one("commit").attributes or {})


def _closed() -> Any:
    client = Consumer(consumer_config())
    client.close()
    return client


def test_a_kafka_error_is_named_as_kafka_does(spans: Spans) -> None:
    topic = new_topic()
    with consuming(topic) as client:
        consumer = traced(client)
        offsets = [TopicPartition(topic, 7, 1)]
        with tracer.start_as_current_span("request"):
            error = call(lambda: consumer.commit(offsets=offsets, asynchronous=False))
    assert isinstance(error, KafkaException)
    span = spans.one(f"commit {topic}")
    assert (span.attributes or {})["error.type"] == error.args[0].name()


@pytest.mark.newer
def test_the_asyncio_consumers_commit_is_in_the_trace_too(spans: Spans) -> None:
    from confluent_kafka.aio import AIOConsumer

    topic = new_topic()
    send(topic, HEADER)

    async def handle() -> Any:
        consumer = traced(AIOConsumer(consumer_config()))
        await consumer.subscribe([topic])
        try:
            message = await consumer.poll(PATIENCE_S)
            with consumer.process(message):
                return await consumer.commit(message=message, asynchronous=False)
        finally:
            await consumer.close()

    (committed,) = asyncio.run(handle())
    assert committed.offset == 1
    assert parent_of(spans.one(f"commit {topic}")) == id_of(spans.one(f"process {topic}"))
