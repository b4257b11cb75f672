"""A real Kafka: topics of a test's own, and clients on them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

#: Longer than anything takes here; a test that waits so long has failed.
PATIENCE_S = 30


def brokers() -> str:
    return os.environ["KAFKA_BROKERS"]


def new_topic(name: str = "orders", partitions: int = 1) -> str:
    """A topic of that name, which a broker leads."""
    topic = f"{name}-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": brokers()})
    made = admin.create_topics([NewTopic(topic, partitions, 1)])
    made[topic].result(PATIENCE_S)
    return topic


def producer_config(**more: Any) -> dict[str, Any]:
    return {"bootstrap.servers": brokers(), "linger.ms": 0, **more}


def consumer_config(group: str | None = None, **more: Any) -> dict[str, Any]:
    return {
        "bootstrap.servers": brokers(),
        "group.id": group or f"group-{uuid.uuid4().hex[:8]}",
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        **more,
    }


def send(topic: str, *headers: list[tuple[str, Any]]) -> None:
    """Records by somebody else's producer, one for each list of headers."""
    producer = Producer(producer_config())
    for each in headers:
        producer.produce(topic, b"value", headers=each)
    assert producer.flush(PATIENCE_S) == 0


@contextmanager
def consuming(topic: str, **config: Any) -> Iterator[Consumer]:
    consumer = Consumer(consumer_config(**config))
    consumer.subscribe([topic])
    try:
        yield consumer
    finally:
        consumer.close()


def take(consumer: Any, count: int = 1) -> list[Message]:
    """The next records, once all of them are there."""
    taken: list[Message] = []
    while len(taken) < count:
        message = consumer.poll(PATIENCE_S)
        assert message is not None, f"{len(taken)} of {count} records came"
        assert message.error() is None, message.error()
        taken.append(message)
    return taken


def read(topic: str, count: int = 1) -> list[Message]:
    """Records of a topic, as a consumer without us sees them."""
    with consuming(topic) as consumer:
        return take(consumer, count)


def values_of(message: Message, name: str) -> list[Any]:
    """The values of a header, in order."""
    headers: Any = message.headers() or []
    return [value for key, value in headers if key == name]


def call(function: Callable[[], Any]) -> BaseException:
    """The error of a call that must fail."""
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("it did not fail")
