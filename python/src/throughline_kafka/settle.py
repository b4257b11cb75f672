"""Explicit commits: a span where one is made in a trace. The automatic ones have none."""

from __future__ import annotations

from typing import Any

from opentelemetry import context as context_api
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind

from .context import is_suppressed, span_context_in
from .failure import mark_failed
from .guard import fault
from .semconv import GROUP, OPERATION_NAME, OPERATION_TYPE, SYSTEM
from .source import Attributes, Tracing


class Settling:
    """A commit on its way, with the arguments that the client is given.

    A commit outside of any trace, as in a loop that polls, would be a trace of its own for each
    record: there is no span for it.
    """

    def __init__(self, tracing: Tracing, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._tracing = tracing
        self._args = args
        self._kwargs = kwargs
        self._span: Span = INVALID_SPAN

    def __enter__(self) -> None:
        try:
            active = context_api.get_current()
            if not self._tracing.options.spans or is_suppressed(active):
                return
            if span_context_in(active) is not None:
                self._start()
        except Exception as error:
            fault("start span", error)

    def _start(self) -> None:
        given = {**dict(zip(("message", "offsets"), self._args, strict=False)), **self._kwargs}
        message, offsets = given.get("message"), given.get("offsets")
        topics = {message.topic()} if message is not None else {one.topic for one in offsets or ()}
        # A commit over several topics, or over whatever is assigned, names none.
        topic = topics.pop() if len(topics) == 1 else None
        if topic is not None and self._tracing.is_ignored(topic):
            return
        name, span, _ = self._tracing.names(topic)
        attributes: Attributes = {
            OPERATION_NAME: "commit",
            OPERATION_TYPE: "settle",
            SYSTEM: "kafka",
            **span,
            **self._tracing.client_attributes(),
        }
        if self._tracing.options.group_id is not None:
            attributes[GROUP] = self._tracing.options.group_id
        self._span = self._tracing.tracer.start_span(
            f"commit {name}".rstrip(), None, SpanKind.CLIENT, attributes
        )

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        try:
            if error is not None:
                mark_failed(self._span, error)
            if self._span.is_recording():
                self._span.end()
        except Exception as problem:
            fault("end span", problem)
