"""Each program of faults/ loses its trace in the way that it claims, and the same program with ours
does not. Both run as they stand, on a real Kafka.
"""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
from kafka import PATIENCE_S

pytestmark = pytest.mark.kafka
FOLDER = Path(__file__).parents[1] / "faults"
PROGRAMS = sorted(file.stem for file in FOLDER.glob("*.py") if file.stem not in ("shop", "trees"))

CHARGED = """\
trace
  checkout: place order 1
    payments: process orders (consumer)
      payments: charge card
"""
WORK_ELSEWHERE = """\
trace
  checkout: place order 1
    payments: process order
trace
  payments: charge card
"""

EXPECTED: dict[str, tuple[str, str]] = {
    "headers_decode": (
        """\
payments: 'str' object has no attribute 'decode'
payments: 'str' object has no attribute 'decode'
trace
  checkout: place order 1
trace
  checkout: place order 2
""",
        CHARGED + CHARGED.replace("order 1", "order 2"),
    ),
    "null_header": (
        """\
payments: 'NoneType' object has no attribute 'decode'
trace
  checkout: place order 1
""",
        CHARGED,
    ),
    "headers_dict": (
        """\
trace
  checkout: place order 1
trace
  checkout: place order 2
    shipping: process shipment
      shipping: print label
""",
        """\
trace
  checkout: place order 1
trace
  checkout: place order 2
trace
  shipping: process shipments (consumer) -> place order 1, place order 2
    shipping: print label
""",
    ),
    "second_header": (
        """\
trace
  checkout: place order 1
    payments: forward (producer)
    shipping: print label
""",
        """\
trace
  checkout: place order 1
    payments: process orders (consumer)
      payments: send shipments (producer)
        shipping: process shipments (consumer)
          shipping: print label
""",
    ),
    "span_before_extract": (
        """\
trace
  checkout: place order 1
    payments: charge card
trace
  payments: process orders (consumer)
""",
        CHARGED,
    ),
    "no_consumer_kind": (CHARGED.replace(" (consumer)", ""), CHARGED),
    "one_context_for_a_batch": (
        """\
trace
  checkout: place order 1
    payments: charge order-1
    payments: charge order-2
    payments: charge order-3
trace
  checkout: place order 2
trace
  checkout: place order 3
""",
        "".join(
            f"""\
trace
  checkout: place order {number}
    payments: process orders (consumer) -> process orders
      payments: charge order-{number}
"""
            for number in (1, 2, 3)
        )
        + """\
trace
  payments: process orders (consumer) -> place order 1, place order 2, place order 3
""",
    ),
    "detach_skipped": (
        """\
payments: no funds
trace
  checkout: place order 1
    payments: charge card
    payments: refresh rates
""",
        """\
payments: no funds
trace
  checkout: place order 1
    payments: process orders (consumer) ERROR
      payments: charge card
trace
  payments: refresh rates
""",
    ),
    "thread_pool": (WORK_ELSEWHERE, CHARGED),
    "token_handed_over": (
        """\
trace
  checkout: place order 1
    payments: refresh rates
trace
  payments: charge card
""",
        CHARGED
        + """\
trace
  payments: refresh rates
""",
    ),
    "run_in_executor": (WORK_ELSEWHERE, CHARGED),
    "thread": (WORK_ELSEWHERE, CHARGED),
    "dead_letter_not_reinjected": (
        """\
trace
  checkout: place order 1
    payments: process orders (consumer) ERROR
      payments: charge card
trace
  support: call customer
""",
        """\
trace
  checkout: place order 1
    payments: process orders (consumer) ERROR
      payments: charge card
      payments: send orders.dlq (producer)
        support: process orders.dlq (consumer)
          support: call customer
""",
    ),
}


@cache
def running() -> dict[tuple[str, str], Future[str]]:
    """Every program, two at a time, from the first test on."""
    pool = ThreadPoolExecutor(2)
    return {
        (program, mode): pool.submit(output_of, program, mode)
        for program in PROGRAMS
        for mode in ("--lost", "--whole")
    }


def output_of(program: str, mode: str) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    ended = subprocess.run(
        [sys.executable, str(FOLDER / f"{program}.py"), mode],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_S,
        env=env,
        check=False,
    )
    return ended.stdout if ended.returncode == 0 else ended.stderr


def test_each_program_has_its_claim() -> None:
    assert sorted(EXPECTED) == PROGRAMS


@pytest.mark.parametrize("program", PROGRAMS)
def test_lost_is_lost_as_it_claims(program: str) -> None:
    assert running()[program, "--lost"].result() == EXPECTED[program][0]


@pytest.mark.parametrize("program", PROGRAMS)
def test_whole_is_whole(program: str) -> None:
    assert running()[program, "--whole"].result() == EXPECTED[program][1]
