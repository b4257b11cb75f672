"""Where a context goes by itself in asyncio and threads, and where it has to be handed over."""

from __future__ import annotations

import asyncio
import contextvars
import re
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException, Producer
from fakes import idle_consumer, record
from kafka import PATIENCE_S, consumer_config, new_topic, producer_config, read, send, values_of
from opentelemetry import context, trace
from spans import Spans, id_of, parent_of, trace_of

from throughline_kafka import (
    ContextExecutor,
    context_of,
    dead_letter_of,
    in_context,
    inject_context,
    traced,
)

tracer = trace.get_tracer("app")
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
HEADERS: list[tuple[str, Any]] = [("traceparent", f"00-{TRACE}-{SPAN}-01".encode())]


def charge() -> str:
    """The work of a handler, wherever it runs: its trace, as text."""
    with tracer.start_as_current_span("charge card") as span:
        return f"{span.get_span_context().trace_id:032x}"


def charge_order(_order: int) -> str:
    return charge()


async def charge_soon() -> str:
    await asyncio.sleep(0)
    return charge()


def in_handler(work: Callable[[], Any]) -> Any:
    with traced(idle_consumer()).process(record(HEADERS)):
        return work()


def test_coroutines_and_tasks_take_the_context_along(spans: Spans) -> None:
    async def handle() -> list[str]:
        with traced(idle_consumer()).process(record(HEADERS)):
            awaited = await charge_soon()
            task = asyncio.create_task(charge_soon())
            gathered = await asyncio.gather(charge_soon(), charge_soon())
            return [awaited, await task, *gathered]

    assert set(asyncio.run(handle())) == {TRACE}


def test_a_task_that_outlives_its_handler_stays_in_the_trace(spans: Spans) -> None:
    async def handle() -> str:
        gate = asyncio.Event()

        async def later() -> str:
            await gate.wait()
            return charge()

        with traced(idle_consumer()).process(record(HEADERS)):
            task = asyncio.create_task(later())
        assert not trace.get_current_span().get_span_context().is_valid
        gate.set()
        return await task

    assert asyncio.run(handle()) == TRACE


def test_handlers_side_by_side_never_see_each_others_context(spans: Spans) -> None:
    consumer = traced(idle_consumer())
    messages = [
        record([("traceparent", f"00-{number:032x}-{SPAN}-01".encode())], offset=number)
        for number in range(1, 21)
    ]

    async def handle(message: Any) -> str:
        with consumer.process(message):
            for _ in range(3):
                await asyncio.sleep(0)
            return await charge_soon()

    async def all_of_them() -> list[str]:
        with consumer.process_batch(messages):
            return await asyncio.gather(*(handle(message) for message in messages))

    assert asyncio.run(all_of_them()) == [f"{number:032x}" for number in range(1, 21)]


def test_to_thread_takes_the_context_along(spans: Spans) -> None:
    async def handle() -> str:
        with traced(idle_consumer()).process(record(HEADERS)):
            return await asyncio.to_thread(charge)

    assert asyncio.run(handle()) == TRACE


def test_run_in_executor_does_not_and_in_context_does(spans: Spans) -> None:
    async def handle() -> list[str]:
        loop = asyncio.get_running_loop()
        with traced(idle_consumer()).process(record(HEADERS)):
            lost = await loop.run_in_executor(None, charge)
            kept = await loop.run_in_executor(None, in_context(charge))
            return [lost, kept]

    lost, kept = asyncio.run(handle())
    assert lost != TRACE
    assert kept == TRACE


def test_a_thread_pool_does_not_and_in_context_or_a_context_executor_does(spans: Spans) -> None:
    with ThreadPoolExecutor(2) as pool:
        assert in_handler(lambda: pool.submit(charge).result()) != TRACE
        assert in_handler(lambda: pool.submit(in_context(charge)).result()) == TRACE
        carrying = ContextExecutor(pool)
        assert in_handler(lambda: carrying.submit(charge).result()) == TRACE
        work = in_handler(lambda: carrying.map(charge_order, range(4)))
        assert list(work) == [TRACE] * 4
        # A worker keeps nothing of it.
        left = pool.submit(context.get_current).result()
        assert left == {}


