"""The programs of the README, run as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaException, Producer
from fakes import record
from kafka import PATIENCE_S, consumer_config, consuming, new_topic, producer_config, send
from spans import Spans, id_of, parent_of

from throughline_kafka import traced

pytestmark = pytest.mark.kafka
README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
LOOP, BATCH, RETRIES = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_versions_of_the_readme_are_those_that_are_tested() -> None:
    told = re.search(r"confluent-kafka (.*), opentelemetry-api (.*), and Python", README)
    assert told is not None
    for at, name in enumerate(("confluent-kafka", "opentelemetry-api"), 1):
        files = ("requirements-oldest.txt", "requirements.txt")
        texts = [(Path(__file__).parents[1] / file).read_text("utf-8") for file in files]
        pinned = [re.findall(rf"^{name}==(.*)$", text, re.MULTILINE)[0] for text in texts]
        assert told[at] == " and ".join(pinned)


class Declined(Exception):
    pass


class Running:
    """True until a record has been handled."""

    def __init__(self, handled: list[Any]) -> None:
        self.handled = handled

    def __bool__(self) -> bool:
        return not self.handled


@pytest.mark.parametrize("declined", [False, True])
def test_the_program_of_the_readme_keeps_its_trace(spans: Spans, declined: bool) -> None:
    program, topics = (
        LOOP,
        {name: new_topic(name) for name in ("orders", "shipping", "payments.dlq")},
    )
    for name, topic in topics.items():
        assert program.count(f'"{name}"') == 1
        program = program.replace(f'"{name}"', f'"{topic}"')
    out = traced(Producer(producer_config()))
    out.produce(topics["orders"], b"42")
    out.flush(PATIENCE_S)
    handled: list[Any] = []

    def charge(message: Any) -> None:
        handled.append(message)
        if declined:
            raise Declined("no funds")

    namespace: dict[str, Any] = {
        "config": consumer_config(),
        "charge": charge,
        "Declined": Declined,
        "running": Running(handled),
    }
    exec(program, namespace)
    namespace["consumer"].close()
    namespace["producer"].flush(PATIENCE_S)
    sent, process = (spans.one(f"{step} {topics['orders']}") for step in ("send", "process"))
    after = spans.one(f"send {topics['payments.dlq' if declined else 'shipping']}")
    assert parent_of(process) == id_of(sent)
    assert parent_of(after) == id_of(process)


def test_the_batch_of_the_readme_has_a_span_a_record(spans: Spans) -> None:
    class Stub:
        def poll(self) -> None: ...

        def consume(self, num_messages: int, timeout: float) -> list[Any]:
            return [record([], offset=offset) for offset in range(3)]

    seen: list[Any] = []
    exec(BATCH, {"consumer": traced(Stub()), "charge": seen.append})  # type: ignore[call-overload]
    assert len(seen) == 3
    assert len(spans.named("process orders")) == 4


def test_the_retries_of_the_readme_park_what_keeps_failing(spans: Spans) -> None:
    names = {name: new_topic(name) for name in ("orders", "payments.dlq")}
    program = RETRIES.replace('"payments.dlq"', f'"{names["payments.dlq"]}"')
    assert program != RETRIES
    send(names["orders"], [])
    handled: list[Any] = []

    def charge(message: Any) -> None:
        handled.append(message)
        raise Declined("no funds")

    class Until:
        def __bool__(self) -> bool:
            return len(handled) < 3

    with consuming(names["orders"]) as client:
        consumer = traced(client)
        namespace = {
            "consumer": consumer,
            "producer": traced(Producer(producer_config())),
            "charge": charge,
            "Declined": Declined,
            "KafkaException": KafkaException,
            "running": Until(),
        }
        exec(program.replace("delay=0.5", "delay=0"), namespace)
    attempts = spans.named(f"process {names['orders']}")
    assert len(attempts) == 3
    assert parent_of(spans.one(f"send {names['payments.dlq']}")) == id_of(attempts[2])
