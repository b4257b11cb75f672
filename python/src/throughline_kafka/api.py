"""The package's functions over one default Tracing: the application's globals."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, overload

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan

from .batch import BatchProcessing
from .consumer import TracedAIOConsumer, TracedConsumer, _Processes
from .context import BAGGAGE_KEY, REMOTE_KEY, SPAN_KEY, origin_of
from .dead_letter import DeadLetter, make_dead_letter
from .dead_letter_headers import DeadLetterOrigin, read_dead_letter
from .extract import extract
from .guard import fault
from .headers import Headers
from .inject import inject_into
from .links import linked_headers
from .message import Message
from .options import Options
from .producer import TracedAIOProducer, TracedProducer
from .retry import RetryPolicy, retrying
from .scope import Processing
from .source import Tracing
from .wrap import Wrapped

if TYPE_CHECKING:
    from confluent_kafka import Consumer, Producer
    from confluent_kafka.aio import AIOConsumer, AIOProducer

M = TypeVar("M")
P = ParamSpec("P")
R = TypeVar("R")

_default: Tracing | None = None


def _tracing(consumer: object = None) -> Tracing:
    if consumer is not None:
        if not isinstance(consumer, _Processes) and not _is_traced(consumer):
            raise TypeError(
                f"consumer takes what traced() gave, got {type(consumer).__name__}: "
                "consumer = traced(consumer)"
            )
        return consumer._tracing  # type: ignore[attr-defined,no-any-return]
    global _default
    if _default is None:
        _default = Tracing(Options())
    return _default


def _is_traced(client: object) -> bool:
    # isinstance asks __class__ too, which a traced client answers as its own client's.
    return issubclass(type(client), Wrapped)


@overload
def traced(client: Consumer, **options: Any) -> TracedConsumer: ...
@overload
def traced(client: Producer, **options: Any) -> TracedProducer: ...
@overload
def traced(client: AIOConsumer, **options: Any) -> TracedAIOConsumer: ...
@overload
def traced(client: AIOProducer, **options: Any) -> TracedAIOProducer: ...
def traced(client: Any, **options: Any) -> Any:
    """The same consumer or producer, whose messages stay in their traces.

    The client is not written to; what it has stays, with the same values and errors. See `Options`
    for the options. A client that is traced already comes back as it is.

    Raises:
        TypeError: for what is neither a consumer nor a producer, and for an unknown option.
        ValueError: for a value that an option does not take.
    """
    chosen = Options(**options)
    if _is_traced(client):
        return client
    kind = type(client)
    for method, wrapped, asynchronous in (
        ("poll", TracedConsumer, TracedAIOConsumer),
        ("produce", TracedProducer, TracedAIOProducer),
    ):
        if method == "poll" and hasattr(kind, "produce"):
            continue  # producers poll for their delivery reports
        if hasattr(kind, method):
            is_async = inspect.iscoroutinefunction(getattr(kind, method))
            return (asynchronous if is_async else wrapped)(client, chosen)
    raise TypeError(f"traced() takes a Kafka consumer or producer, got {kind.__name__}")


def process_message(message: Message, *, consumer: object = None) -> Processing:
    """One message's scope, as `consumer.process(message)`. Without `consumer` its options are the
    default ones and its group is not known.
    """
    return Processing(_tracing(consumer), message)


def process_batch(messages: Iterable[Message], *, consumer: object = None) -> BatchProcessing:
    """A batch's scope, as `consumer.process_batch(messages)`."""
    return BatchProcessing(_tracing(consumer), messages)


def context_of(message: Message | Headers) -> Context:
    """The context that a message, or headers, carry: for those who start spans of their own. Base is
    the active context without its span and baggage. Never raises.
    """
    active = context_api.get_current()
    values = origin_of(active)
    try:
        headers = message if isinstance(message, (list, dict)) else message.headers()
        extracted = extract(headers, _tracing().carrying)
        values.update(extracted.behind or {})
        if extracted.baggage is not None:
            values[BAGGAGE_KEY] = extracted.baggage
        if extracted.parent is not None:
            values[REMOTE_KEY] = extracted.parent
            values[SPAN_KEY] = NonRecordingSpan(extracted.parent)
    except Exception as error:
        fault("extract", error)
    return Context(values)


