"""An order that can't be charged is published to the dead letters by key and value. Its headers are
gone, so that whoever reads it starts a trace that knows nothing of the order.
"""

from typing import Any

import shop
from opentelemetry import context, propagate
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind

from throughline_kafka import dead_letter, traced


class Declined(Exception):
    pass


def charge() -> None:
    shop.work("payments", "charge card")
    raise Declined("no funds")


def extracted(headers: Any) -> Context:
    return propagate.extract({k: v.decode() for k, v in headers or []})


def lost() -> None:
    orders, parked = shop.place_orders(1), shop.topic("orders.dlq")
    producer = shop.producer()
    for message in shop.take(shop.consumer(orders), 1):
        token = context.attach(extracted(message.headers()))
        try:
            with shop.tracer("payments").start_as_current_span(
                "process orders", kind=SpanKind.CONSUMER
            ):
                charge()
        except Declined:
            producer.produce(parked, message.value(), message.key())
        finally:
            context.detach(token)
    producer.flush()
    for message in shop.take(shop.consumer(parked), 1):
        token = context.attach(extracted(message.headers()))
        try:
            shop.work("support", "call customer")
        finally:
            context.detach(token)


def whole() -> None:
    orders, parked = shop.place_orders(1), shop.topic("orders.dlq")
    payments, support = shop.provider("payments"), shop.provider("support")
    producer = traced(shop.producer(), tracer_provider=payments)
    consumer = traced(shop.consumer(orders), tracer_provider=payments)
    for message in shop.take(consumer, 1):
        try:
            with consumer.process(message):
                charge()
        except Declined as error:
            producer.produce(parked, **dead_letter(message, error))
    producer.flush()
    consumer = traced(shop.consumer(parked), tracer_provider=support)
    for message in shop.take(consumer, 1):
        with consumer.process(message):
            shop.work("support", "call customer")


shop.run(lost, whole)
