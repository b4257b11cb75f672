"""Packs paid orders batch by batch, each in its own trace. What is sold out is a dead letter."""

import json
import os
import random
import signal
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException, Message, Producer
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from throughline_kafka import traced

BROKERS = os.environ["KAFKA_BROKERS"]
PREFIX = os.environ.get("NAME_PREFIX", "")
PAID = f"{PREFIX}orders.paid"
DEAD_LETTERS = f"{PREFIX}orders.dlq"

SOLD_OUT_ITEM = "umbrella"
MOST_IN_A_BATCH = 500
MOST_WAIT_S = 0.1
MOST_PACKING_S = 0.001

# The service's own SDK; OTEL_SERVICE_NAME, OTEL_EXPORTER_OTLP_ENDPOINT and others say the rest.
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("shipping")

stopping = threading.Event()


class SoldOut(Exception):
    """There is none left of what was ordered."""


def pack(message: Message) -> None:
    """Packs one order, in the context of its own trace."""
    item = json.loads(message.value() or b"{}")["item"]
    with tracer.start_as_current_span("pack parcel", record_exception=False) as span:
        span.set_attribute("parcel.item", item)
        time.sleep(random.uniform(0, MOST_PACKING_S))
        if item == SOLD_OUT_ITEM:
            raise SoldOut(f"no {item} left")


def end_with_parent() -> None:
    """Whoever started this holds its standard input; when that closes, it is gone."""
    sys.stdin.buffer.read()
    stopping.set()


def main() -> None:
    """Consumes until it is asked to stop."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    threading.Thread(target=end_with_parent, daemon=True).start()

    consumer = traced(
        Consumer(
            {
                "bootstrap.servers": BROKERS,
                "group.id": f"{PREFIX}shipping",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        ),
        group_id=f"{PREFIX}shipping",
    )
    producer = traced(Producer({"bootstrap.servers": BROKERS}))
    consumer.subscribe([PAID], on_assign=lambda *_: print("ready", flush=True))
    while not stopping.is_set():
        batch = consumer.consume(num_messages=MOST_IN_A_BATCH, timeout=MOST_WAIT_S)
        if not batch:
            continue
        with consumer.process_batch(batch):
            for message in batch:
                if (problem := message.error()) is not None:
                    raise KafkaException(problem)
                try:
                    with consumer.process(message):
                        pack(message)
                except SoldOut as error:
                    letter = consumer.dead_letter(message, error)
                    producer.produce(DEAD_LETTERS, **letter)
        producer.flush()
        consumer.commit(asynchronous=False)
    producer.flush()
    consumer.close()
    provider.shutdown()


if __name__ == "__main__":
    main()
