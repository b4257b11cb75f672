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
    """Where produce() has each argument: SerializingProducer has them in another order."""
    try:
        names = tuple(inspect.signature(client.produce).parameters)
    except (TypeError, ValueError):
        names = _POSITIONS
    return {name: at for at, name in enumerate(names)}


class _Call:
    """The arguments of one produce(), by name; only headers and the delivery callback change."""

    __slots__ = ("_at", "args", "kwargs")

    def __init__(self, at: dict[str, int], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._at = at
        self.args = args
        self.kwargs = kwargs

    def get(self, name: str) -> Any:
        if name in self.kwargs:
            return self.kwargs[name]
        at = self._at.get(name)
        return self.args[at] if at is not None and at < len(self.args) else None

    def put(self, name: str, value: Any) -> None:
        at = self._at.get(name)
        if name in self.kwargs or at is None or at >= len(self.args):
            self.kwargs[name] = value  # made for this call alone
        else:
            self.args = (*self.args[:at], value, *self.args[at + 1 :])


class _Sends(Wrapped):
    def __init__(self, client: Any, options: Options) -> None:
        super().__init__(client, options)
        self._positions = _positions(client)
        self._foreign = is_instrumented(client)
        if self._foreign:
            warn_once(
                "instrumented producer",
                "this producer is instrumented by OpenTelemetry's confluent-kafka instrumentation "
                "as well: spans and headers of what it sends are left to that one.",
            )

    def _open(self, call: _Call, *, inject: bool = True) -> Sending | None:
        """The send of one message; None where it is to go out as it is."""
        try:
            topic, headers = call.get("topic"), call.get("headers")
            # What the client refuses is left to it, for its own error.
            if not isinstance(topic, str) or not is_sendable(headers):
                return None
            destination = self._tracing.destination(topic)
            if destination.ignored:
                return None
            if self._foreign:
                # That one adds its header beside whatever is there.
                kept, own = split(headers, self._tracing.carrying)
                if own:
                    call.put("headers", kept)
                return None
            sending = open_send(
                self._tracing,
                destination,
                headers,
                key=call.get("key"),
                value=call.get("value"),
                partition=call.get("partition"),
                inject=inject,
            )
            if sending.headers is not None:
                call.put("headers", sending.headers)
            return sending
        except Exception as error:
            fault("start span", error)
            return None

    def _await_report(self, call: _Call, sending: Sending) -> bool:
        """Ends the send span with the delivery report, where that is asked for."""
        if self._tracing.options.delivery != "report":
            return False
        name = "callback" if call.get("callback") is not None else "on_delivery"
        call.put(name, _reporting(sending, call.get(name)))
        return True


def _reporting(sending: Sending, callback: Callable[[Any, Any], Any] | None) -> Any:
    def report(error: Any, message: Any) -> Any:
        sending.end(None if error is None else _exception_of(error))
        return None if callback is None else callback(error, message)

    return report


def _exception_of(error: Any) -> BaseException:
    from confluent_kafka import KafkaException

    return error if isinstance(error, BaseException) else KafkaException(error)


def _end(sending: Sending | None, error: BaseException | None) -> None:
    if sending is not None:
        sending.end(error)


class TracedProducer(_Sends, Producer):
    """A producer with the client's methods. `produce()` writes the active context into new headers
    in place of whatever they carried.
    """

    def produce(self, *args: Any, **kwargs: Any) -> Any:
        call = _Call(self._positions, args, kwargs)
        sending = self._open(call)
        reported = sending is not None and self._await_report(call, sending)
        try:
            result = self._client.produce(*call.args, **call.kwargs)
        except BaseException as error:
            _end(sending, error)
            raise
        if not reported:
            _end(sending, None)
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
        call = _Call(self._positions, args, {**kwargs})
        gave_none = call.get("headers") is None
        sending = self._open(call, inject=not (self._headers_refused and gave_none))
        try:
            try:
                result = await self._client.produce(*call.args, **call.kwargs)
            except NotImplementedError:
                if not gave_none or sending is None or sending.headers is None:
                    raise
                self._refuse_headers()
                result = await self._client.produce(*args, **kwargs)
        except BaseException as error:
            _end(sending, error)
            raise
        _end(sending, None)
        return result

    def _refuse_headers(self) -> None:
        self._headers_refused = True
        warn_once(
            "aio producer",
            "AIOProducer.produce() of this confluent-kafka sends no headers: its messages carry no "
            "trace. Use the Producer, whose produce() does not block, for those to be followed.",
        )