@overload
def inject_context(headers: dict[str, Any], context: Context | None = None) -> dict[str, Any]: ...
@overload
def inject_context(
    headers: list[tuple[str, Any]] | None = None, context: Context | None = None
) -> list[tuple[str, Any]]: ...
def inject_context(headers: Any = None, context: Context | None = None) -> Any:
    """New headers, in the same shape, with a context (the active one) in place of what they carried.
    Those that are given are not written to.
    """
    try:
        active = context if context is not None else context_api.get_current()
        return inject_into(headers, active, _tracing().carrying)
    except Exception as error:
        fault("inject", error)
        return [] if headers is None else headers


def dead_letter(
    message: Message,
    error: BaseException,
    *,
    consumer: object = None,
    error_message: bool = True,
    attempts: int | None = None,
) -> DeadLetter:
    """What to publish in place of a message that can't be handled:
    `producer.produce("orders.dlq", **dead_letter(message, error))`.

    It stays in the record's own trace: under the failed attempt's span where that is known, else
    under the message's creation context. The span of the attempt is marked as failed, though its
    block may go on to end well. `error_message=False` leaves the error's text out; `attempts` tells
    how often handling was tried (default: the failures of this record seen in this process).
    """
    return make_dead_letter(_tracing(consumer), message, error, error_message, attempts)


@overload
def with_retries(
    handler: Callable[Concatenate[M, P], Coroutine[Any, Any, R]],
    *,
    consumer: object = None,
    **policy: Any,
) -> Callable[Concatenate[M, P], Coroutine[Any, Any, R | None]]: ...
@overload
def with_retries(
    handler: Callable[Concatenate[M, P], R], *, consumer: object = None, **policy: Any
) -> Callable[Concatenate[M, P], R | None]: ...
def with_retries(handler: Any, *, consumer: object = None, **policy: Any) -> Any:
    """A handler of one message that tries again, as `consumer.with_retries(handler, ...)`: each
    attempt in a process span of its own, all under the message's creation context. It opens the
    scope itself, and is called outside of `consumer.process(message)`. A coroutine function gives
    one, and its `dead_letter` may be one. What it gives back is the handler's, or None where the
    message was dead-lettered.

    See `RetryPolicy` for what it takes: `attempts`, `delay`, `retry_on`, `dead_letter`. What
    `dead_letter(letter, error, message)` raises is raised on, so that nothing is committed: have it
    wait for the delivery report, and raise where that tells an error.

    librdkafka sends its heartbeats by itself. What bounds attempts and delays together is the
    consumer's `max.poll.interval.ms` (5 minutes), within which the next poll() must come.

    Raises:
        TypeError, ValueError: for a policy that is not to be understood, and for a coroutine that
            nobody would await: of a handler that is no coroutine function, or of its `dead_letter`.
    """
    return retrying(_tracing(consumer), handler, RetryPolicy(**policy))


def links(headers: Headers | None, messages: Iterable[Message]) -> list[tuple[str, Any]]:
    """Headers, as a list, of a message that is made from several consumed ones: the span that sends
    it links to each of theirs, 128 at most, once for a message that is given twice. Headers that
    are given are not written to.

    >>> producer.produce("totals", total, headers=links(None, orders))      # doctest: +SKIP
    """
    return linked_headers(headers, messages, _tracing().carrying)


def dead_letter_of(message: Message | Headers) -> DeadLetterOrigin | None:
    """What a consumed dead letter tells of its origin, whoever wrote it; None for what is none."""
    try:
        return read_dead_letter(message if isinstance(message, (list, dict)) else message.headers())
    except Exception as error:
        fault("extract", error)
        return None
