"""consume() gives several records, and the first one's context is activated for all of them: the
other orders are charged in a trace that is not theirs.
"""

from typing import Any

import shop
from opentelemetry import context, propagate

from throughline_kafka import traced


def lost() -> None:
    orders = shop.place_orders(3)
    messages = list(shop.take(shop.consumer(orders), 3))
    headers: Any = messages[0].headers()
    token = context.attach(propagate.extract({k: v.decode() for k, v in headers}))
    try:
        for message in messages:
            shop.work("payments", f"charge {_name(message)}")
    finally:
        context.detach(token)


def whole() -> None:
    orders = shop.place_orders(3)
    consumer = traced(shop.consumer(orders), tracer_provider=shop.provider("payments"))
    messages = list(shop.take(consumer, 3))
    with consumer.process_batch(messages):
        for message in messages:
            with consumer.process(message):
                shop.work("payments", f"charge {_name(message)}")


def _name(message: Any) -> str:
    return str(message.key().decode())


shop.run(lost, whole)
