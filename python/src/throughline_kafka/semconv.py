"""Names of OpenTelemetry's messaging conventions v1.44.0 (Development): the one file to change."""

from __future__ import annotations

SYSTEM = "messaging.system"
OPERATION_NAME = "messaging.operation.name"
OPERATION_TYPE = "messaging.operation.type"
DESTINATION = "messaging.destination.name"
DESTINATION_TEMPLATE = "messaging.destination.template"
PARTITION = "messaging.destination.partition.id"
GROUP = "messaging.consumer.group.name"
CLIENT_ID = "messaging.client.id"
BATCH_COUNT = "messaging.batch.message_count"
SERVER_ADDRESS = "server.address"
SERVER_PORT = "server.port"
ERROR_TYPE = "error.type"
KAFKA_OFFSET = "messaging.kafka.offset"
KAFKA_KEY = "messaging.kafka.message.key"
KAFKA_TOMBSTONE = "messaging.kafka.message.tombstone"

# Our own.
LINKS_DROPPED = "throughline.links.dropped"
DUPLICATES = "throughline.context.duplicates"

PROCESS_DURATION = "messaging.process.duration"
OPERATION_DURATION = "messaging.client.operation.duration"
CONSUMED_MESSAGES = "messaging.client.consumed.messages"
SENT_MESSAGES = "messaging.client.sent.messages"
CONTEXT_OUTCOMES = "throughline.context"
FAULTS = "throughline.faults"

# Seconds; the boundaries that the convention gives.
DURATION_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


def error_type(error: object) -> str:
    """`error.type` of whatever was raised: Kafka's own name of its error, else the class's."""
    try:
        inner = error.args[0] if isinstance(error, Exception) and error.args else error
        name = getattr(inner, "name", None)
        if callable(name) and type(inner).__name__ == "KafkaError":
            return str(name())
        return type(error).__qualname__[:128]
    except Exception:
        return "_OTHER"
