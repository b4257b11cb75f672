"""What is read of a message, and what is remembered of one that failed."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Protocol

from opentelemetry.trace import SpanContext


class Message(Protocol):
    """A consumed message: confluent_kafka.Message, also with its key and value deserialized."""

    def topic(self) -> str | None: ...
    def partition(self) -> int | None: ...
    def offset(self) -> int | None: ...
    def key(self) -> Any: ...
    def value(self) -> Any: ...
    def headers(self) -> Any: ...
    def timestamp(self) -> tuple[int, int]: ...
    def error(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Failure:
    """What is remembered of a record whose handling failed, for whoever dead-letters it later."""

    #: The span of the last failed attempt; None where no span was made.
    attempt: SpanContext | None
    attempts: int
    group: str | None


Position = tuple[str | None, int | None, int | None]

# A confluent-kafka Message takes no attribute, no weak reference and no hash: a record is known by
# its place. The oldest are forgotten beyond this.
_MAX_FAILURES = 1024
_failures: dict[Position, Failure] = {}
_lock = threading.Lock()


def position_of(message: Message) -> Position:
    return message.topic(), message.partition(), message.offset()


def remember_failure(message: Message, attempt: SpanContext | None, group: str | None) -> None:
    """Takes note that handling a record failed."""
    position = position_of(message)
    with _lock:
        before = _failures.pop(position, None)
        while len(_failures) >= _MAX_FAILURES:
            _failures.pop(next(iter(_failures)))
        attempts = (before.attempts if before else 0) + 1
        _failures[position] = Failure(attempt, attempts, group)


def forget_failure(message: Message) -> None:
    """The record was handled after all."""
    if _failures:
        with _lock:
            _failures.pop(position_of(message), None)


def failure_of(message: Message) -> Failure | None:
    """What is remembered of a record; None where its handling has not failed here."""
    return _failures.get(position_of(message)) if _failures else None
