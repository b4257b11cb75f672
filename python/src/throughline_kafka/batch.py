"""A batch as a whole: one span, the root of a trace of its own, linked to its messages."""

from __future__ import annotations

from collections.abc import Iterable
from time import perf_counter

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanKind

from .context import SCOPE_KEY, SPAN_KEY, is_suppressed, origin_of
from .extract import Extracted
from .failure import mark_failed
from .guard import fault
from .links import MAX_LINKS
from .message import Message
from .metrics import record
from .scope import Processing, read_message
from .semconv import BATCH_COUNT, ERROR_TYPE, LINKS_DROPPED, error_type
from .source import Source, Tracing


class BatchProcessing(Processing):
    """What `process_batch()` gives: a context manager for messages together, once.

    Its value is the batch's span. Each message that is processed in it has its own span in its own
    trace, linked to this one.
    """

    __slots__ = ("had_singles", "messages", "read")

    def __init__(self, tracing: Tracing, messages: Iterable[Message]) -> None:
        super().__init__(tracing, None)
        # Held while the batch is open, so that their ids stay theirs.
        self.messages = list(messages)
        #: What each message carries by its id: read once, as the batch is opened.
        self.read: dict[int, Extracted] = {}
        #: Some message was processed by itself: the batch is not measured beside it.
        self.had_singles = False

    def _open(self) -> None:
        sources: list[Source] = []
        for message in self.messages:
            source = self.tracing.source(message.topic(), message.partition())
            if message.error() is None and not source.ignored:
                self.read[id(message)] = read_message(message, source, self.tracing)
                sources.append(source)
        if not sources:
            return
        self.source = self._shared(sources)
        self.batch = self
        active = context_api.get_current()
        values = origin_of(active)
        values[SCOPE_KEY] = self
        if self.tracing.options.spans and not is_suppressed(active):
            try:
                self._start_batch(values, len(sources))
            except Exception as error:
                fault("start span", error)
        self._token = context_api.attach(Context(values))
        self._began = perf_counter()

    def _shared(self, sources: list[Source]) -> Source:
        """The messages' own source, or one that names what they share."""
        first = sources[0]
        if all(source is first for source in sources):
            return first
        topics = {message.topic() for message in self.messages if id(message) in self.read}
        return self.tracing.source(topics.pop() if len(topics) == 1 else None, None)

    def _start_batch(self, values: dict[str, object], count: int) -> None:
        assert self.source is not None
        links = []
        for extracted in self.read.values():
            parent = extracted.parent
            for context in extracted.several if parent is None else (parent,):
                links.append(Link(context))
        attributes = {**self.source.attributes, BATCH_COUNT: count}
        if len(links) > MAX_LINKS:
            attributes[LINKS_DROPPED] = len(links) - MAX_LINKS
        span = self.tracing.tracer.start_span(
            self.source.span_name,
            Context(values),
            SpanKind.CONSUMER,
            attributes,
            links[:MAX_LINKS],
        )
        if span.get_span_context().is_valid:
            self.span = values[SPAN_KEY] = span

    def _close(self, error: BaseException | None) -> None:
        assert self.source is not None
        attributes = self.source.measured
        if error is not None:
            attributes = {**attributes, ERROR_TYPE: error_type(error)}
            mark_failed(self.span, error)
        if self.span.is_recording():
            self.span.end()
        if not self.had_singles:
            record(self.tracing.meters.process, perf_counter() - self._began, attributes)
