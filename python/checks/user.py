"""What a user writes, under strict types."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from throughline_kafka import (
    ContextExecutor,
    DeadLetter,
    context_of,
    dead_letter_of,
    in_context,
    inject_context,
    links,
    process_message,
    traced,
    with_retries,
)


class Declined(Exception):
    pass


def charge(message: Message) -> int:
    return message.offset() or 0


async def charge_soon(message: Message) -> int:
    return charge(message)


def main(brokers: str) -> None:
    consumer = traced(Consumer({"bootstrap.servers": brokers, "group.id": "g"}), group_id="g")
    producer = traced(Producer({"bootstrap.servers": brokers}), delivery="report")
    consumer.subscribe(["orders"])

    def park(letter: DeadLetter, error: Exception, message: Any) -> None:
        reports: list[KafkaError | None] = []

        def report(error: KafkaError | None, _message: Message) -> None:
            reports.append(error)

        producer.produce("payments.dlq", **letter, on_delivery=report)
        if producer.flush(10) > 0 or any(reports):
            raise KafkaException(*reports)

    handle = consumer.with_retries(charge, attempts=3, retry_on=Declined, dead_letter=park)
    soon = with_retries(charge_soon, consumer=consumer)
    message = consumer.poll(1.0)
    if message is not None and message.error() is None:
        charged: int | None = handle(message)
        print(charged, soon(message))
        with consumer.process(message) as span:
            span.set_attribute("charged", 1)
            producer.produce("totals", b"1", headers=links(None, [message]))
        with process_message(message, consumer=consumer):
            in_context(charge)(message)
        origin = dead_letter_of(message)
        print(origin.destination if origin else None, context_of(message))
        print(inject_context({"x": "1"})["x"], inject_context([("x", b"1")])[0])
    pool = ContextExecutor(ThreadPoolExecutor(2))
    if message is not None:
        print(pool.submit(charge, message).result() + 1)
    messages = consumer.consume(10, 1.0)
    with consumer.process_batch(messages):
        for each in messages:
            with consumer.process(each):
                charge(each)
    consumer.commit(message, asynchronous=False)
    consumer.close()
