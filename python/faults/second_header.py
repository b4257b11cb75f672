"""A service that forwards records adds its traceparent to the headers it got. A reader that takes the
first of two, as Python's getters do, hangs the next service under the sender before this one.
"""

from typing import Any

import shop
from confluent_kafka import Message
from opentelemetry import context, propagate
from opentelemetry.context import Context
from opentelemetry.instrumentation.confluent_kafka.utils import KafkaContextGetter
from opentelemetry.trace import SpanKind

from throughline_kafka import traced


def extracted(message: Message) -> Context:
    return propagate.extract(message.headers(), getter=KafkaContextGetter())  # the stock getter


def lost() -> None:
    orders, shipments = shop.place_orders(1), shop.topic("shipments")
    producer = shop.producer()
    for message in shop.take(shop.consumer(orders), 1):
        token = context.attach(extracted(message))
        try:
            with shop.tracer("payments").start_as_current_span("forward", kind=SpanKind.PRODUCER):
                carrier: dict[str, str] = {}
                propagate.inject(carrier)
                headers: list[Any] = [*(message.headers() or []), *carrier.items()]
                producer.produce(shipments, message.value(), headers=headers)
        finally:
            context.detach(token)
    producer.flush()
    for message in shop.take(shop.consumer(shipments), 1):
        token = context.attach(extracted(message))
        try:
            shop.work("shipping", "print label")
        finally:
            context.detach(token)


def whole() -> None:
    orders, shipments = shop.place_orders(1), shop.topic("shipments")
    payments, shipping = shop.provider("payments"), shop.provider("shipping")
    producer = traced(shop.producer(), tracer_provider=payments)
    consumer = traced(shop.consumer(orders), tracer_provider=payments)
    for message in shop.take(consumer, 1):
        with consumer.process(message):
            producer.produce(shipments, message.value(), headers=message.headers())
    producer.flush()
    consumer = traced(shop.consumer(shipments), tracer_provider=shipping)
    for message in shop.take(consumer, 1):
        with consumer.process(message):
            shop.work("shipping", "print label")


shop.run(lost, whole)
