"""What a dead letter says and whose it is, without a broker."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE
from fakes import KeptProducer, Record, idle_consumer, record
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.trace import NoOpTracerProvider, StatusCode
from spans import Spans, id_of, links_of, parent_of, trace_of

from throughline_kafka import dead_letter, dead_letter_of, traced

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
OTHER = "0af7651916cd43dd8448eb211c80319c"
SPAN = "00f067aa0ba902b7"
HEADERS: list[tuple[str, Any]] = [("traceparent", f"00-{TRACE}-{SPAN}-01".encode())]


def origin_of(letter: Any) -> Any:
    origin = dead_letter_of(letter["headers"])
    assert origin is not None
    return origin


def test_a_letter_for_another_message_is_not_of_the_one_that_is_handled(spans: Spans) -> None:
    other = record([("traceparent", f"00-{OTHER}-{SPAN}-01".encode())], offset=1)
    with traced(idle_consumer()).process(record(HEADERS)):
        letter = dead_letter(other, ValueError("no"))
    assert dict(letter["headers"])["traceparent"].split("-")[1] == OTHER
    assert origin_of(letter).failed is None
    assert spans.one("process orders").status.is_unset


def test_the_first_error_that_a_message_was_parked_for_is_its_spans(spans: Spans) -> None:
    message = record(HEADERS)
    with traced(idle_consumer()).process(message):
        for text in ("first", "second"):
            dead_letter(message, ValueError(text))
    status = spans.one("process orders").status
    assert (status.status_code, status.description) == (StatusCode.ERROR, "first")


def test_a_reason_that_is_no_exception_is_told_all_the_same(spans: Spans) -> None:
    message, reason = record(HEADERS), "no funds"
    with traced(idle_consumer()).process(message):
        letter = dead_letter(message, reason)  # type: ignore[arg-type]
    assert (origin_of(letter).error_type, origin_of(letter).error_message) == ("str", "no funds")
    assert spans.one("process orders").status.description == "no funds"


def test_a_letter_tells_the_group_that_failed_in_its_scope_and_after_it(spans: Spans) -> None:
    message = record(HEADERS)
    with traced(idle_consumer(), group_id="payments").process(message):
        assert origin_of(dead_letter(message, ValueError("no"))).group == "payments"
    with (
        pytest.raises(ValueError, match="no"),
        traced(idle_consumer(), group_id="payments").process(message),
    ):
        raise ValueError("no")
    after = origin_of(dead_letter(message, ValueError("no")))
    assert (after.group, after.attempts) == ("payments", 1)
    assert after.failed.split("-")[2] == id_of(spans.named("process orders")[1])


def test_the_failures_of_a_record_are_counted_until_it_is_handled(spans: Spans) -> None:
    message, consumer = record(HEADERS), traced(idle_consumer())
    for _ in range(2):
        with pytest.raises(ValueError, match="no"), consumer.process(message):
            raise ValueError("no")
    with consumer.process(message):
        assert origin_of(dead_letter(message, ValueError("no"))).attempts == 3
    # Parked, and its block ended well: it counts as handled.
    assert origin_of(dead_letter(message, ValueError("no"))).attempts == 1


def test_without_spans_a_letter_continues_the_message_and_names_no_attempt(spans: Spans) -> None:
    without_sdk: dict[str, Any] = {"tracer_provider": NoOpTracerProvider()}
    for options in ({"spans": False}, without_sdk):
        message, consumer = record(HEADERS), traced(idle_consumer(), **options)
        with consumer.process(message):
            within = dead_letter(message, ValueError("no"))
        with pytest.raises(ValueError, match="no"), consumer.process(message):
            raise ValueError("no")
        for letter in (within, dead_letter(message, ValueError("no"))):
            assert dict(letter["headers"])["traceparent"].split("-")[2] == SPAN
            assert origin_of(letter).failed is None


def test_the_random_flag_of_the_trace_goes_on_in_a_letter(spans: Spans) -> None:
    for flags in ("01", "03"):
        message = record([("traceparent", f"00-{TRACE}-{SPAN}-{flags}".encode())])
        with traced(idle_consumer()).process(message):
            letter = dead_letter(message, ValueError("no"))
        assert dict(letter["headers"])["traceparent"].endswith(f"-{flags}")


def test_a_letter_that_is_parked_again_keeps_its_first_origin(spans: Spans) -> None:
    first = dead_letter(record(HEADERS, partition=3, offset=7), ValueError("no"))
    parked = record(first["headers"], topic="orders.dlq", offset=1)
    again = origin_of(dead_letter(parked, ValueError("still no")))
    assert (again.destination, again.partition, again.offset) == ("orders", "3", "7")
    # Replayed to where it came from, it names what failed now.
    replayed = origin_of(dead_letter(record(first["headers"], offset=9), ValueError("no")))
    assert (replayed.destination, replayed.offset) == ("orders", "9")


def test_a_record_without_a_timestamp_tells_none() -> None:
    told = {"topic": "orders", "partition": 0, "offset": 1, "key": None, "value": b"x"}
    kinds = (TIMESTAMP_NOT_AVAILABLE, 17), (1, -1)
    for timestamp in kinds:
        unstamped: Any = Record(**told, headers=None, timestamp=timestamp)
        assert origin_of(dead_letter(unstamped, ValueError("no"))).timestamp_ms is None


def test_an_errors_text_is_cut_and_is_text_whatever_it_holds() -> None:
    for text, expected in (
        ("x" * 5000, "x" * 1024),
        ("ü" * 1000, "ü" * 512),
        ("a" + "ü" * 1000, "a" + "ü" * 511),
        ("lone \ud800 surrogate", "lone ? surrogate"),
    ):
        letter = dead_letter(record(HEADERS), ValueError(text))
        assert dict(letter["headers"])["dlq.error.message"] == expected


def test_several_contexts_of_a_parked_message_follow_the_option() -> None:
    twice = [("traceparent", f"00-{trace_id}-{SPAN}-01") for trace_id in (TRACE, OTHER)]
    carried: dict[str, list[str]] = {}
    for choice in ("new", "last", "first"):
        consumer = traced(idle_consumer(), duplicates=choice)
        letter = consumer.dead_letter(record(twice), ValueError("no"))
        found = [value for name, value in letter["headers"] if name == "traceparent"]
        carried[choice] = "".join(found).split("-")
    assert carried["new"] == [""]
    assert (carried["last"][1], carried["first"][1]) == (OTHER, TRACE)


class Tenants(TextMapPropagator):
    """An application's own, of one header that is no span's."""

    fields = {"x-tenant"}  # noqa: RUF012

    def extract(self, carrier: Any, context: Context | None = None, getter: Any = None) -> Context:
        (tenant,) = getter.get(carrier, "x-tenant") or [None]
        return Context({**(context or {}), "tenant": tenant})

    def inject(self, carrier: Any, context: Context | None = None, setter: Any = None) -> None:
        tenant = context.get("tenant") if context else None
        if tenant is not None:
            carrier["x-tenant"] = tenant


def test_what_the_applications_own_propagator_read_goes_on_in_a_letter() -> None:
    consumer = traced(idle_consumer(), propagator=Tenants())
    letter = consumer.dead_letter(record([("x-tenant", b"acme")]), ValueError("no"))
    assert dict(letter["headers"])["x-tenant"] == "acme"


def test_what_is_sent_to_another_topic_is_no_replay_and_neither_is_a_letter_of_others(
    spans: Spans,
) -> None:
    letter = dead_letter(record(HEADERS), ValueError("no"))
    headers = [*letter["headers"], ("dlq.failed", f"00-{TRACE}-{SPAN}-01")]
    producer: Any = traced(KeptProducer())  # type: ignore[call-overload]
    producer.produce("archive", b"x", headers=headers)
    assert trace_of(spans.one("send archive")) == TRACE
    # To where it came from, but with no attempt named.
    producer.produce("orders", b"x", headers=[*letter["headers"]])
    again = spans.one("send orders")
    assert (trace_of(again), parent_of(again), links_of(again)) == (TRACE, SPAN, [])


def test_numbers_of_foreign_letters_are_read_strictly() -> None:
    spring: list[tuple[str, Any]] = [("kafka_dlt-original-topic", b"orders")]
    for value, expected in ((b"\x00\x00\x00\x05", "5"), (b"\x00\x05", None), (b"", None)):
        origin = dead_letter_of([*spring, ("kafka_dlt-original-partition", value)])
        assert origin is not None
        assert origin.partition == expected
    ours: list[tuple[str, Any]] = [("dlq.origin.destination", b"orders")]
    for text, attempts in (("3", 3), ("٣", None), ("9" * 16, None), ("1e3", None)):
        origin = dead_letter_of([*ours, ("dlq.attempts", text.encode())])
        assert origin is not None
        assert origin.attempts == attempts
