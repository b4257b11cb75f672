"""What docs/python.md says of contexts in Python, and that each of its links names a test."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import re
import threading
from collections.abc import AsyncIterator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from fakes import idle_consumer, record
from kafka import PATIENCE_S, new_topic, producer_config
from opentelemetry import context, trace
from spans import Spans

from throughline_kafka import in_context, inject_context, process_message, traced

GUIDE = Path(__file__).parents[2] / "docs" / "python.md"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS: list[tuple[str, Any]] = [("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01".encode())]


def active() -> str | None:
    """The active trace; None where no span is active."""
    found = trace.get_current_span().get_span_context()
    return f"{found.trace_id:032x}" if found.is_valid else None


def scope() -> Any:
    return traced(idle_consumer()).process(record(HEADERS))


def test_each_statement_of_the_guide_names_its_test() -> None:
    said = re.sub(r"```python.*?```", "", GUIDE.read_text("utf-8"), flags=re.DOTALL)
    statements = said.split("## How it is kept")[1].splitlines()
    for line in statements:
        told = line and not line.startswith(("#", "| where", "| ---"))
        assert not told or "✓" in line, f"no test is named for: {line}"
    links = re.findall(r"\[✓ `(\w+)`\]\(\.\./python/tests/(\w+\.py)\)", said)
    assert len(links) == said.count("[✓")
    assert len(links) > 40
    for name, file in links:
        text = (Path(__file__).parent / file).read_text("utf-8")
        assert f"def {name}(" in text, f"{file} has no {name}"


def test_the_active_context_is_one_context_variable(spans: Spans) -> None:
    outside = contextvars.copy_context()
    with scope():
        inside = contextvars.copy_context()
        held = context.get_current()
    changed = [name for name in inside if inside[name] is not outside.get(name)]
    assert [inside[name] for name in changed] == [held]
    after = contextvars.copy_context()
    assert [after.get(name) for name in changed] == [outside.get(name) for name in changed]


def test_a_callback_of_the_loop_runs_where_it_was_asked_for(spans: Spans) -> None:
    async def handle() -> list[str | None]:
        loop = asyncio.get_running_loop()
        seen: list[str | None] = []
        done: asyncio.Future[None] = loop.create_future()
        with scope():
            loop.call_soon(lambda: seen.append(active()))
            loop.call_later(0, lambda: seen.append(active()))
            done.add_done_callback(lambda _: seen.append(active()))
        loop.call_later(0.001, done.set_result, None)
        await done
        await asyncio.sleep(0)
        return seen

    assert asyncio.run(handle()) == [TRACE] * 3


def test_a_task_at_boot_stays_in_the_context_of_the_boot(spans: Spans) -> None:
    async def service() -> tuple[str | None, str | None]:
        jobs: asyncio.Queue[Any] = asyncio.Queue()
        seen: list[str | None] = []

        async def worker() -> None:
            seen.append((await jobs.get())())
            carried = await jobs.get()
            # A job that brings its context: the headers of what it is about.
            with process_message(carried):
                seen.append(active())

        working = asyncio.create_task(worker())
        with scope():
            await jobs.put(active)
            await jobs.put(record(inject_context([])))
        await working
        return seen[0], seen[1]

    assert asyncio.run(service()) == (None, TRACE)


def test_a_worker_thread_handles_its_queue_in_its_own_context(spans: Spans) -> None:
    jobs: queue.Queue[Any] = queue.Queue()
    seen: list[str | None] = []

    def work() -> None:
        while (job := jobs.get()) is not None:
            seen.append(job())

    worker = threading.Thread(target=work)
    worker.start()
    with scope():
        jobs.put(active)
        jobs.put(in_context(active))
    jobs.put(None)
    worker.join()
    assert seen == [None, TRACE]


def test_a_thread_that_polls_hands_its_context_to_the_loop(spans: Spans) -> None:
    loop = asyncio.new_event_loop()
    running = threading.Thread(target=loop.run_forever)
    running.start()
    seen: queue.Queue[str | None] = queue.Queue()

    async def look() -> str | None:
        await asyncio.sleep(0)
        return active()

    with scope():
        future = asyncio.run_coroutine_threadsafe(look(), loop)
        loop.call_soon_threadsafe(lambda: seen.put(active()))
        assert future.result(PATIENCE_S) == TRACE
    assert seen.get(timeout=PATIENCE_S) == TRACE
    loop.call_soon_threadsafe(loop.stop)
    running.join()
    loop.close()


def test_a_record_that_is_handed_over_is_handled_in_its_trace(spans: Spans) -> None:
    (program,) = re.findall(
        r"```python\n(def handle.*?pool\.submit\(handle, message\))\n",
        GUIDE.read_text("utf-8"),
        re.DOTALL,
    )
    seen: list[str | None] = []
    with ThreadPoolExecutor(1) as pool:
        names: dict[str, Any] = {
            "charge": lambda _message: seen.append(active()),
            "consumer": traced(idle_consumer()),
            "message": record(HEADERS),
            "pool": pool,
        }
        exec(program, names)
    assert seen == [TRACE]

    async def task() -> None:
        names["handle"](names["message"])

    asyncio.run(task())
    assert seen == [TRACE] * 2


def test_a_timer_is_a_thread(spans: Spans) -> None:
    seen: list[str | None] = []

    def look() -> None:
        seen.append(active())

    with scope():
        for timer in (threading.Timer(0, look), threading.Timer(0, in_context(look))):
            timer.start()
            timer.join()
    assert seen == [None, TRACE]


def test_a_callback_that_is_kept_runs_where_it_is_called(spans: Spans) -> None:
    with scope():
        kept = [active, in_context(active)]
    assert [callback() for callback in kept] == [None, TRACE]


def test_work_that_two_handlers_share_is_done_in_the_first_ones_context(spans: Spans) -> None:
    async def both() -> tuple[str | None, str | None]:
        shared: list[asyncio.Task[str | None]] = []

        async def look_up() -> str | None:
            return active()

        async def handle(message: Any) -> str | None:
            with process_message(message):
                if not shared:
                    shared.append(asyncio.create_task(look_up()))
                return await shared[0]

        other = record([("traceparent", b"00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01")])
        first, second = await asyncio.gather(handle(record(HEADERS)), handle(other))
        return first, second

    assert asyncio.run(both()) == (TRACE, TRACE)


def test_a_yield_inside_a_scope_leaves_it_active_for_whoever_iterates(spans: Spans) -> None:
    def handled() -> Generator[str, None, None]:
        with scope():
            yield "order"

    running = handled()
    next(running)
    assert active() == TRACE
    running.close()
    assert active() is None


def test_a_generator_runs_in_the_context_of_whoever_asks(spans: Spans) -> None:
    def values() -> Iterator[str | None]:
        while True:
            yield active()

    with scope():
        running = values()
        inside = next(running)
    assert (inside, next(running)) == (TRACE, None)


def test_a_scope_that_another_task_closes_ends_its_span_and_says_so(
    spans: Spans, caplog: pytest.LogCaptureFixture
) -> None:
    async def handled() -> AsyncIterator[str]:
        with scope():
            yield "order"

    async def run() -> None:
        running: Any = handled()
        await asyncio.create_task(running.__anext__())
        await asyncio.create_task(running.aclose())

    asyncio.run(run())
    assert len(spans.named("process orders")) == 1
    assert "Failed to detach context" in caplog.text


def test_what_is_attached_and_not_detached_stays_for_the_next_record(spans: Spans) -> None:
    token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(_leaked())))
    try:
        # Whatever is active, a record is handled in its own trace.
        with scope():
            assert active() == TRACE
        with process_message(record([])):
            assert active() not in (TRACE, "9" * 32)
        assert active() == "9" * 32
    finally:
        context.detach(token)


def _leaked() -> trace.SpanContext:
    return trace.SpanContext(int("9" * 32, 16), 1, True, trace.TraceFlags(1))


@pytest.mark.kafka
def test_a_delivery_report_is_called_in_the_context_of_whoever_polls(spans: Spans) -> None:
    topic = new_topic()
    producer = traced(Producer(producer_config()))
    seen: list[str | None] = []

    def report(_error: object, _message: object) -> None:
        seen.append(active())

    with scope():
        producer.produce(topic, b"1", on_delivery=report)
        producer.produce(topic, b"2", on_delivery=in_context(report))
    producer.flush(PATIENCE_S)
    assert seen == [None, TRACE]
