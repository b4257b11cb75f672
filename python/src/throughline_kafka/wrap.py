"""A client with the same methods: what is not ours goes to the client itself."""

from __future__ import annotations

from typing import Any

from .options import Options
from .source import Tracing


class Wrapped:
    """Stands in front of a client, which is not written to. `isinstance` answers as the client's."""

    def __init__(self, client: Any, options: Options) -> None:
        self._client = client
        self._tracing = Tracing(options)

    @property
    def __class__(self) -> type:
        return type(self._client)

    @__class__.setter
    def __class__(self, value: type) -> None:
        raise TypeError(f"a traced client stays a {type(self._client).__name__}, not {value}")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def __len__(self) -> int:
        return len(self._client)

    def __bool__(self) -> bool:
        return bool(self._client)

    def __repr__(self) -> str:
        return f"traced({self._client!r})"

    def __enter__(self) -> Any:
        entered = self._client.__enter__()
        return self if entered is self._client else entered

    def __exit__(self, *raised: Any) -> Any:
        return self._client.__exit__(*raised)

    async def __aenter__(self) -> Any:
        entered = await self._client.__aenter__()
        return self if entered is self._client else entered

    async def __aexit__(self, *raised: Any) -> Any:
        return await self._client.__aexit__(*raised)


def is_instrumented(client: Any) -> bool:
    """Whether OpenTelemetry's own instrumentation has wrapped or replaced this client."""
    return any(
        base.__module__.startswith("opentelemetry.instrumentation.")
        for base in type(client).__mro__
    )
