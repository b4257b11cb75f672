"""Handling that is tried again, sync and async, and what it comes to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import pytest
from confluent_kafka import KafkaException, Producer
from fakes import KeptProducer, idle_consumer, record
from kafka import PATIENCE_S, call, consuming, new_topic, producer_config, read, send, take
from opentelemetry import trace
from opentelemetry.trace import StatusCode
from spans import Spans, id_of, parent_of, trace_of

from throughline_kafka import dead_letter_of, traced, with_retries

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
HEADERS: list[tuple[str, Any]] = [("traceparent", f"00-{TRACE}-{SPAN}-01".encode())]


class Declined(Exception):
    pass


def failing(times: int, error: BaseException) -> Callable[[Any], str]:
    """A handler that fails so often, then does not."""
    left = [error] * times

    def handle(message: Any) -> str:
        if left:
            raise left.pop()
        return "charged"

    return handle


def as_async(handler: Callable[[Any], str]) -> Callable[[Any], Coroutine[Any, Any, str]]:
    async def handle(message: Any) -> str:
        await asyncio.sleep(0)
        return handler(message)

    return handle


def outcome_of(is_async: bool, handler: Callable[[Any], str], **policy: Any) -> Any:
    """What a retried handler of one record gives or raises."""
    consumer = traced(idle_consumer(), group_id="payments")
    try:
        if is_async:
            retried = consumer.with_retries(as_async(handler), **policy)
            return asyncio.run(retried(record(HEADERS)))
        return consumer.with_retries(handler, **policy)(record(HEADERS))
    except BaseException as error:
        return error


both = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


@both
def test_attempts_are_siblings_under_the_messages_own_context(spans: Spans, is_async: bool) -> None:
    assert outcome_of(is_async, failing(2, Declined("no funds"))) == "charged"
    attempts = spans.named("process orders")
    assert [parent_of(span) for span in attempts] == [SPAN] * 3
    assert [trace_of(span) for span in attempts] == [TRACE] * 3
    assert [span.status.status_code for span in attempts] == [
        StatusCode.ERROR,
        StatusCode.ERROR,
        StatusCode.UNSET,
    ]


@both
def test_without_a_dead_letter_the_handlers_own_error_is_raised_at_last(
    spans: Spans, is_async: bool
) -> None:
    error = Declined("no funds")
    assert outcome_of(is_async, failing(9, error), attempts=2) is error
    assert len(spans.named("process orders")) == 2


@both
def test_a_parked_message_counts_as_handled_and_its_last_attempt_as_failed(
    spans: Spans, is_async: bool
) -> None:
    error, client = Declined("no funds"), KeptProducer()
    producer: Any = traced(client)  # type: ignore[call-overload]
    seen: list[Any] = []

    def publish(letter: Any, *told: Any) -> Any:
        seen.extend(told)
        producer.produce("orders.dlq", **letter)
        return asyncio.sleep(0) if is_async else None

    assert outcome_of(is_async, failing(9, error), dead_letter=publish) is None
    attempts = spans.named("process orders")
    assert [span.status.status_code for span in attempts] == [StatusCode.ERROR] * 3
    assert parent_of(spans.one("send orders.dlq")) == id_of(attempts[-1])
    origin = dead_letter_of(client.sent[0]["headers"])
    assert origin is not None
    assert (origin.attempts, origin.group, origin.error_message) == (3, "payments", "no funds")
    assert seen[0] is error
    assert seen[1].topic() == "orders"


@both
def test_a_publish_that_fails_is_raised_so_that_nothing_is_committed(
    spans: Spans, is_async: bool
) -> None:
    full = BufferError("queue full")

    def publish(*_told: Any) -> None:
        raise full

    assert outcome_of(is_async, failing(9, Declined()), dead_letter=publish) is full


@both
def test_a_letter_tells_the_attempts_that_were_made_for_it(spans: Spans, is_async: bool) -> None:
    letters: list[Any] = []

    def publish(letter: Any, *_told: Any) -> None:
        letters.append(letter)
        if len(letters) == 1:
            raise BufferError("queue full")

    for _ in range(2):  # polled again, as nothing was committed
        outcome_of(is_async, failing(9, Declined()), attempts=2, dead_letter=publish)
    assert [dict(letter["headers"])["dlq.attempts"] for letter in letters] == ["2", "2"]


@both
def test_an_error_that_is_not_worth_it_is_not_tried_again(spans: Spans, is_async: bool) -> None:
    worth: list[Any] = [
        (ValueError, 1),
        ((ValueError, KeyError), 1),
        (lambda error: "funds" not in str(error), 1),
        (Declined, 3),
        ((KeyError, Exception), 3),
        (lambda error: isinstance(error, Declined), 3),
    ]
    for retry_on, tried in worth:
        spans.clear()
        error = Declined("no funds")
        assert outcome_of(is_async, failing(9, error), retry_on=retry_on) is error
        assert len(spans.named("process orders")) == tried


@both
def test_what_stops_a_program_is_neither_tried_again_nor_parked(
    spans: Spans, is_async: bool
) -> None:
    letters: list[Any] = []
    stop = SystemExit(2)
    outcome = outcome_of(is_async, failing(9, stop), dead_letter=lambda *told: letters.append(told))
    assert outcome is stop
    assert letters == []
    assert len(spans.named("process orders")) == 1


def test_a_cancelled_handler_is_not_tried_again(spans: Spans) -> None:
    started: list[int] = []

    async def handle(message: Any) -> None:
        started.append(1)
        await asyncio.Event().wait()

    async def cancel() -> None:
        retried = with_retries(handler=handle)
        task = asyncio.create_task(retried(record(HEADERS)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert started == [1]


@both
def test_it_waits_as_long_as_it_is_told_outside_of_any_span(spans: Spans, is_async: bool) -> None:
    asked: list[Any] = []

    def delay(made: int) -> float:
        asked.append((made, trace.get_current_span().get_span_context().is_valid))
        return 0.02 if made == 1 else -PATIENCE_S

    began = time.perf_counter()
    assert outcome_of(is_async, failing(2, Declined()), delay=delay) == "charged"
    assert 0.02 <= time.perf_counter() - began < PATIENCE_S
    assert asked == [(1, False), (2, False)]
    began = time.perf_counter()
    assert outcome_of(is_async, failing(2, Declined()), delay=0.01) == "charged"
    assert time.perf_counter() - began >= 0.02


def test_between_two_attempts_the_loop_is_free(spans: Spans) -> None:
    done: list[str] = []

    async def handle(message: Any) -> None:
        done.append("tried")
        if len(done) == 1:
            raise Declined

    async def other() -> None:
        done.append("other")

    async def side_by_side() -> None:
        await asyncio.gather(with_retries(handle, delay=0.001)(record(HEADERS)), other())

    asyncio.run(side_by_side())
    assert done == ["tried", "other", "tried"]


def test_a_handler_keeps_its_name_and_its_other_arguments(spans: Spans) -> None:
    def charge(message: Any, amount: int, *, currency: str) -> str:
        """Charges."""
        return f"{message.topic()} {amount} {currency}"

    retried = with_retries(charge)
    assert retried(record(HEADERS), 7, currency="EUR") == "orders 7 EUR"
    assert (retried.__name__, retried.__doc__) == ("charge", "Charges.")


def test_a_policy_that_is_not_to_be_understood_is_refused() -> None:
    for policy, error, what in (
        ({"attempts": 0}, ValueError, "attempts takes a number from 1, got 0"),
        ({"attempts": True}, ValueError, "attempts takes"),
        ({"attempts": 2.5}, ValueError, "attempts takes"),
        ({"delay": -1}, ValueError, "delay takes seconds from 0 or a function, got -1"),
        ({"delay": float("nan")}, ValueError, "delay takes"),
        ({"delay": "1"}, ValueError, "delay takes"),
        ({"retry_on": "ValueError"}, TypeError, "retry_on takes classes of errors"),
        ({"retry_on": (ValueError, 1)}, TypeError, "retry_on takes classes of Exception"),
        ({"retry_on": KeyboardInterrupt}, TypeError, "retry_on takes classes of Exception"),
        ({"dead_letter": "orders.dlq"}, TypeError, "takes a function that publishes the letter"),
        ({"tries": 3}, TypeError, "tries"),
    ):
        with pytest.raises(error, match=what):
            with_retries(print, **policy)
    with pytest.raises(TypeError, match="takes a handler, got str"):
        with_retries("charge")  # type: ignore[call-overload]


class Charging:
    """A handler that is an object, whose call is a coroutine function."""

    def __init__(self, handler: Callable[[Any], str]) -> None:
        self.handler = handler

    async def __call__(self, message: Any) -> str:
        await asyncio.sleep(0)
        return self.handler(message)


def test_whatever_gives_a_coroutine_by_its_looks_is_awaited_and_retried(spans: Spans) -> None:
    kinds: list[Callable[[Any], Callable[[Any], Coroutine[Any, Any, str]]]] = [
        Charging,
        lambda handler: partial(as_async(handler)),
        lambda handler: partial(Charging(handler)),
    ]
    for kind in kinds:
        spans.clear()
        handler = kind(failing(2, Declined("no funds")))
        assert asyncio.run(with_retries(handler)(record(HEADERS))) == "charged"
        assert len(spans.named("process orders")) == 3


def test_a_coroutine_that_nobody_awaits_is_refused_and_not_taken_for_handled(spans: Spans) -> None:
    later = as_async(failing(0, Declined()))

    def hidden(message: Any) -> object:
        return later(message)

    async def publish(*_told: Any) -> None: ...

    def hidden_publish(*told: Any) -> object:
        return publish(*told)

    with pytest.raises(TypeError, match="handler gives a coroutine, which nobody awaits"):
        with_retries(hidden)(record(HEADERS))
    assert len(spans.named("process orders")) == 1
    with pytest.raises(TypeError, match="dead_letter gives a coroutine, which nobody awaits"):
        with_retries(failing(9, Declined()), dead_letter=publish)
    parking = with_retries(failing(9, Declined()), dead_letter=hidden_publish)
    with pytest.raises(TypeError, match="dead_letter gives a coroutine, which nobody awaits"):
        parking(record(HEADERS))


@pytest.mark.kafka
def test_a_record_is_retried_parked_and_committed_or_not_on_a_real_kafka(spans: Spans) -> None:
    topic, parked = new_topic(), new_topic("orders.dlq")
    send(topic, HEADERS, HEADERS)
    producer = traced(Producer(producer_config()))

    def publish(letter: Any, error: Exception, message: Any) -> None:
        reports: list[Any] = []
        producer.produce(parked, **letter, on_delivery=lambda error, _: reports.append(error))
        if producer.flush(PATIENCE_S) > 0 or any(reports):
            raise KafkaException(*reports)

    with consuming(topic) as client:
        consumer = traced(client, group_id="payments")
        handle = consumer.with_retries(failing(2, Declined("no")), attempts=2, dead_letter=publish)
        for message in take(consumer, 2):
            handle(message)
            consumer.commit(message, asynchronous=False)
        (committed,) = client.committed(client.assignment())
        assert committed.offset == 2
        (letter,) = read(parked)
        origin = dead_letter_of(letter)
        assert origin is not None
        assert (origin.destination, origin.offset, origin.attempts) == (topic, "0", 2)
    first, second, third = spans.named(f"process {topic}")
    assert [parent_of(span) for span in (first, second, third)] == [SPAN] * 3
    assert third.status.status_code is StatusCode.UNSET
    assert parent_of(spans.one(f"send {parked}")) == id_of(second)


@pytest.mark.kafka
def test_a_letter_that_no_broker_takes_is_the_callers_error(spans: Spans) -> None:
    config = producer_config(**{"message.timeout.ms": 100, "bootstrap.servers": "127.0.0.1:1"})
    producer = traced(Producer({**config, "log_level": 0}))

    def publish(letter: Any, error: Exception, message: Any) -> None:
        reports: list[Any] = []
        producer.produce("dlq", **letter, on_delivery=lambda error, _: reports.append(error))
        if producer.flush(PATIENCE_S) > 0 or any(reports):
            raise KafkaException(*reports)

    topic = new_topic()
    send(topic, HEADERS)
    with consuming(topic) as client:
        consumer = traced(client)
        handle = consumer.with_retries(failing(9, Declined()), dead_letter=publish)
        (message,) = take(consumer)
        assert isinstance(call(lambda: handle(message)), KafkaException)
        (committed,) = client.committed(client.assignment())
        assert committed.offset < 0
