"""A handler starts a thread of its own: it begins with an empty context, and so a second trace."""

from threading import Thread
from typing import Any

import shop
from opentelemetry import context, propagate

from throughline_kafka import in_context, traced


def lost() -> None:
    orders = shop.place_orders(1)
    for message in shop.take(shop.consumer(orders), 1):
        headers: Any = message.headers()
        token = context.attach(propagate.extract({k: v.decode() for k, v in headers}))
        try:
            with shop.tracer("payments").start_as_current_span("process order"):
                thread = Thread(target=shop.work, args=("payments", "charge card"))
                thread.start()
        finally:
            context.detach(token)
        thread.join()


def whole() -> None:
    orders = shop.place_orders(1)
    consumer = traced(shop.consumer(orders), tracer_provider=shop.provider("payments"))
    for message in shop.take(consumer, 1):
        with consumer.process(message):
            thread = Thread(target=in_context(shop.work), args=("payments", "charge card"))
            thread.start()
        thread.join()


shop.run(lost, whole)
