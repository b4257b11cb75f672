"""Producers, confluent_kafka.Producer and confluent_kafka.aio.AIOProducer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .guard import fault, warn_once
from .headers import is_sendable
from .inject import split
from .options import Options
from .send import Sending, open_send
from .wrap import Wrapped, is_instrumented

if TYPE_CHECKING:
    from confluent_kafka import Producer
    from confluent_kafka.aio import AIOProducer
else:
    Producer = AIOProducer = object

#: produce() of the C client, which has no signature to inspect.
_POSITIONS = (
    "topic",
    "value",
    "key",
    "partition",
    "callback",
    "on_delivery",
    "timestamp",
    "headers",
)


def _positions(client: Any) -> dict[str, int]:
    """Where produce() has each argument: SerializingProducer has them in another order. One that takes
    `*args` hands them on to the class that it extends.
    """
    names: tuple[str, ...] = _POSITIONS
    for kind in type(client).__mro__:
        method = vars(kind).get("produce")
        if method is None:
            continue
        try:
            _, *parameters = inspect.signature(method).parameters.values()
        except (TypeError, ValueError):
            break
        if all(each.kind is not each.VAR_POSITIONAL for each in parameters):
            names = tuple(each.name for each in parameters)
            break
    return {name: at for at, name in enumerate(names)}


class _Sends(Wrapped):
    def __init__(self, client: Any, options: Options) -> None:
        super().__init__(client, options)
        self._positions = _positions(client)
        self._reports = options.delivery == "report"
        self._foreign = is_instrumented(client)
        if self._foreign:
            warn_once(
                "instrumented producer",
                "this producer is instrumented by OpenTelemetry's confluent-kafka instrumentation "
                "as well: spans and headers of what it sends are left to that one.",
            )

    def _named(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """The arguments of one produce() by their names. Too many are the client's to refuse."""
        if not args:
            return kwargs
        named = kwargs.copy()
        for name, value in zip(self._positions, args, strict=False):
            named[name] = value
        return named

    def _put(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], name: str, value: Any
    ) -> tuple[Any, ...]:
        """Puts an argument into those of one call, and gives back the positional ones."""
        at = self._positions.get(name)
        if name in kwargs or at is None or at >= len(args):
            kwargs[name] = value  # made for this call alone
            return args
        return (*args[:at], value, *args[at + 1 :])

    def _open(self, named: dict[str, Any], inject: bool = True) -> Sending | None:
        """The send of one message; None where it is to go out as it is."""
        try:
            topic = named.get("topic")
            # What the client refuses is left to it, for its own error.
            if not isinstance(topic, str):
                return None
            destination = self._tracing.destination(topic)
            if destination.ignored:
                return None
            return open_send(
                self._tracing,
                destination,
                named.get("headers"),
                named.get("key"),
                named.get("value"),
                named.get("partition"),
                inject,
            )
        except Exception as error:
            fault("start span", error)
            return None

    def _cleared(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """The same call without the trace headers that it brings: OpenTelemetry's instrumentation
        adds its own beside whatever is there.
        """
        try:
            named = self._named(args, kwargs)
            topic, headers = named.get("topic"), named.get("headers")
            if isinstance(topic, str) and is_sendable(headers):
                kept, own = split(headers, self._tracing.carrying)
                if own and not self._tracing.destination(topic).ignored:
                    return self._put(args, kwargs, "headers", kept)
        except Exception as error:
            fault("inject", error)
        return args

    def _await_report(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], sending: Sending
    ) -> tuple[Any, ...]:
        """The same call, whose delivery report ends the send span."""
        named = self._named(args, kwargs)
        name = "callback" if named.get("callback") is not None else "on_delivery"
        return self._put(args, kwargs, name, _reporting(sending, named.get(name)))


def _reporting(sending: Sending, callback: Callable[[Any, Any], Any] | None) -> Any:
    def report(error: Any, message: Any) -> Any:
        sending.end(None if error is None else _exception_of(error))
        return None if callback is None else callback(error, message)

    return report


def _exception_of(error: Any) -> BaseException:
    from confluent_kafka import KafkaException

    return error if isinstance(error, BaseException) else KafkaException(error)


class TracedProducer(_Sends, Producer):
    """A producer with the client's methods. `produce()` writes the active context into new headers
    in place of whatever they carried.
    """

    def produce(self, *args: Any, **kwargs: Any) -> Any:
        if self._foreign:
            return self._client.produce(*self._cleared(args, kwargs), **kwargs)
        sending = self._open(self._named(args, kwargs))
        if sending is None:
            return self._client.produce(*args, **kwargs)
        if sending.headers is not None:
            args = self._put(args, kwargs, "headers", sending.headers)
        reported = self._reports
        if reported:
            args = self._await_report(args, kwargs, sending)
        try:
            result = self._client.produce(*args, **kwargs)
        except BaseException as error:
            sending.end(error)
            raise
        if not reported:
            sending.end()
        return result

    def produce_batch(self, *args: Any, **kwargs: Any) -> Any:
        warn_once(
            "produce_batch",
            "produce_batch() of confluent-kafka sends no headers: its messages carry no trace. "
            "Use produce() for those that are to be followed.",
        )
        return self._client.produce_batch(*args, **kwargs)


class TracedAIOProducer(_Sends, AIOProducer):
    """The asyncio client's producer. confluent-kafka refuses headers here, up to 2.16.1, so that its
    messages can't carry a context: said once, and each has a CLIENT span. Where a later version
    takes headers, they are sent.
    """

    _headers_refused = False

    async def produce(self, *args: Any, **kwargs: Any) -> Any:
        if self._foreign:
            return await self._client.produce(*self._cleared(args, kwargs), **kwargs)
        named = self._named(args, kwargs)
        gave_none = named.get("headers") is None
        sending = self._open(named, inject=not (self._headers_refused and gave_none))
        if sending is None:
            return await self._client.produce(*args, **kwargs)
        try:
            result = await self._send(args, kwargs, sending, gave_none)
        except BaseException as error:
            sending.end(error)
            raise
        sending.end()
        return result

    async def _send(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], sending: Sending, gave_none: bool
    ) -> Any:
        if sending.headers is None:
            return await self._client.produce(*args, **kwargs)
        with_ours = {**kwargs}
        positional = self._put(args, with_ours, "headers", sending.headers)
        try:
            return await self._client.produce(*positional, **with_ours)
        except NotImplementedError:
            if not gave_none:
                raise
        self._refuse_headers()
        return await self._client.produce(*args, **kwargs)

    def _refuse_headers(self) -> None:
        self._headers_refused = True
        warn_once(
            "aio producer",
            "AIOProducer.produce() of this confluent-kafka sends no headers: its messages carry no "
            "trace. Use the Producer, whose produce() does not block, for those to be followed.",
        )
