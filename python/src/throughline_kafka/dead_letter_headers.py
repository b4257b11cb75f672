"""The headers of a dead letter, one vocabulary in every language, and reading anybody's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from opentelemetry.trace import SpanContext

from .headers import Pairs, last_text, pairs_of, text_of
from .traceparent import parse_traceparent


class DLQ:
    """UTF-8 text, numbers in decimal."""

    destination = "dlq.origin.destination"
    partition = "dlq.origin.partition"
    offset = "dlq.origin.offset"
    timestamp = "dlq.origin.timestamp"
    group = "dlq.origin.group"
    error_type = "dlq.error.type"
    error_message = "dlq.error.message"
    attempts = "dlq.attempts"
    failed = "dlq.failed"


NAMES = frozenset(name for key, name in vars(DLQ).items() if not key.startswith("_"))


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterOrigin:
    """What a dead letter tells of the message it stands for; what its writer left out is None."""

    #: Who wrote it: this library in any language, spring-kafka, or Kafka Connect.
    convention: Literal["throughline", "spring-kafka", "kafka-connect"]
    destination: str | None = None
    partition: str | None = None
    #: In decimal.
    offset: str | None = None
    timestamp_ms: int | None = None
    group: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    attempts: int | None = None
    #: traceparent of the failed attempt's span.
    failed: str | None = None


def read_dead_letter(headers: object) -> DeadLetterOrigin | None:
    """Reads a dead letter's headers, whoever wrote them; None where they are no dead letter's."""
    return _ours(headers) or _spring(headers) or _connect(headers)


def failed_attempt_of(headers: Pairs, topic: str) -> SpanContext | None:
    """The failed attempt that a message is a replay of: a dead letter on its way back to the topic
    it came from. None for any other message.
    """
    # Asked of every message that is sent, and hardly ever true.
    for name, _ in headers:
        if name == DLQ.destination:
            break
    else:
        return None
    if last_text(headers, DLQ.destination) != topic:
        return None
    failed = last_text(headers, DLQ.failed)
    return None if failed is None else parse_traceparent(failed)


def _ours(headers: object) -> DeadLetterOrigin | None:
    if not any(name in NAMES for name, _ in pairs_of(headers)):
        return None
    return DeadLetterOrigin(
        convention="throughline",
        destination=last_text(headers, DLQ.destination),
        partition=last_text(headers, DLQ.partition),
        offset=last_text(headers, DLQ.offset),
        timestamp_ms=_whole(last_text(headers, DLQ.timestamp)),
        group=last_text(headers, DLQ.group),
        error_type=last_text(headers, DLQ.error_type),
        error_message=last_text(headers, DLQ.error_message),
        attempts=_whole(last_text(headers, DLQ.attempts)),
        failed=last_text(headers, DLQ.failed),
    )


def _spring(headers: object) -> DeadLetterOrigin | None:
    """Numbers are big-endian bytes. Each hop appends where it took the record from: the first is
    the origin.
    """

    def original(name: str) -> object:
        wanted = f"kafka_dlt-original-{name}"
        return next((value for key, value in pairs_of(headers) if key == wanted), None)

    destination = text_of(original("topic"))
    if destination is None:
        return None
    return DeadLetterOrigin(
        convention="spring-kafka",
        destination=destination,
        partition=_big_endian(original("partition")),
        offset=_big_endian(original("offset")),
        timestamp_ms=_whole(_big_endian(original("timestamp"))),
        group=text_of(original("consumer-group")),
        error_type=last_text(headers, "kafka_dlt-exception-cause-fqcn")
        or last_text(headers, "kafka_dlt-exception-fqcn"),
        error_message=last_text(headers, "kafka_dlt-exception-message"),
    )


def _connect(headers: object) -> DeadLetterOrigin | None:
    def text(name: str) -> str | None:
        return last_text(headers, f"__connect.errors.{name}")

    if text("topic") is None:
        return None
    return DeadLetterOrigin(
        convention="kafka-connect",
        destination=text("topic"),
        partition=text("partition"),
        offset=text("offset"),
        group=text("connector.name"),
        error_type=text("exception.class.name"),
        error_message=text("exception.message"),
    )


def _big_endian(value: object) -> str | None:
    if not isinstance(value, bytes) or len(value) not in (4, 8):
        return None
    return str(int.from_bytes(value, "big", signed=True))


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"-?[0-9]{1,15}", text) else None
