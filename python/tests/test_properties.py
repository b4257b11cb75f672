"""Whatever stands in headers: nothing is raised, nothing grows, and what is sent is valid."""

from __future__ import annotations

import re
import time
from typing import Any

from fakes import KeptProducer, idle_consumer, record
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import baggage, context, trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from throughline_kafka import (
    context_of,
    dead_letter,
    dead_letter_of,
    inject_context,
    traced,
)
from throughline_kafka.baggage import format_baggage, parse_baggage
from throughline_kafka.guard import faults
from throughline_kafka.traceparent import format_traceparent, parse_traceparent
from throughline_kafka.tracestate import format_tracestate, parse_tracestate

OURS = ["traceparent", "tracestate", "baggage", "TraceParent", "dlq.origin.destination"]
DLT = [
    "kafka_dlt-original-topic",
    "kafka_dlt-original-offset",
    "__connect.errors.topic",
    "dlq.failed",
]
VALID = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

near = st.builds(
    lambda at, text: (VALID[:at] + text + VALID[at + 1 :]).encode(),
    st.integers(0, len(VALID)),
    st.sampled_from(["", "0", "f", "g", "-", "\x00", "é"]),
)
values = st.one_of(
    st.none(), st.binary(max_size=80), near, st.just(VALID.encode()), st.text(max_size=40)
)
names = st.one_of(st.sampled_from(OURS + DLT), st.text(max_size=12))
header_lists = st.lists(st.tuples(names, values), max_size=8)
anything = st.one_of(
    header_lists, st.none(), st.integers(), st.text(), st.dictionaries(names, values)
)
no_surrogates = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)

consumer = traced(idle_consumer())
TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[0-3]")


class Odd:
    """A message whose headers are anything at all."""

    def __init__(self, headers: Any) -> None:
        self._headers = headers

    def headers(self) -> Any:
        return self._headers

    def topic(self) -> str:
        return "orders"

    def partition(self) -> int:
        return 0

    def offset(self) -> int:
        return 0

    def error(self) -> None:
        return None

    def key(self) -> Any:
        return self._headers

    def value(self) -> Any:
        return None

    def timestamp(self) -> tuple[int, int]:
        return 0, -1


@settings(max_examples=300, deadline=None)
@given(anything)
def test_whatever_the_headers_a_record_is_handled_and_its_letter_is_valid(headers: Any) -> None:
    before = dict(faults())
    message = Odd(headers)
    copy = list(headers) if isinstance(headers, list) else headers
    with consumer.process(message) as span:
        assert span.get_span_context().is_valid
        letter: Any = consumer.dead_letter(message, ValueError("no"))["headers"]
    with consumer.process_batch([message, message]):
        pass
    dead_letter(message, ValueError("no"))
    dead_letter_of(message)
    context_of(message)
    sent = [value for name, value in letter if name.lower() == "traceparent"]
    assert len(sent) == 1
    assert TRACEPARENT.fullmatch(sent[0])
    assert headers == copy
    assert context.get_current() == {}
    assert dict(faults()) == before


@settings(max_examples=300, deadline=None)
@given(header_lists, st.booleans())
def test_whatever_is_sent_on_has_one_valid_traceparent(headers: Any, as_dict: bool) -> None:
    client = KeptProducer()
    producer: Any = traced(client)  # type: ignore[call-overload]
    given_headers: Any = dict(headers) if as_dict else headers
    copy: Any = dict(given_headers) if as_dict else list(given_headers)
    producer.produce("payments", b"x", headers=given_headers)
    assert given_headers == copy
    sent: Any = client.sent[0]["headers"]
    pairs = list(sent.items()) if as_dict else sent
    own = [value for name, value in pairs if name.lower() == "traceparent"]
    assert len(own) == 1
    assert TRACEPARENT.fullmatch(own[0])
    lower = ("traceparent", "tracestate", "baggage")
    assert [pair for pair in pairs if pair[0].lower() not in lower] == [
        pair for pair in (copy.items() if as_dict else copy) if pair[0].lower() not in lower
    ]


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 3))
def test_a_traceparent_comes_back_as_it_was_sent(trace_id: int, span_id: int, flags: int) -> None:
    span = SpanContext(trace_id, span_id, False, TraceFlags(flags))
    found = parse_traceparent(format_traceparent(span))
    assert found is not None
    assert (found.trace_id, found.span_id, int(found.trace_flags)) == (trace_id, span_id, flags)
    assert found.is_remote


@given(st.dictionaries(no_surrogates, no_surrogates, max_size=5))
def test_baggage_comes_back_as_it_was_sent(members: dict[str, str]) -> None:
    held = Context()
    for key, value in members.items():
        held = baggage.set_baggage(key, value, held)
    carried = inject_context([], held)
    assert dict(baggage.get_all(context_of(carried))) == members


@given(st.text(max_size=60))
def test_a_tracestate_that_is_read_is_sent_as_one_that_can_be_read(header: str) -> None:
    state = parse_tracestate(header)
    if state is not None:
        again = format_tracestate(state)
        assert again
        assert parse_tracestate(again) == state


@given(st.text(max_size=60))
def test_baggage_that_is_read_is_sent_as_one_that_can_be_read(header: str) -> None:
    members = parse_baggage(header)
    if members is not None:
        assert parse_baggage(format_baggage(members)) == members


def test_a_lone_surrogate_can_not_be_sent_and_costs_its_member_alone() -> None:
    assert format_baggage({"a": "\ud800", "b": "2"}) == "b=2"


def test_a_hostile_header_of_a_megabyte_costs_milliseconds() -> None:
    size = 1_000_000
    for name in ("traceparent", "tracestate", "baggage"):
        for value in (b"0" * size, b"," * size, b"a=1," * (size // 4), b"a=%ff" * (size // 5)):
            message = record([(name, value)])
            began = time.perf_counter()
            context_of(message)
            assert time.perf_counter() - began < 0.25, name
    many = [("traceparent", VALID.encode())] * 10_000
    began = time.perf_counter()
    context_of(record(many))
    assert time.perf_counter() - began < 0.5


def test_a_span_that_is_no_span_is_no_context() -> None:
    odd = Context({**trace.set_span_in_context(NonRecordingSpan(trace.INVALID_SPAN_CONTEXT))})
    assert inject_context([("x", "1")], odd) == [("x", "1")]
