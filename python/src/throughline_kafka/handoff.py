"""Handing work to threads and executors: contextvars do not go there by themselves.

Coroutines that are awaited, `asyncio.create_task` and `asyncio.to_thread` take the context along;
`loop.run_in_executor`, `ThreadPoolExecutor.submit` and `threading.Thread` do not.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def in_context(function: Callable[P, R]) -> Callable[P, R]:
    """Binds a function to the context of the caller: it may then run in any thread, any number of
    times, also side by side.

    >>> loop.run_in_executor(pool, in_context(charge), order)       # doctest: +SKIP
    >>> threading.Thread(target=in_context(charge)).start()         # doctest: +SKIP
    """
    context = contextvars.copy_context()

    @wraps(function)
    def bound(*args: P.args, **kwargs: P.kwargs) -> R:
        # A context can be entered once at a time: each call has a copy.
        return context.copy().run(function, *args, **kwargs)

    return bound


class ContextExecutor(Executor):
    """An executor of threads whose tasks run in the context of whoever submits them.

    Raises:
        TypeError: for a ProcessPoolExecutor; a context does not cross processes.
    """

    def __init__(self, executor: Executor) -> None:
        if isinstance(executor, ProcessPoolExecutor):
            raise TypeError(
                "ContextExecutor: a context does not cross processes. Hand inject_context({}) to "
                "the task, and attach context_of() of it there."
            )
        self._executor = executor

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        return self._executor.submit(in_context(fn), *args, **kwargs)

    def map(
        self,
        fn: Callable[..., R],
        *iterables: Iterable[object],
        timeout: float | None = None,
        chunksize: int = 1,
    ) -> Iterator[R]:
        return self._executor.map(in_context(fn), *iterables, timeout=timeout, chunksize=chunksize)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._executor.shutdown(wait, cancel_futures=cancel_futures)
