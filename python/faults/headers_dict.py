"""Headers put into a dict: of two traceparents of two traces the last is kept, and the other order
is handled in a trace that is not its own. Here a service has joined two orders into one shipment.
"""

from typing import Any

import shop
from opentelemetry import context, propagate

from throughline_kafka import traced


def join_orders() -> str:
    """One shipment of two orders, which carries the headers of both."""
    orders, shipments = shop.place_orders(2), shop.topic("shipments")
    headers: list[Any] = []
    for message in shop.take(shop.consumer(orders), 2):
        headers += message.headers() or []
    producer = shop.producer()
    producer.produce(shipments, b"parcel", headers=headers)
    producer.flush()
    return shipments


def lost() -> None:
    shipments = join_orders()
    for message in shop.take(shop.consumer(shipments), 1):
        headers: Any = message.headers()
        carrier = {name: value.decode() for name, value in dict(headers).items()}
        token = context.attach(propagate.extract(carrier))
        try:
            with shop.tracer("shipping").start_as_current_span("process shipment"):
                shop.work("shipping", "print label")
        finally:
            context.detach(token)


def whole() -> None:
    shipments = join_orders()
    consumer = traced(shop.consumer(shipments), tracer_provider=shop.provider("shipping"))
    for message in shop.take(consumer, 1):
        with consumer.process(message):
            shop.work("shipping", "print label")


shop.run(lost, whole)
