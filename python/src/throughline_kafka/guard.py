"""What happens when tracing itself fails: the host goes on, it is logged once and counted."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Literal

Step = Literal["extract", "inject", "start span", "end span", "ignore", "metrics", "adapter"]

_log = logging.getLogger("throughline_kafka")
_lock = threading.Lock()
_counted: dict[str, int] = {}
_warned: set[str] = set()


def fault(step: Step, error: BaseException) -> None:
    """Takes note of a failure of tracing: the first of each step is logged, all are counted."""
    with _lock:
        _counted[step] = before = _counted.get(step, 0) + 1
    if before == 1:
        _log.error(
            "%s failed; messages go on without it. Later failures of this step are counted in "
            "throughline.faults and not logged.",
            step,
            exc_info=error,
        )


def faults() -> Mapping[str, int]:
    """How often each step has failed since the process started."""
    return _counted


def warn_once(what: str, text: str) -> None:
    """Says something once a process; `what` is the key and comes from a closed list."""
    with _lock:
        if what in _warned:
            return
        _warned.add(what)
    _log.warning(text)
