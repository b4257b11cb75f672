"""The api's Context as one message has it: its own span and baggage over the application's values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry import baggage, trace
from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanContext

if TYPE_CHECKING:
    from .scope import Processing

# The api keeps its keys private; they are read off its own setters once.
SPAN_KEY = next(iter(trace.set_span_in_context(trace.INVALID_SPAN, Context())))
BAGGAGE_KEY = next(iter(baggage.set_baggage("key", "value", Context())))
#: The message, or the batch, that is being handled.
SCOPE_KEY = "throughline.scope"
#: The span context as it came in, flags whole: an SDK's span drops the random one.
REMOTE_KEY = "throughline.remote"

_OURS = frozenset((SPAN_KEY, BAGGAGE_KEY, SCOPE_KEY, REMOTE_KEY))
_SUPPRESSED = (
    getattr(context_api, "_SUPPRESS_INSTRUMENTATION_KEY", "suppress_instrumentation"),
    "suppress_instrumentation",
)


def scope_in(active: Context) -> Processing | None:
    """The message or batch that is being handled in a context."""
    return active.get(SCOPE_KEY)  # type: ignore[return-value]


def origin_of(active: Context) -> dict[str, object]:
    """The application's values, without a span, baggage, or anything else that a message brought.
    Handling one message inside another starts from here again.
    """
    if not active:
        return {}
    scope = scope_in(active)
    dropped = _OURS if scope is None else _OURS | scope.brought
    return {key: value for key, value in active.items() if key not in dropped}


def span_context_in(active: Context) -> SpanContext | None:
    """The span context of a context's span, where it is a valid one."""
    span: Span | None = active.get(SPAN_KEY)  # type: ignore[assignment]
    if span is None:
        return None
    found = span.get_span_context()
    return found if found.is_valid else None


def baggage_in(active: Context) -> dict[str, object]:
    """A context's baggage; empty where there is none. Not to be written to."""
    held = active.get(BAGGAGE_KEY)
    return held if isinstance(held, dict) else {}


def is_suppressed(active: Context) -> bool:
    """Whether instrumentation is switched off in a context: no span is made there."""
    if not active:
        return False
    ours, theirs = _SUPPRESSED  # any() of a generator costs five times as much
    return bool(active.get(ours) or active.get(theirs))
