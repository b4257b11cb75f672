"""traceparent, strictly by W3C Trace Context Level 2."""

from __future__ import annotations

import re

from opentelemetry.trace import SpanContext, TraceFlags, TraceState

#: Level 2's flag: the trace id was made at random.
RANDOM = 0x02
_KNOWN = 0x03
_NO_TRACE = b"0" * 32
_NO_SPAN = b"0" * 16
#: A header longer than this is read no further: a higher version may go on after its flags.
_READ = 56

_HEADER = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-?)")


def parse_traceparent(value: bytes | str) -> SpanContext | None:
    """Reads a header: lower-case hex, no zero ids, version ff refused, version 00 of exactly 55
    characters, a higher version read as 00 as far as its flags. None for anything else.
    """
    if isinstance(value, str):
        value = value[:_READ].encode("utf-8", "replace")
    match = _HEADER.fullmatch(value[:_READ])
    if match is None:
        return None
    version, trace_id, span_id, flags, more = match.groups()
    if trace_id == _NO_TRACE or span_id == _NO_SPAN or version == b"ff":
        return None
    if version == b"00" and more:
        return None
    return SpanContext(
        int(trace_id, 16), int(span_id, 16), True, TraceFlags(int(flags, 16) & _KNOWN)
    )


def format_traceparent(span: SpanContext, random: bool = False) -> str:
    """The version-00 header; `random` puts back the flag that an SDK's span drops."""
    flags = (span.trace_flags | (RANDOM if random else 0)) & _KNOWN
    trace_id, span_id = span.trace_id.to_bytes(16, "big"), span.span_id.to_bytes(8, "big")
    return f"00-{trace_id.hex()}-{span_id.hex()}-0{flags}"


def with_state(span: SpanContext, state: TraceState) -> SpanContext:
    """The same remote span with a trace state."""
    return SpanContext(span.trace_id, span.span_id, True, span.trace_flags, state)


def with_random(span: SpanContext, carried: SpanContext | None) -> SpanContext:
    """The random flag of the trace that `carried` is of, put back on a span of that trace."""
    if carried is None or carried.trace_id != span.trace_id or not carried.trace_flags & RANDOM:
        return span
    flags = TraceFlags(span.trace_flags | RANDOM)
    return SpanContext(span.trace_id, span.span_id, span.is_remote, flags, span.trace_state)