def test_a_thread_does_not_and_in_context_does(spans: Spans) -> None:
    def in_thread(work: Callable[[], str]) -> str:
        found: list[str] = []
        thread = threading.Thread(target=lambda: found.append(work()))
        thread.start()
        thread.join()
        return found[0]

    assert in_handler(lambda: in_thread(charge)) != TRACE
    assert in_handler(lambda: in_thread(in_context(charge))) == TRACE


def test_what_is_bound_may_run_side_by_side_and_again(spans: Spans) -> None:
    together = threading.Barrier(2, timeout=PATIENCE_S)

    def meet() -> str:
        together.wait()
        return charge()

    bound = in_handler(lambda: in_context(meet))
    with ThreadPoolExecutor(2) as pool:
        assert {task.result() for task in [pool.submit(bound), pool.submit(bound)]} == {TRACE}
    assert bound.__name__ == "meet"


def test_in_context_takes_every_context_variable_along_and_brings_none_back() -> None:
    tenant = contextvars.ContextVar("tenant", default="none")
    tenant.set("acme")

    def work() -> str:
        before = tenant.get()
        tenant.set("other")
        return before

    bound = in_context(work)
    tenant.set("later")
    assert [bound(), bound()] == ["acme", "acme"]
    assert tenant.get() == "later"


def test_a_context_executor_is_an_executor() -> None:
    pool = ThreadPoolExecutor(1)
    carrying = ContextExecutor(pool)
    assert carrying.submit(round, 2.345, ndigits=1).result() == 2.3
    assert isinstance(carrying.submit(int, "x").exception(), ValueError)
    carrying.shutdown(cancel_futures=True)
    with pytest.raises(RuntimeError):
        pool.submit(charge)


def test_a_context_executor_passes_on_what_it_is_told() -> None:
    told: list[Any] = []

    class Told(ThreadPoolExecutor):
        def map(self, fn: Any, *iterables: Any, **more: Any) -> Any:
            told.append(more)
            return super().map(fn, *iterables, **more)

        def shutdown(self, *args: Any, **more: Any) -> None:
            told.append((*args, more))
            super().shutdown(*args, **more)

    carrying = ContextExecutor(Told(1))
    assert list(carrying.map(abs, [-1, 2], timeout=PATIENCE_S, chunksize=2)) == [1, 2]
    carrying.shutdown(False, cancel_futures=True)
    carrying.shutdown()
    assert told == [
        {"timeout": PATIENCE_S, "chunksize": 2},
        (False, {"cancel_futures": True}),
        (True, {"cancel_futures": False}),
    ]


def charge_elsewhere(carrier: dict[str, Any]) -> str:
    """In another process: the context came as headers."""
    context.attach(context_of(carrier))
    return f"{trace.get_current_span().get_span_context().trace_id:032x}"


def test_a_context_crosses_processes_as_headers() -> None:
    with ProcessPoolExecutor(1) as pool:
        with pytest.raises(TypeError, match="does not cross processes"):
            ContextExecutor(pool)
        work = in_handler(lambda: pool.submit(charge_elsewhere, inject_context({})))
        assert work.result(PATIENCE_S) == TRACE


@pytest.mark.newer
@pytest.mark.kafka
def test_the_asyncio_consumer_handles_a_record_in_its_producers_trace(spans: Spans) -> None:
    from confluent_kafka.aio import AIOConsumer

    topic = new_topic()
    send(topic, HEADERS, HEADERS)

    async def consume() -> None:
        client = AIOConsumer(consumer_config())
        consumer = traced(client, group_id="payments")
        assert isinstance(consumer, AIOConsumer)
        async with consumer as entered:
            assert entered is consumer
            await consumer.subscribe([topic])
            message = await consumer.poll(PATIENCE_S)
            with consumer.process(message):
                assert await charge_soon() == TRACE
                assert await asyncio.to_thread(charge) == TRACE
            (second,) = await consumer.consume(1, PATIENCE_S)
            with consumer.process_batch([second]), consumer.process(second):
                assert await charge_soon() == TRACE

    asyncio.run(consume())
    handled = [span for span in spans.named(f"process {topic}") if trace_of(span) == TRACE]
    assert [parent_of(span) for span in handled] == [SPAN, SPAN]


