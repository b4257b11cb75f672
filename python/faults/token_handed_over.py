"""The token of an `attach` is handed to a thread pool, to be detached there: it brings no context
along, can't be detached in another thread, and the one that polls keeps the order's trace.
"""

from concurrent.futures import ThreadPoolExecutor
from contextvars import Token
from typing import Any

import shop
from opentelemetry import context, propagate
from opentelemetry.context import Context

from throughline_kafka import traced


def charge(token: Token[Context]) -> None:
    try:
        shop.work("payments", "charge card")
    finally:
        context.detach(token)


def lost() -> None:
    orders = shop.place_orders(1)
    with ThreadPoolExecutor(1) as pool:
        for message in shop.take(shop.consumer(orders), 1):
            headers: Any = message.headers()
            token = context.attach(propagate.extract({k: v.decode() for k, v in headers}))
            pool.submit(charge, token).result()
            shop.work("payments", "refresh rates")


def whole() -> None:
    orders = shop.place_orders(1)
    consumer = traced(shop.consumer(orders), tracer_provider=shop.provider("payments"))

    def handle(message: Any) -> None:
        with consumer.process(message):
            shop.work("payments", "charge card")

    with ThreadPoolExecutor(1) as pool:
        for message in shop.take(consumer, 1):
            pool.submit(handle, message).result()
            shop.work("payments", "refresh rates")


shop.run(lost, whole)
