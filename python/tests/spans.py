"""Finished spans, collected in memory."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanContext, format_span_id, format_trace_id


class Spans(SpanProcessor):
    def __init__(self) -> None:
        self.ended: list[ReadableSpan] = []
        self.open: dict[int, str] = {}

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self.open[span.get_span_context().span_id] = span.name

    def on_end(self, span: ReadableSpan) -> None:
        self.open.pop(context_of(span).span_id, None)
        self.ended.append(span)

    def clear(self) -> None:
        self.ended.clear()
        self.open.clear()

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.ended if span.name == name]

    def one(self, name: str) -> ReadableSpan:
        found = self.named(name)
        assert len(found) == 1, f"{len(found)} spans {name}: {[span.name for span in self.ended]}"
        return found[0]


def context_of(span: ReadableSpan) -> SpanContext:
    found = span.get_span_context()
    assert found is not None
    return found


def trace_of(span: ReadableSpan) -> str:
    return format_trace_id(context_of(span).trace_id)


def id_of(span: ReadableSpan) -> str:
    return format_span_id(context_of(span).span_id)


def parent_of(span: ReadableSpan) -> str | None:
    return None if span.parent is None else format_span_id(span.parent.span_id)


def links_of(span: ReadableSpan) -> list[str]:
    return [format_span_id(link.context.span_id) for link in span.links]
