"""One message's scope: its context extracted, activated, its span started; ended and detached in
whatever way the block ends.
"""

from __future__ import annotations

from contextvars import Token
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind

from .context import (
    BAGGAGE_KEY,
    REMOTE_KEY,
    SCOPE_KEY,
    SPAN_KEY,
    is_suppressed,
    origin_of,
    scope_in,
    span_context_in,
)
from .extract import Extracted, extract
from .failure import mark_failed
from .guard import fault
from .message import Message, forget_failure, remember_failure
from .metrics import record
from .semconv import DUPLICATES, ERROR_TYPE, KAFKA_KEY, KAFKA_OFFSET, KAFKA_TOMBSTONE, error_type
from .source import Attributes, Source, Tracing

if TYPE_CHECKING:
    from .batch import BatchProcessing

_NOTHING_BROUGHT: frozenset[str] = frozenset()
#: A key may be of any length; a span holds so much of it.
_MAX_KEY = 256


class Processing:
    """What `process()` and `process_message()` give: a context manager for one message, once.

    Its value is the message's span.
    """

    __slots__ = (
        "_began",
        "_token",
        "batch",
        "brought",
        "extracted",
        "message",
        "parked",
        "source",
        "span",
        "tracing",
    )

    def __init__(self, tracing: Tracing, message: Message | None) -> None:
        self.tracing = tracing
        self.message = message
        self.span: Span = trace.INVALID_SPAN
        self.source: Source | None = None
        self.extracted: Extracted | None = None
        #: The batch that the message is one of, where that is open.
        self.batch: BatchProcessing | None = None
        #: Keys of the context that the application's own propagator read off the message.
        self.brought = _NOTHING_BROUGHT
        #: The error that a dead letter was made for.
        self.parked: BaseException | None = None
        self._token: Token[Context] | None = None
        self._began = 0.0

    def __enter__(self) -> Span:
        try:
            self._open()
        except Exception as error:
            fault("start span", error)
        return self.span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace_back: TracebackType | None,
    ) -> None:
        if self._token is None:
            return
        try:
            # A generator that is closed has not failed.
            self._close(None if isinstance(error, GeneratorExit) else error)
        except Exception as problem:
            fault("end span", problem)
        finally:
            context_api.detach(self._token)
            self._token = None

    def _open(self) -> None:
        message = self.message
        if message is None:
            return  # poll() had none
        active = context_api.get_current()
        ambient = scope_in(active)
        if ambient is not None and ambient.message is message:
            self.span = ambient.span  # already being handled: no second span
            return
        source = self.tracing.source(message.topic(), message.partition())
        if source.ignored or message.error() is not None:
            return
        self.source = source
        extracted = None
        if ambient is not None and ambient.batch is not None:
            extracted = ambient.batch.read.get(id(message))
        if extracted is not None and ambient is not None:
            self.batch = ambient.batch
        else:
            extracted = read_message(message, source, self.tracing)
        self.extracted = extracted
        self._activate(active, extracted, self._linked(active, extracted))
        self._began = perf_counter()

    def _linked(self, active: Context, extracted: Extracted) -> SpanContext | None:
        """A span to link besides what the relation asks for: the batch's, or an ambient one."""
        if self.batch is not None:
            self.batch.had_singles = True
            of_batch = self.batch.span.get_span_context()
            return of_batch if of_batch.trace_flags.sampled else None
        ambient = span_context_in(active)
        if ambient is None:
            return None
        parent = extracted.parent
        return None if parent is not None and parent.trace_id == ambient.trace_id else ambient

    def _activate(self, active: Context, extracted: Extracted, linked: SpanContext | None) -> None:
        options = self.tracing.options
        values = origin_of(active)
        if extracted.behind is not None:
            values.update(extracted.behind)
            self.brought = frozenset(extracted.behind)
        if extracted.baggage is not None:
            values[BAGGAGE_KEY] = extracted.baggage
        values[SCOPE_KEY] = self
        parent = extracted.parent
        if parent is not None:
            values[REMOTE_KEY] = parent
            self.span = values[SPAN_KEY] = NonRecordingSpan(parent)
        if options.spans and not is_suppressed(active):
            try:
                self._start(values, extracted, linked)
            except Exception as error:
                fault("start span", error)
        # Attached in one step, last: what fails before leaves nothing behind.
        self._token = context_api.attach(Context(values))

    def _start(
        self, values: dict[str, object], extracted: Extracted, linked: SpanContext | None
    ) -> None:
        source, message = self.source, self.message
        assert source is not None and message is not None
        options = self.tracing.options
        parent, relation = extracted.parent, options.relation
        links = [Link(context) for context in extracted.several]
        if parent is not None and relation != "parent":
            links.append(Link(parent))
        if linked is not None:
            links.append(Link(linked))
        above = values
        if relation == "link" and SPAN_KEY in values:
            above = {key: value for key, value in values.items() if key != SPAN_KEY}
        span = self.tracing.tracer.start_span(
            source.span_name,
            Context(above),
            SpanKind.CONSUMER,
            _described(message, source.attributes, options.message_key),
            links,
        )
        if not span.get_span_context().is_valid:
            return  # no SDK: the message's own context goes on without a span
        self.span = values[SPAN_KEY] = span
        if extracted.several:
            span.set_attribute(DUPLICATES, len(extracted.several))

    def _close(self, error: BaseException | None) -> None:
        message, source = self.message, self.source
        assert message is not None and source is not None
        failure = error or self.parked
        span = self.span
        attributes = source.measured
        if failure is not None:
            attributes = {**attributes, ERROR_TYPE: error_type(failure)}
            mark_failed(span, failure)
        if error is None:
            forget_failure(message)
        else:
            remember_failure(message, self.attempt, self.tracing.options.group_id)
        if span.is_recording():
            span.end()
        record(self.tracing.meters.process, perf_counter() - self._began, attributes)

    @property
    def attempt(self) -> SpanContext | None:
        """The span of this attempt; None where none was made."""
        found = self.span.get_span_context()
        parent = self.extracted.parent if self.extracted is not None else None
        return found if found.is_valid and found is not parent else None


def read_message(message: Message, source: Source, tracing: Tracing) -> Extracted:
    """What a message carries, counted by its outcome."""
    extracted = extract(message.headers(), tracing.carrying, tracing.options.duplicates)
    source.count(extracted.outcome)
    return extracted


def _described(message: Message, shared: Attributes, with_key: bool) -> Attributes:
    attributes = shared.copy()
    offset = message.offset()
    if offset is not None and offset >= 0:
        attributes[KAFKA_OFFSET] = offset
    if with_key:
        key = message.key()
        if key is not None:
            describe_key(attributes, key)
    if message.value() is None:
        attributes[KAFKA_TOMBSTONE] = True
    return attributes


def describe_key(attributes: Attributes, key: object) -> None:
    """Adds a key that is text, or bytes read as UTF-8."""
    if isinstance(key, bytes):
        attributes[KAFKA_KEY] = key[:_MAX_KEY].decode("utf-8", "replace")
    elif isinstance(key, str):
        attributes[KAFKA_KEY] = key[:_MAX_KEY]
