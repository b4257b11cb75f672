"""A header without a value is None: `v.decode()` raises for a record that somebody else has put one
on, and its trace with it.
"""

import shop
from confluent_kafka import Message
from opentelemetry import context, propagate

from throughline_kafka import traced


def handle(message: Message) -> None:
    headers = {k: v.decode() for k, v in (message.headers() or [])}  # type: ignore
    token = context.attach(propagate.extract(headers))
    try:
        with shop.tracer("payments").start_as_current_span("process order"):
            shop.work("payments", "charge card")
    finally:
        context.detach(token)


def lost() -> None:
    orders = shop.place_orders(1, ("retry", None))
    for message in shop.take(shop.consumer(orders), 1):
        try:
            handle(message)
        except AttributeError as error:
            print(f"payments: {error}")


def whole() -> None:
    orders = shop.place_orders(1, ("retry", None))
    consumer = traced(shop.consumer(orders), tracer_provider=shop.provider("payments"))
    for message in shop.take(consumer, 1):
        with consumer.process(message):
            shop.work("payments", "charge card")


shop.run(lost, whole)
