"""The span is started without a kind: the trace is whole, but nothing in it tells that a message was
received, and a service map has no edge there.
"""

from typing import Any

import shop
from opentelemetry import context, propagate

from throughline_kafka import traced


def lost() -> None:
    orders = shop.place_orders(1)
    for message in shop.take(shop.consumer(orders), 1):
        headers: Any = message.headers()
        token = context.attach(propagate.extract({k: v.decode() for k, v in headers}))
        try:
            with shop.tracer("payments").start_as_current_span("process orders"):
                shop.work("payments", "charge card")
        finally:
            context.detach(token)


def whole() -> None:
    orders = shop.place_orders(1)
    consumer = traced(shop.consumer(orders), tracer_provider=shop.provider("payments"))
    for message in shop.take(consumer, 1):
        with consumer.process(message):
            shop.work("payments", "charge card")


shop.run(lost, whole)
