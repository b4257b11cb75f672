"""A message's trace survives Kafka: OpenTelemetry context for confluent-kafka, record by record.

>>> consumer = traced(Consumer(config), group_id="payments")    # doctest: +SKIP
>>> with consumer.process(consumer.poll(1.0)):                  # doctest: +SKIP
...     charge()                                                # in the producer's trace
"""

from .api import (
    context_of,
    dead_letter,
    dead_letter_of,
    inject_context,
    links,
    process_batch,
    process_message,
    traced,
    with_retries,
)
from .consumer import TracedAIOConsumer, TracedConsumer
from .dead_letter import DeadLetter
from .dead_letter_headers import DeadLetterOrigin
from .handoff import ContextExecutor, in_context
from .options import Options, Relation
from .producer import TracedAIOProducer, TracedProducer
from .retry import RetryPolicy
from .version import VERSION as __version__

__all__ = [
    "ContextExecutor",
    "DeadLetter",
    "DeadLetterOrigin",
    "Options",
    "Relation",
    "RetryPolicy",
    "TracedAIOConsumer",
    "TracedAIOProducer",
    "TracedConsumer",
    "TracedProducer",
    "__version__",
    "context_of",
    "dead_letter",
    "dead_letter_of",
    "in_context",
    "inject_context",
    "links",
    "process_batch",
    "process_message",
    "traced",
    "with_retries",
]
