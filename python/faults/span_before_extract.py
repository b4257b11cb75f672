"""The span is started first and the context extracted inside it: its parent was decided when it
started, so that it is the root of a second trace.
"""

from typing import Any

import shop
from opentelemetry import context, propagate
from opentelemetry.trace import SpanKind

from throughline_kafka import traced


def lost() -> None:
    orders = shop.place_orders(1)
    tracer = shop.tracer("payments")
    for message in shop.take(shop.consumer(orders), 1):
        headers: Any = message.headers()
        with tracer.start_as_current_span("process orders", kind=SpanKind.CONSUMER):
            token = context.attach(propagate.extract({k: v.decode() for k, v in headers}))
            try:
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
