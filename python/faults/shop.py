"""The shop that each fault happens in: checkout places orders, correctly; who consumes them is up to
the program. Spans go to OTEL_EXPORTER_OTLP_ENDPOINT; where that is unset, the traces are printed.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from confluent_kafka import Consumer, Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from opentelemetry import propagate
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Tracer
from trees import Trees

_PATIENCE_S = 30
_RUN = uuid.uuid4().hex[:6]
_trees = Trees()
_providers: list[TracerProvider] = []


def brokers() -> str:
    named = os.environ.get("KAFKA_BROKERS")
    if not named:
        raise SystemExit(
            "KAFKA_BROKERS=host:port names the Kafka to use; one starts with\n"
            "  npm run services -- kafka"
        )
    return named


@cache
def topic(name: str) -> str:
    """A topic of this run."""
    made = f"{name}-{_RUN}"
    admin = AdminClient({"bootstrap.servers": brokers()})
    admin.create_topics([NewTopic(made, 1, 1)])[made].result(_PATIENCE_S)
    return made


@cache
def provider(service: str) -> TracerProvider:
    """The SDK of one service."""
    made = TracerProvider(resource=Resource.create({"service.name": service}))
    if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"):
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        made.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    else:
        made.add_span_processor(_trees)
    _providers.append(made)
    return made


def tracer(service: str) -> Tracer:
    return provider(service).get_tracer(service)


def producer() -> Producer:
    return Producer({"bootstrap.servers": brokers(), "linger.ms": 0})


def consumer(of: str, group: str = "payments") -> Consumer:
    made = Consumer(
        {
            "bootstrap.servers": brokers(),
            "group.id": f"{group}-{_RUN}",
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    made.subscribe([of])
    return made


def take(of: Any, count: int) -> Iterator[Message]:
    """The next records of a consumer, which is closed after them."""
    for _ in range(count):
        message = of.poll(_PATIENCE_S)
        assert message is not None, "no record came"
        assert message.error() is None, message.error()
        yield message
    of.close()


def place_orders(count: int, *more: tuple[str, Any]) -> str:
    """Orders by checkout, each in a trace of its own, with a correct header and `more` of others."""
    orders = topic("orders")
    out = producer()
    for number in range(count):
        with tracer("checkout").start_as_current_span(f"place order {number + 1}"):
            carrier: dict[str, str] = {}
            propagate.inject(carrier)
            headers: list[tuple[str, Any]] = [*carrier.items(), *more]
            out.produce(orders, b"42", key=f"order-{number + 1}", headers=headers)
    out.flush(_PATIENCE_S)
    return orders


def work(service: str, name: str) -> None:
    """What a handler does: a span of its own, wherever the active context puts it."""
    with tracer(service).start_as_current_span(name):
        pass


def run(lost: Callable[[], None], whole: Callable[[], None]) -> None:
    """Runs one of the two, as the command line says, and tells the traces."""
    chosen = {"--lost": lost, "--whole": whole}.get(sys.argv[1] if len(sys.argv) == 2 else "")
    if chosen is None:
        raise SystemExit(f"usage: {os.path.basename(sys.argv[0])} --lost | --whole")
    chosen()
    for each in _providers:
        each.shutdown()
    print(_trees.text(_RUN), end="")
