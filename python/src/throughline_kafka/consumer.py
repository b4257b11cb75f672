"""Consumers, confluent_kafka.Consumer and confluent_kafka.aio.AIOConsumer."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, overload

from .batch import BatchProcessing
from .dead_letter import DeadLetter, make_dead_letter
from .guard import fault, warn_once
from .message import Message
from .options import Options
from .retry import RetryPolicy, retrying
from .scope import Processing
from .settle import Settling
from .wrap import Wrapped, is_instrumented

if TYPE_CHECKING:
    from confluent_kafka import Consumer
    from confluent_kafka.aio import AIOConsumer
else:
    Consumer = AIOConsumer = object

M = TypeVar("M")
P = ParamSpec("P")
R = TypeVar("R")


class _Processes(Wrapped):
    """What a traced consumer adds to its client's methods."""

    def __init__(self, client: Any, options: Options) -> None:
        super().__init__(client, options)
        if is_instrumented(client):
            warn_once(
                "instrumented consumer",
                "this consumer is instrumented by OpenTelemetry's confluent-kafka instrumentation "
                "as well: each record gets its span, in no one's trace, beside ours. Use one.",
            )

    def process(self, message: Message) -> Processing:
        """One message's scope: `with consumer.process(message) as span:`.

        The context in its headers is active in the block, in a CONSUMER span of its own, which ends
        with the block and tells its error. The message that is being handled gets no second span.
        """
        return Processing(self._tracing, message)

    def process_batch(self, messages: Iterable[Message]) -> BatchProcessing:
        """A batch as a whole: a root span linked to each message. Each message that is processed in
        the block has its own span in its own trace.
        """
        return BatchProcessing(self._tracing, messages)

    def dead_letter(
        self,
        message: Message,
        error: BaseException,
        *,
        error_message: bool = True,
        attempts: int | None = None,
    ) -> DeadLetter:
        """See `dead_letter` of this package; the consumer's group is known here."""
        return make_dead_letter(self._tracing, message, error, error_message, attempts)

    @overload
    def with_retries(
        self, handler: Callable[Concatenate[M, P], Coroutine[Any, Any, R]], **policy: Any
    ) -> Callable[Concatenate[M, P], Coroutine[Any, Any, R | None]]: ...
    @overload
    def with_retries(
        self, handler: Callable[Concatenate[M, P], R], **policy: Any
    ) -> Callable[Concatenate[M, P], R | None]: ...
    def with_retries(self, handler: Any, **policy: Any) -> Any:
        """See `with_retries` of this package; the consumer's options and group hold here."""
        return retrying(self._tracing, handler, RetryPolicy(**policy))

    def _count(self, messages: Iterable[Message | None]) -> None:
        try:
            for message in messages:
                if message is not None and message.error() is None:
                    self._tracing.source(message.topic(), message.partition()).consumed.add()
        except Exception as error:
            fault("metrics", error)


class TracedConsumer(_Processes, Consumer):
    """A consumer with the client's methods, and `process`, `process_batch` and `dead_letter`."""

    def commit(self, *args: Any, **kwargs: Any) -> Any:
        with Settling(self._tracing, args, kwargs):
            return self._client.commit(*args, **kwargs)

    def poll(self, *args: Any, **kwargs: Any) -> Any:
        message = self._client.poll(*args, **kwargs)
        if message is not None:
            self._count((message,))
        return message

    def consume(self, *args: Any, **kwargs: Any) -> Any:
        messages = self._client.consume(*args, **kwargs)
        self._count(messages)
        return messages


class TracedAIOConsumer(_Processes, AIOConsumer):
    """The same for the asyncio client. `with consumer.process(message):` holds across `await`."""

    async def commit(self, *args: Any, **kwargs: Any) -> Any:
        with Settling(self._tracing, args, kwargs):
            return await self._client.commit(*args, **kwargs)

    async def poll(self, *args: Any, **kwargs: Any) -> Any:
        message = await self._client.poll(*args, **kwargs)
        if message is not None:
            self._count((message,))
        return message

    async def consume(self, *args: Any, **kwargs: Any) -> Any:
        messages = await self._client.consume(*args, **kwargs)
        self._count(messages)
        return messages
