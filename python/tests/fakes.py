"""Records as confluent-kafka delivers them, and a producer whose messages are kept: for what needs
no broker. Everything that the client decides is tested on a real Kafka.
"""

from __future__ import annotations

from functools import cache
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


class Record:
    """What stands in for a Message where the client lets nobody but itself make one."""

    def __init__(self, **told: Any) -> None:
        self._told = told

    def error(self) -> None:
        return None

    def __getattr__(self, name: str) -> Any:
        told = self._told[name]
        return lambda: told


def _takes_a_message_of_ours() -> bool:
    try:
        Message(topic="orders")
    except TypeError:
        return False
    return True


_Record: Any = Message if _takes_a_message_of_ours() else Record


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
    made: Message = _Record(
        topic=topic,
        partition=partition,
        offset=offset,
        key=key,
        value=value,
        headers=headers,
        timestamp=(TIMESTAMP_CREATE_TIME, timestamp_ms),
    )
    return made


@cache
def idle_consumer() -> Consumer:
    """A consumer that is never subscribed: no broker is asked. One for all: an older client takes a
    second to let one go.
    """
    return Consumer({"bootstrap.servers": "127.0.0.1:1", "group.id": "idle", "log_level": 0})
