"""A handler that raises skips its `detach`: the context stays attached, and whatever the loop does
next is in the trace of an order that it has nothing to do with.
"""

from typing import Any

import shop
from opentelemetry import context, propagate

from throughline_kafka import traced


class Declined(Exception):
    pass


def charge() -> None:
    shop.work("payments", "charge card")
    raise Declined("no funds")


def lost() -> None:
    orders = shop.place_orders(1)
    for message in shop.take(shop.consumer(orders), 1):
        headers: Any = message.headers()
        try:
            token = context.attach(propagate.extract({k: v.decode() for k, v in headers}))
            charge()
            context.detach(token)
        except Declined as error:
            print(f"payments: {error}")
        shop.work("payments", "refresh rates")


def whole() -> None:
    orders = shop.place_orders(1)
    consumer = traced(shop.consumer(orders), tracer_provider=shop.provider("payments"))
    for message in shop.take(consumer, 1):
        try:
            with consumer.process(message):
                charge()
        except Declined as error:
            print(f"payments: {error}")
        shop.work("payments", "refresh rates")


shop.run(lost, whole)
