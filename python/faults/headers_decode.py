"""`k.decode()` for each header, as an article prints it: confluent-kafka gives names as text, so that
the first record raises AttributeError and no order is ever charged.
"""

import shop
from confluent_kafka import Message
from opentelemetry import context, propagate

from throughline_kafka import traced


def handle(message: Message) -> None:
    headers = {k.decode(): v.decode() for k, v in (message.headers() or [])}  # type: ignore
    token = context.attach(propagate.extract(headers))
    try:
        with shop.tracer("payments").start_as_current_span("process order"):
            shop.work("payments", "charge card")
    finally:
        context.detach(token)


def lost() -> None:
    orders = shop.place_orders(2)
    for message in shop.take(shop.consumer(orders), 2):
        try:
            handle(message)
        except AttributeError as error:
            # Where a loop logs what its handler raises and goes on: with nothing in any trace.
            print(f"payments: {error}")


def whole() -> None:
    orders = shop.place_orders(2)
    consumer = traced(shop.consumer(orders), tracer_provider=shop.provider("payments"))
    for message in shop.take(consumer, 2):
        with consumer.process(message):
            shop.work("payments", "charge card")


shop.run(lost, whole)
