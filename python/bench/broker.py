"""The same beside a real Kafka: its own records polled, and messages sent to it, by a bare client, by
OpenTelemetry's instrumentation and by ours, interleaved round by round in one run.

CPU of the thread that polls or sends: what librdkafka's own threads take is the same for all.
"""

from __future__ import annotations

import random
import statistics
import uuid
from collections.abc import Callable
from time import perf_counter_ns, thread_time_ns
from typing import Any

from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from intervals import interval
from opentelemetry.instrumentation.confluent_kafka import ConfluentKafkaInstrumentor
from variants import HEADERS, SAMPLED, handle

from throughline_kafka import traced

PATIENCE_S = 60
BARE, THEIRS, OURS = "bare", "theirs, sampled", "ours, sampled"
#: One round of a variant: CPU of the calling thread and elapsed time, in nanoseconds.
Round = Callable[[int], tuple[int, int]]


def report_on_broker(brokers: str, short: bool) -> None:
    rounds, records = (2, 100) if short else (40, 1000)
    topic = _new_topic(brokers)
    _print(
        "poll from a real Kafka", _interleaved(_polling(brokers, topic, records), rounds, records)
    )
    sending = _sending(brokers, _new_topic(brokers))
    _print("produce to a real Kafka", _interleaved(sending, rounds, records))


def _new_topic(brokers: str) -> str:
    topic = f"bench-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": brokers})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(PATIENCE_S)
    return topic


def _polling(brokers: str, topic: str, records: int) -> dict[str, Round]:
    producer = traced(Producer({"bootstrap.servers": brokers}), tracer_provider=SAMPLED)
    for number in range(records):
        producer.produce(topic, b"x" * 200, key=b"order-%d" % number, headers=[*HEADERS])
    assert producer.flush(PATIENCE_S) == 0

    def polling(wrap: Callable[[Any], Any], process: bool) -> Round:
        client = Consumer(
            {"bootstrap.servers": brokers, "group.id": topic, "enable.auto.commit": False}
        )
        consumer = wrap(client)

        def run(count: int) -> tuple[int, int]:
            client.assign([TopicPartition(topic, 0, 0)])
            first = consumer.poll(PATIENCE_S)  # waits for the fetch, and is not measured
            assert first is not None and first.error() is None
            cpu, began = thread_time_ns(), perf_counter_ns()
            for _ in range(count - 1):
                message = consumer.poll(PATIENCE_S)
                if process:
                    with consumer.process(message):
                        handle(message)
                else:
                    handle(message)
            took = thread_time_ns() - cpu, perf_counter_ns() - began
            client.unassign()
            return took

        return run

    return {
        BARE: polling(lambda client: client, False),
        THEIRS: polling(
            lambda client: ConfluentKafkaInstrumentor.instrument_consumer(client, SAMPLED), False
        ),
        OURS: polling(lambda client: traced(client, tracer_provider=SAMPLED), True),
    }


def _sending(brokers: str, topic: str) -> dict[str, Round]:
    def sending(wrap: Callable[[Any], Any]) -> Round:
        client = Producer({"bootstrap.servers": brokers})
        producer = wrap(client)

        def run(count: int) -> tuple[int, int]:
            cpu, began = thread_time_ns(), perf_counter_ns()
            for _ in range(count):
                producer.produce(topic, value=b"x" * 200, key=b"order", headers=[*HEADERS])
            took = thread_time_ns() - cpu
            assert client.flush(PATIENCE_S) == 0
            return took, perf_counter_ns() - began

        return run

    return {
        BARE: sending(lambda client: client),
        THEIRS: sending(
            lambda client: ConfluentKafkaInstrumentor.instrument_producer(client, SAMPLED)
        ),
        OURS: sending(lambda client: traced(client, tracer_provider=SAMPLED)),
    }


def _interleaved(
    variants: dict[str, Round], rounds: int, records: int
) -> dict[str, list[tuple[float, float]]]:
    """Microseconds a record of each variant, CPU and elapsed, a pair a round."""
    figures: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
    for run in variants.values():
        run(records)  # warm
    for _ in range(rounds):
        for name, run in random.sample(list(variants.items()), len(variants)):
            cpu, elapsed = run(records)
            figures[name].append((cpu / 1000 / records, elapsed / 1000 / records))
    return figures


def _print(title: str, figures: dict[str, list[tuple[float, float]]]) -> None:
    print(f"\n{title}: us a record, CPU of the calling thread, and elapsed")
    for name, pairs in figures.items():
        cpu = statistics.median(cpu for cpu, _ in pairs)
        elapsed = statistics.median(elapsed for _, elapsed in pairs)
        print(f"  {name:<34} {cpu:6.1f} {elapsed:8.1f}")
    bare = figures[BARE]

    def added(name: str) -> list[float]:
        return [cpu - least for (cpu, _), (least, _) in zip(figures[name], bare, strict=True)]

    middle, low, high = interval(added(OURS), added(THEIRS))
    print(f"  CPU above bare, ours of theirs: {middle:.2f} ({low:.2f} to {high:.2f})")
    whole = {name: [cpu for cpu, _ in pairs] for name, pairs in figures.items()}
    middle, low, high = interval(whole[OURS], whole[THEIRS])
    print(f"  CPU in all, ours of theirs: {middle:.2f} ({low:.2f} to {high:.2f})")
