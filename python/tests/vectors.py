"""Reads conformance/vectors. An unknown field, a missing one, or another number of vectors than the
manifest's is refused, so that no vector is passed over in silence.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

FOLDER = Path(__file__).parents[2] / "conformance" / "vectors"
MANIFEST: dict[str, int] = json.loads((FOLDER / "manifest.json").read_text("utf-8"))
Value = bytes | None


@dataclass
class Span:
    traceId: str
    spanId: str
    flags: int
    tracestate: str | None = None


@dataclass
class ExtractExpected:
    outcome: str
    parent: Span | None
    links: list[Span]
    baggage: list[list[str]]

    def __post_init__(self) -> None:
        self.parent = strict(Span, self.parent)
        self.links = [strict(Span, link) for link in self.links]


@dataclass
class Extract:
    name: str
    headers: Any
    expect: ExtractExpected
    duplicates: str = "new"

    def __post_init__(self) -> None:
        self.expect = strict(ExtractExpected, self.expect)


@dataclass
class InjectContext:
    span: Span | None
    baggage: list[list[str]]

    def __post_init__(self) -> None:
        self.span = strict(Span, self.span)


@dataclass
class InjectExpected:
    headers: Any
    traceparent: str | None
    tracestate: str | None
    baggage: list[list[str]]


@dataclass
class Inject:
    name: str
    context: InjectContext
    headers: Any
    expect: InjectExpected

    def __post_init__(self) -> None:
        self.context = strict(InjectContext, self.context)
        self.expect = strict(InjectExpected, self.expect)


@dataclass
class Carried:
    traceId: str | None
    parent: str | None
    flags: int | None
    tracestate: str | None
    baggage: list[list[str]]
    headers: Any


@dataclass
class ForwardExpected(Carried):
    links: list[str]


@dataclass
class Sent:
    topic: str
    headers: Any


@dataclass
class Forward:
    name: str
    consumed: Any
    sent: Sent
    expect: ForwardExpected

    def __post_init__(self) -> None:
        self.sent = strict(Sent, self.sent)
        self.expect = strict(ForwardExpected, self.expect)


@dataclass
class LetterExpected(Carried):
    dlq: dict[str, str]


@dataclass
class Record:
    topic: str
    partition: int
    offset: str
    timestampMs: int
    group: str
    headers: Any


@dataclass
class LetterOptions:
    errorMessage: bool = True
    attempts: int | None = None


@dataclass
class DeadLetter:
    name: str
    record: Record
    where: str
    error: str
    expect: LetterExpected
    options: LetterOptions = field(default_factory=LetterOptions)

    def __post_init__(self) -> None:
        self.record = strict(Record, self.record)
        self.expect = strict(LetterExpected, self.expect)
        if isinstance(self.options, dict):
            self.options = strict(LetterOptions, self.options)


@dataclass
class Origin:
    convention: str
    destination: str | None = None
    partition: str | None = None
    offset: str | None = None
    timestampMs: int | None = None
    group: str | None = None
    errorType: str | None = None
    errorMessage: str | None = None
    attempts: int | None = None
    failed: str | None = None


@dataclass
class OriginVector:
    name: str
    headers: Any
    expect: Origin | None

    def __post_init__(self) -> None:
        self.expect = strict(Origin, self.expect)


@dataclass
class BatchMessage:
    traceId: str
    parent: str | None
    links: list[str]


@dataclass
class BatchExpected:
    links: list[str]
    dropped: int
    messages: list[BatchMessage]

    def __post_init__(self) -> None:
        self.messages = [strict(BatchMessage, message) for message in self.messages]


@dataclass
class Batch:
    name: str
    messages: list[Any]
    expect: BatchExpected

    def __post_init__(self) -> None:
        self.expect = strict(BatchExpected, self.expect)


KINDS: dict[str, type[Any]] = {
    "extract": Extract,
    "inject": Inject,
    "forward": Forward,
    "dead-letter": DeadLetter,
    "dead-letter-origin": OriginVector,
    "batch": Batch,
}
#: No client of this package speaks to RabbitMQ.
NOT_HERE = {"dead-letter-origin-rabbitmq"}


def strict(kind: type[Any], held: Any) -> Any:
    """A dataclass refuses unknown fields and missing ones by itself."""
    if held is None:
        return None
    try:
        return kind(**held)
    except TypeError as error:
        raise TypeError(f"{kind.__name__}: {error}, in {held}") from error


def vectors(kind: str) -> list[Any]:
    file = json.loads((FOLDER / f"{kind}.json").read_text("utf-8"))
    assert list(file) == ["kind", "about", "vectors"]
    assert len(file["vectors"]) == MANIFEST[kind], f"{kind}: not as many as the manifest says"
    return [strict(KINDS[kind], vector) for vector in file["vectors"]]


def value_of(value: Any) -> Value:
    """A header's value as a consumer gets it."""
    if value is None:
        return None
    return value.encode("utf-8") if isinstance(value, str) else base64.b64decode(value["base64"])


def headers_of(headers: Any) -> list[tuple[str, Value]] | None:
    """Headers as confluent-kafka gives them: None where there are none."""
    return [(name, value_of(value)) for name, value in headers] if headers else None


def members_of(baggage: Any) -> list[list[str]]:
    """A baggage as the vectors write it, in the order of its keys."""
    members = []
    for key, value in baggage.items():
        properties = getattr(value, "properties", None)
        members.append([key, str(value)] + ([properties] if properties is not None else []))
    return sorted(members)


def decoded(header: str | None) -> list[list[str]]:
    """A baggage header, by the shortest reading there is, for what is sent."""
    if header is None:
        return []
    assert all("\x21" <= mark <= "\x7e" and mark not in '"\\' for mark in header)
    members = []
    for member in header.split(","):
        pair, semicolon, properties = member.partition(";")
        key, _, value = pair.partition("=")
        members.append([unquote(key), unquote(value)] + ([properties] if semicolon else []))
    return sorted(members)