@pytest.mark.newer
@pytest.mark.kafka
def test_the_asyncio_producer_sends_what_it_can_and_says_what_it_can_not(
    spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    from confluent_kafka.aio import AIOProducer

    topic = new_topic()

    async def produce() -> list[Any]:
        client = AIOProducer(producer_config(), batch_size=1)
        producer = traced(client)
        sent = [await (await producer.produce(topic, value=b"1")) for _ in range(2)]
        with pytest.raises(NotImplementedError, match="Headers are not supported"):
            await producer.produce(topic, value=b"2", headers=[("x", "1")])
        await producer.close()
        return sent

    sent = asyncio.run(produce())
    assert [message.value() for message in sent] == [b"1", b"1"]
    first, _ = read(topic, 2)
    assert first.headers() is None
    assert "sends no headers" in caplog.text
    assert caplog.text.count("sends no headers") == 1
    assert len(spans.named(f"send {topic}")) == 3


GUIDE = (Path(__file__).parents[2] / "docs" / "python.md").read_text("utf-8")
(SEND,) = re.findall(r"```python\n(async def send.*?)```", GUIDE, re.DOTALL)
(RETRIES,) = re.findall(r"```python\n(async def park.*?)```", GUIDE, re.DOTALL)


def program_of_the_guide(text: str, **given: Any) -> dict[str, Any]:
    """What a program of the guide defines, beside what it takes for granted."""
    names: dict[str, Any] = {"asyncio": asyncio, "KafkaException": KafkaException, **given}
    exec(text, names)
    return names


@pytest.mark.kafka
def test_the_send_of_the_guide_carries_the_context(spans: Spans) -> None:
    names = program_of_the_guide(SEND, producer=traced(Producer(producer_config())))
    topic = new_topic()

    async def request() -> list[Any]:
        with tracer.start_as_current_span("request"):
            return await asyncio.gather(*(names["send"](topic, b"1") for _ in range(3)))

    reported = asyncio.run(request())
    assert [message.topic() for message in reported] == [topic] * 3
    for message in read(topic, 3):
        (traceparent,) = values_of(message, "traceparent")
        assert traceparent.decode().split("-")[1] == trace_of(spans.one("request"))


@pytest.mark.kafka
def test_the_send_of_the_guide_raises_what_no_broker_took(spans: Spans) -> None:
    config = producer_config(**{"message.timeout.ms": 100, "bootstrap.servers": "127.0.0.1:1"})
    producer = traced(Producer({**config, "log_level": 0}))
    names = program_of_the_guide(SEND, producer=producer)
    with pytest.raises(KafkaException, match="_MSG_TIMED_OUT"):
        asyncio.run(names["send"]("nowhere", b"1"))


@pytest.mark.newer
@pytest.mark.kafka
def test_the_retries_of_the_guide_park_what_keeps_failing(spans: Spans) -> None:
    from confluent_kafka.aio import AIOConsumer

    topic, parked = new_topic(), new_topic("payments.dlq")
    send(topic, HEADERS)
    handled: list[Any] = []

    async def charge(message: Any) -> None:
        await asyncio.sleep(0)
        handled.append(message)
        raise ValueError("no funds")

    class Until:
        def __bool__(self) -> bool:
            return len(handled) < 3

    async def service() -> Any:
        client = AIOConsumer(consumer_config())
        await client.subscribe([topic])
        names = program_of_the_guide(
            SEND + RETRIES.replace('"payments.dlq"', f'"{parked}"').replace("delay=0.5", "delay=0"),
            producer=traced(Producer(producer_config())),
            consumer=traced(client, group_id="payments"),
            charge=charge,
            running=Until(),
        )
        try:
            await names["run"]()
            return await client.committed(await client.assignment())
        finally:
            await client.close()

    (committed,) = asyncio.run(service())
    assert committed.offset == 1
    attempts = spans.named(f"process {topic}")
    assert [parent_of(span) for span in attempts] == [SPAN] * 3
    assert parent_of(spans.one(f"send {parked}")) == id_of(attempts[2])
    (letter,) = read(parked)
    origin = dead_letter_of(letter)
    assert origin is not None
    assert (origin.destination, origin.attempts, origin.group) == (topic, 3, "payments")
