"""Handling that is tried again: each attempt in a span of its own, all of them under the message's
creation context; then the dead letter, then the caller's own error handling.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial, wraps
from math import isfinite
from typing import Any, TypeVar

from .dead_letter import DeadLetter, make_dead_letter
from .message import Message
from .scope import Processing
from .source import Tracing

R = TypeVar("R")
RetryOn = type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]
Delay = float | Callable[[int], float]
Publish = Callable[[DeadLetter, Exception, Any], object]


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """What `with_retries` does with a message whose handler raises.

    Raises:
        TypeError, ValueError: naming what was given and what is taken.
    """

    #: How often to try at most, the first time included.
    attempts: int = 3
    #: Seconds to wait before the next attempt, or a function of the attempts made so far.
    delay: Delay = 0.0
    #: The errors worth another attempt: their classes, or a function that is asked.
    retry_on: RetryOn = Exception
    #: Publishes the dead letter; the message then counts as handled. What it raises is raised on.
    #: May be a coroutine function where the handler is one.
    dead_letter: Publish | None = None

    def __post_init__(self) -> None:
        attempts, delay, retry_on = self.attempts, self.delay, self.retry_on
        if isinstance(attempts, bool) or not isinstance(attempts, int) or attempts < 1:
            raise ValueError(f"with_retries: attempts takes a number from 1, got {attempts!r}")
        if not callable(delay):
            number = isinstance(delay, (int, float)) and not isinstance(delay, bool)
            if not number or not isfinite(delay) or delay < 0:
                raise ValueError(
                    f"with_retries: delay takes seconds from 0 or a function, got {delay!r}"
                )
        classes = retry_on if isinstance(retry_on, tuple) else (retry_on,)
        if isinstance(retry_on, tuple) or inspect.isclass(retry_on):
            if not all(inspect.isclass(one) and issubclass(one, Exception) for one in classes):
                raise TypeError(
                    f"with_retries: retry_on takes classes of Exception, got {retry_on!r}"
                )
        elif not callable(retry_on):
            raise TypeError(
                "with_retries: retry_on takes classes of errors or a function, got "
                f"{type(retry_on).__name__}"
            )
        if self.dead_letter is not None and not callable(self.dead_letter):
            raise TypeError(
                "with_retries: dead_letter takes a function that publishes the letter, got "
                f"{type(self.dead_letter).__name__}"
            )

    def wait_s(self, error: Exception, made: int) -> float | None:
        """How long to wait for the next attempt; None where there is none."""
        if made >= self.attempts or not self._is_worth(error):
            return None
        return max(0.0, self.delay(made) if callable(self.delay) else self.delay)

    def _is_worth(self, error: Exception) -> bool:
        retry_on = self.retry_on
        if isinstance(retry_on, tuple) or inspect.isclass(retry_on):
            return isinstance(error, retry_on)
        return bool(retry_on(error))


def retrying(
    tracing: Tracing, handler: Callable[..., Any], policy: RetryPolicy
) -> Callable[..., Any]:
    """See `with_retries` of this package."""
    if not callable(handler):
        raise TypeError(f"with_retries: takes a handler, got {type(handler).__name__}")
    if _is_async(handler):
        return _retrying_async(tracing, handler, policy)
    if policy.dead_letter is not None and _is_async(policy.dead_letter):
        raise TypeError(_NOBODY_AWAITS.format("dead_letter"))

    @wraps(handler)
    def handle(message: Message, *args: Any, **kwargs: Any) -> Any:
        made = 0
        while True:
            made += 1
            try:
                with Processing(tracing, message):
                    given = handler(message, *args, **kwargs)
            except Exception as error:
                wait_s = policy.wait_s(error, made)
                if wait_s is None:
                    if policy.dead_letter is None:
                        raise
                    letter = make_dead_letter(tracing, message, error, attempts=made)
                    _settled("dead_letter", policy.dead_letter(letter, error, message))
                    return None
            else:
                return _settled("handler", given)
            time.sleep(wait_s)

    return handle


_NOBODY_AWAITS = (
    "with_retries: {} gives a coroutine, which nobody awaits here: hand over a handler that is a "
    "coroutine function, async def handle(message): ..."
)


def _is_async(function: Any) -> bool:
    """Whether calling it gives a coroutine, as far as that can be told without a call."""
    while isinstance(function, partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or (
        callable(function) and inspect.iscoroutinefunction(type(function).__call__)
    )


def _settled(what: str, given: Any) -> Any:
    """What a function that is no coroutine function has given. A coroutine has done nothing yet: a
    message that it should have handled, or parked, would be committed and lost.
    """
    if inspect.iscoroutine(given):
        given.close()
        raise TypeError(_NOBODY_AWAITS.format(what))
    return given


def _retrying_async(
    tracing: Tracing, handler: Callable[..., Awaitable[Any]], policy: RetryPolicy
) -> Callable[..., Awaitable[Any]]:
    @wraps(handler)
    async def handle(message: Message, *args: Any, **kwargs: Any) -> Any:
        made = 0
        while True:
            made += 1
            try:
                with Processing(tracing, message):
                    return await handler(message, *args, **kwargs)
            except Exception as error:
                wait_s = policy.wait_s(error, made)
                if wait_s is None:
                    if policy.dead_letter is None:
                        raise
                    letter = make_dead_letter(tracing, message, error, attempts=made)
                    published = policy.dead_letter(letter, error, message)
                    if inspect.isawaitable(published):
                        await published
                    return None
            await asyncio.sleep(wait_s)

    return handle
