"""Records as confluent-kafka delivers them, and a producer whose messages are kept: for what needs
no broker. Everything that the client decides is tested on a real Kafka.
"""

from __future__ import annotations

from typing import Any

from confluent_kafka import TIMESTAMP_CREATE_TIME, Consumer, Message


class KeptProducer:
    """A client with produce() in the order of confluent_kafka.Producer's arguments."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def produce(
        self,
        topic: str,
        value: Any = None,
        key: Any = None,
        partition: int = -1,
        callback: Any = None,
        on_delivery: Any = None,
        timestamp: int = 0,
        headers: Any = None,
    ) -> None:
        self.sent.append({"topic": topic, "value": value, "key": key, "headers": headers})


def record(
    headers: Any = None,
    *,
    topic: str = "orders",
    partition: int = 0,
    offset: int = 0,
    value: bytes | None = b"value",
    key: bytes | None = None,
    timestamp_ms: int = 1_700_000_000_000,
) -> Message:
    return Message(
        topic=topic,
        partition=partition,
        offset=offset,
        key=key,
        value=value,
        headers=headers,
        timestamp=(TIMESTAMP_CREATE_TIME, timestamp_ms),
    )


def idle_consumer() -> Consumer:
    """A consumer that is never subscribed: no broker is asked."""
    return Consumer({"bootstrap.servers": "127.0.0.1:1", "group.id": "idle", "log_level": 0})
