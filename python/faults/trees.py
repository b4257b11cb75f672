"""Traces as text, so that two runs of one program compare line by line."""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor


class Trees(SpanProcessor):
    def __init__(self) -> None:
        self._ended: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self._ended.append(span)

    def text(self, run: str) -> str:
        """A line a span, under its parent, traces in the order in which they began."""
        spans = sorted(self._ended, key=lambda span: span.start_time or 0)
        names = {_id(span): span.name.replace(f"-{run}", "") for span in spans}
        lines: list[str] = []

        def draw(span: ReadableSpan, indent: str) -> None:
            service = str(span.resource.attributes["service.name"])
            kind = "" if span.kind.name == "INTERNAL" else f" ({span.kind.name.lower()})"
            failed = "" if span.status.is_ok or span.status.is_unset else " ERROR"
            linked = [names.get(link.context.span_id, "?") for link in span.links]
            to = f" -> {', '.join(linked)}" if linked else ""
            lines.append(f"{indent}{service}: {names[_id(span)]}{kind}{failed}{to}")
            for child in spans:
                if child.parent is not None and child.parent.span_id == _id(span):
                    draw(child, indent + "  ")

        for span in spans:
            if span.parent is None or span.parent.span_id not in names:
                lines.append("trace")
                draw(span, "  ")
        return "".join(f"{line}\n" for line in lines)


def _id(span: ReadableSpan) -> int:
    context = span.get_span_context()
    assert context is not None
    return context.span_id
