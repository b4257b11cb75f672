"""What is measured: the same records through an empty loop, through ours and through theirs."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Message
from opentelemetry import context, propagate
from opentelemetry.instrumentation.confluent_kafka import ConfluentKafkaInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace import SpanKind

from throughline_kafka import traced

SAMPLED, UNSAMPLED = TracerProvider(ALWAYS_ON), TracerProvider(ALWAYS_OFF)
METERS = MeterProvider([InMemoryMetricReader()])
RECORDS: list[Message] = [
    Message(
        topic="orders",
        partition=0,
        offset=number,
        key=b"order-%d" % number,
        value=b"x" * 200,
        headers=[
            ("content-type", b"application/json"),
            ("traceparent", b"00-%032x-%016x-01" % (number + 1, number + 1)),
            ("tenant", b"acme"),
        ],
    )
    for number in range(1000)
]
HEADERS: list[tuple[str, Any]] = [("content-type", b"application/json"), ("tenant", b"acme")]


@dataclass
class Variant:
    name: str
    #: Handles, or sends, so many records.
    run: Callable[[int], None]


class StubConsumer:
    """A client whose poll() has the next record at once."""

    def __init__(self) -> None:
        self._next = itertools.cycle(RECORDS)

    def poll(self, timeout: float = -1) -> Any:
        return next(self._next)

    def consume(self, num_messages: int = 1, timeout: float = -1) -> list[Any]:
        return [next(self._next) for _ in range(num_messages)]

    def close(self) -> None:
        pass


class StubProducer:
    def produce(self, topic: str, value: Any = None, key: Any = None, headers: Any = None) -> None:
        pass


def handle(_message: Any) -> None:
    pass


def empty(records: int) -> None:
    consumer = StubConsumer()
    for _ in range(records):
        handle(consumer.poll(1.0))


def ours(**options: Any) -> Callable[[int], None]:
    consumer: Any = traced(StubConsumer(), **options)  # type: ignore[call-overload]

    def run(records: int) -> None:
        for _ in range(records):
            message = consumer.poll(1.0)
            with consumer.process(message):
                handle(message)

    return run


def ours_in_batches(records: int) -> None:
    consumer: Any = traced(StubConsumer(), tracer_provider=SAMPLED)  # type: ignore[call-overload]
    for _ in range(records // 100 or 1):
        messages = consumer.consume(min(100, records))
        with consumer.process_batch(messages):
            for message in messages:
                with consumer.process(message):
                    handle(message)


def theirs(provider: TracerProvider) -> Callable[[int], None]:
    consumer: Any = ConfluentKafkaInstrumentor.instrument_consumer(StubConsumer(), provider)  # type: ignore[arg-type]

    def run(records: int) -> None:
        for _ in range(records):
            handle(consumer.poll(1.0))
        consumer.close()  # ends the last span, and detaches

    return run


def bare_span(records: int) -> None:
    consumer, tracer = StubConsumer(), SAMPLED.get_tracer("bench")
    attributes = {
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.system": "kafka",
        "messaging.destination.name": "orders",
        "messaging.destination.partition.id": "0",
    }
    for _ in range(records):
        message = consumer.poll(1.0)
        span = tracer.start_span("process orders", None, SpanKind.CONSUMER, attributes)
        span.set_attributes(
            {
                "messaging.kafka.offset": message.offset(),
                "messaging.kafka.message.key": message.key().decode(),
            }
        )
        handle(message)
        span.end()


def articles(records: int) -> None:
    """The article's handler, with its headers decoded as they are."""
    consumer, tracer = StubConsumer(), SAMPLED.get_tracer("bench")
    for _ in range(records):
        message = consumer.poll(1.0)
        carrier = {name: value.decode() for name, value in message.headers() or []}
        token = context.attach(propagate.extract(carrier))
        try:
            with tracer.start_as_current_span("process_order") as span:
                span.set_attribute("messaging.kafka.partition", message.partition())
                span.set_attribute("messaging.kafka.offset", message.offset())
                handle(message)
        finally:
            context.detach(token)


def sending(producer: Any) -> Callable[[int], None]:
    def run(records: int) -> None:
        for _ in range(records):
            producer.produce("orders", value=b"x", key=b"order", headers=[*HEADERS])

    return run


def ours_sending(**options: Any) -> Callable[[int], None]:
    return sending(traced(StubProducer(), **options))  # type: ignore[call-overload]


def theirs_sending(provider: TracerProvider) -> Callable[[int], None]:
    stub: Any = StubProducer()
    return sending(ConfluentKafkaInstrumentor.instrument_producer(stub, provider))


CONSUME = [
    Variant("empty", empty),
    Variant("theirs, sampled", theirs(SAMPLED)),
    Variant("theirs, not sampled", theirs(UNSAMPLED)),
    Variant("ours, sampled", ours(tracer_provider=SAMPLED)),
    Variant("ours, sampled, with meters", ours(tracer_provider=SAMPLED, meter_provider=METERS)),
    Variant("ours, batches of 100, sampled", ours_in_batches),
    Variant("ours, not sampled", ours(tracer_provider=UNSAMPLED)),
    Variant("ours, propagation alone", ours(spans=False)),
    Variant("a bare span, sampled", bare_span),
    Variant("the article's handler, mended", articles),
]
PRODUCE = [
    Variant("empty", sending(StubProducer())),
    Variant("theirs, sampled", theirs_sending(SAMPLED)),
    Variant("theirs, not sampled", theirs_sending(UNSAMPLED)),
    Variant("ours, sampled", ours_sending(tracer_provider=SAMPLED)),
    Variant("ours, not sampled", ours_sending(tracer_provider=UNSAMPLED)),
    Variant("ours, propagation alone", ours_sending(spans=False)),
]
