"""The vectors of conformance/, which every language's library runs."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
import vectors
from fakes import KeptProducer, idle_consumer, record
from measured import outcomes_of
from opentelemetry import baggage, trace
from opentelemetry.context import Context
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    TraceState,
    format_span_id,
    format_trace_id,
)
from spans import Spans, id_of, links_of, parent_of, trace_of
from vectors import decoded, headers_of, members_of

from throughline_kafka import (
    DeadLetter,
    context_of,
    dead_letter_of,
    inject_context,
    traced,
)

OWN = ("traceparent", "tracestate", "baggage")
_topics = (f"vector-{number}" for number in itertools.count())


def test_the_folder_holds_the_kinds_of_the_manifest_and_each_is_known_here() -> None:
    found = {file.stem for file in vectors.FOLDER.glob("*.json")} - {"manifest"}
    assert found == set(vectors.MANIFEST)
    assert set(vectors.KINDS) | vectors.NOT_HERE == found


def test_the_readme_tells_how_many_there_are() -> None:
    told = re.search(
        r"\[(\d+) vectors\]", (vectors.FOLDER.parents[1] / "python/README.md").read_text()
    )
    assert told is not None
    assert int(told[1]) == sum(vectors.MANIFEST.values()), "python/README.md tells another number"


def test_a_vector_with_an_unknown_field_is_refused_and_so_is_one_that_lacks_a_field() -> None:
    vector = {"name": "x", "headers": None, "expect": None}
    vectors.strict(vectors.OriginVector, vector)
    with pytest.raises(TypeError, match="also"):
        vectors.strict(vectors.OriginVector, {**vector, "also": 1})
    with pytest.raises(TypeError, match="headers"):
        vectors.strict(vectors.OriginVector, {"name": "x", "expect": None})


def each(kind: str) -> pytest.MarkDecorator:
    found = vectors.vectors(kind)
    return pytest.mark.parametrize("vector", found, ids=[vector.name for vector in found])


def span_of(context: SpanContext) -> vectors.Span:
    state = context.trace_state.to_header() if context.trace_state else None
    trace_id, span_id = format_trace_id(context.trace_id), format_span_id(context.span_id)
    return vectors.Span(trace_id, span_id, int(context.trace_flags), state)


@each("extract")
def test_extract(vector: vectors.Extract, spans: Spans, reader: InMemoryMetricReader) -> None:
    topic = next(_topics)
    expect = vector.expect
    message = record(headers_of(vector.headers), topic=topic)
    consumer = traced(idle_consumer(), duplicates=vector.duplicates)
    with consumer.process(message):
        inside = members_of(baggage.get_all())
    span = spans.one(f"process {topic}")
    parent = expect.parent
    assert parent_of(span) == (None if parent is None else parent.spanId)
    linked = [span_of(link.context) for link in span.links]
    assert linked == expect.links
    if parent is not None:
        assert trace_of(span) == parent.traceId
    assert parent is not None or trace_of(span) not in [link.traceId for link in expect.links]
    assert inside == sorted(expect.baggage)
    assert outcomes_of(reader, topic) == {expect.outcome: 1}
    if vector.duplicates == "new":
        found = trace.get_current_span(context_of(message)).get_span_context()
        assert (span_of(found) if found.is_valid else None) == parent


def split(headers: Any) -> tuple[dict[str, str], list[tuple[str, Any]]]:
    """Headers that were written: the three of W3C, each at most once, and the rest as bytes."""
    own: dict[str, str] = {}
    kept = []
    for name, value in headers or []:
        if name.lower() in OWN:
            assert name == name.lower()
            assert name not in own, f"{name} stands twice"
            own[name] = value.decode() if isinstance(value, bytes) else value
        else:
            kept.append((name, value.encode() if isinstance(value, str) else value))
    return own, kept


@pytest.mark.parametrize(
    ("vector", "shape"),
    [
        pytest.param(vector, shape, id=f"{vector.name}, {shape.__name__}")
        for vector in vectors.vectors("inject")
        for shape in (list, dict)
        # A dict holds no header twice.
        if shape is list or len(dict(vector.headers or [])) == len(vector.headers or [])
    ],
)
def test_inject(vector: vectors.Inject, shape: type) -> None:
    context = Context()
    span = vector.context.span
    if span is not None:
        pairs = [member.split("=") for member in (span.tracestate or "").split(",") if member]
        made = SpanContext(
            int(span.traceId, 16),
            int(span.spanId, 16),
            False,
            TraceFlags(span.flags),
            TraceState([(key, value) for key, value in pairs]),
        )
        context = trace.set_span_in_context(NonRecordingSpan(made), context)
    for key, value in vector.context.baggage:
        context = baggage.set_baggage(key, value, context)
    given: Any = headers_of(vector.headers)
    if shape is dict and given is not None:
        given = dict(given)
    before = None if given is None else shape(given)
    written: Any = inject_context(given, context)
    assert given == before
    assert given is None or type(written) is shape
    own, kept = split(written.items() if isinstance(written, dict) else written)
    expect = vector.expect
    assert kept == (headers_of(expect.headers) or [])
    assert own.get("traceparent") == expect.traceparent
    assert own.get("tracestate") == expect.tracestate
    assert decoded(own.get("baggage")) == sorted(expect.baggage)


def check_carried(headers: Any, expect: vectors.Carried, told: set[str]) -> tuple[Any, Any]:
    """Everything that a message carries besides its trace id and parent, which are given back."""
    own, kept = split(headers)
    expected = headers_of(expect.headers) or []
    assert [pair for pair in kept if pair[0] not in told] == expected
    assert own.get("tracestate") == expect.tracestate
    assert decoded(own.get("baggage")) == sorted(expect.baggage)
    traceparent = own.get("traceparent")
    if traceparent is None:
        assert expect.flags is None
        return None, None
    version, trace_id, span_id, flags = traceparent.split("-")
    assert version == "00"
    # The random flag of a trace that begins here is its SDK's.
    known = 1 if expect.traceId in ("new", "process") else 3
    assert int(flags, 16) & known == expect.flags
    return trace_id, span_id


def process_span(spans: Spans) -> ReadableSpan | None:
    return next((span for span in spans.ended if span.name.startswith("process ")), None)


@each("forward")
def test_forward(vector: vectors.Forward, spans: Spans) -> None:
    client = KeptProducer()
    producer: Any = traced(client)  # type: ignore[call-overload]
    expect = vector.expect
    headers = headers_of(vector.sent.headers)
    if vector.consumed is None:
        producer.produce(vector.sent.topic, b"x", headers=headers)
    else:
        # The record came from another topic than the one that is sent to.
        message = record(headers_of(vector.consumed), topic="consumed")
        with traced(idle_consumer()).process(message):
            producer.produce(vector.sent.topic, b"x", headers=headers)
    process = process_span(spans)
    sending = spans.one(f"send {vector.sent.topic}")

    def id_for(name: str) -> str:
        return id_of(process) if name == "process" and process is not None else name

    trace_id, span_id = check_carried(client.sent[0]["headers"], expect, set())
    assert (trace_id, span_id) == (trace_of(sending), id_of(sending))
    assert parent_of(sending) == (None if expect.parent is None else id_for(expect.parent))
    assert sorted(links_of(sending)) == sorted(id_for(link) for link in expect.links)
    if expect.traceId == "process":
        assert process is not None
        assert trace_id == trace_of(process)
    elif expect.traceId == "new":
        assert trace_id not in [format_trace_id(link.context.trace_id) for link in sending.links]
    else:
        assert trace_id == expect.traceId
    assert headers == headers_of(vector.sent.headers)


@each("dead-letter")
def test_dead_letter(vector: vectors.DeadLetter, spans: Spans) -> None:
    held, expect, options = vector.record, vector.expect, vector.options
    message = record(
        headers_of(held.headers),
        topic=held.topic,
        partition=held.partition,
        offset=int(held.offset),
        timestamp_ms=held.timestampMs,
    )
    consumer = traced(idle_consumer(), group_id=held.group)
    error = Exception(vector.error)

    def park() -> DeadLetter:
        return consumer.dead_letter(
            message, error, error_message=options.errorMessage, attempts=options.attempts
        )

    if vector.where == "handler":
        with consumer.process(message):
            letter = park()
    else:
        letter = park()
    attempt = process_span(spans)
    _, kept = split(letter["headers"])
    dlq = {name: value.decode() for name, value in kept if name.startswith("dlq.")}
    assert len(dlq) == len([name for name, _ in kept if name.startswith("dlq.")])
    trace_id, span_id = check_carried(letter["headers"], expect, set(dlq))
    assert dlq.pop("dlq.error.type") == "Exception"
    failed = dlq.pop("dlq.failed", None)
    assert dlq == expect.dlq
    if expect.parent == "process":
        assert attempt is not None
        assert span_id == id_of(attempt)
        assert failed is not None
        assert failed[:-2] == f"00-{trace_of(attempt)}-{id_of(attempt)}-"
    else:
        assert span_id == expect.parent
        assert failed is None
    assert trace_id == (
        trace_of(attempt) if attempt and expect.traceId == "process" else expect.traceId
    )


@each("dead-letter-origin")
def test_the_origin_of_a_dead_letter(vector: vectors.OriginVector) -> None:
    found = dead_letter_of(record(headers_of(vector.headers)))
    expect = vector.expect
    if expect is None:
        assert found is None
        return
    assert found is not None
    assert found.convention == expect.convention
    for here, there in (
        ("destination", "destination"),
        ("partition", "partition"),
        ("offset", "offset"),
        ("timestamp_ms", "timestampMs"),
        ("group", "group"),
        ("error_type", "errorType"),
        ("error_message", "errorMessage"),
        ("attempts", "attempts"),
        ("failed", "failed"),
    ):
        assert getattr(found, here) == getattr(expect, there), here


@each("batch")
def test_batch(vector: vectors.Batch, spans: Spans) -> None:
    consumer = traced(idle_consumer())
    messages = [record(headers_of(headers)) for headers in vector.messages]
    with consumer.process_batch(messages):
        for message in messages:
            with consumer.process(message):
                pass
    expect = vector.expect
    *handled, batch = spans.ended
    attributes = batch.attributes or {}
    assert batch.parent is None
    assert attributes["messaging.batch.message_count"] == len(messages)
    assert attributes.get("throughline.links.dropped", 0) == expect.dropped
    assert links_of(batch) == expect.links
    told = {message.traceId for message in expect.messages}
    assert len(handled) == len(expect.messages)
    for span, wanted in zip(handled, expect.messages, strict=True):
        assert parent_of(span) == wanted.parent
        assert links_of(span) == [*wanted.links, id_of(batch)]
        if wanted.traceId == "new":
            assert trace_of(span) not in told
        else:
            assert trace_of(span) == wanted.traceId
