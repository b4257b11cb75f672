"""What a failure looks like on a span. An error is the application's own: reading it may fail."""

from __future__ import annotations

from opentelemetry.trace import Span, StatusCode

from .guard import fault
from .semconv import ERROR_TYPE, error_type


def mark_failed(span: Span, error: BaseException) -> None:
    """Status ERROR, `error.type` and the exception event on a span. Never raises: the span ends all
    the same.
    """
    try:
        if span.is_recording():
            span.set_attribute(ERROR_TYPE, error_type(error))
            span.set_status(StatusCode.ERROR, message_of(error))
            span.record_exception(error)
    except Exception as problem:
        fault("end span", problem)


def message_of(error: object) -> str:
    """An error's own text; its type's name where it has none that can be read."""
    try:
        return str(error)
    except Exception:
        return error_type(error)
