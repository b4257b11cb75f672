"""A handler submits its work to a ThreadPoolExecutor: the worker's context is empty, and the work is
the root of a second trace.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import shop
from opentelemetry import context, propagate

from throughline_kafka import ContextExecutor, traced


def lost() -> None:
    orders = shop.place_orders(1)
    with ThreadPoolExecutor(1) as pool:
        for message in shop.take(shop.consumer(orders), 1):
            headers: Any = message.headers()
            token = context.attach(propagate.extract({k: v.decode() for k, v in headers}))
            try:
                with shop.tracer("payments").start_as_current_span("process order"):
                    pool.submit(shop.work, "payments", "charge card").result()
            finally:
                context.detach(token)


def whole() -> None:
    orders = shop.place_orders(1)
    consumer = traced(shop.consumer(orders), tracer_provider=shop.provider("payments"))
    with ContextExecutor(ThreadPoolExecutor(1)) as pool:
        for message in shop.take(consumer, 1):
            with consumer.process(message):
                pool.submit(shop.work, "payments", "charge card").result()


shop.run(lost, whole)
