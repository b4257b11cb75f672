"""What the library costs beside OpenTelemetry's confluent-kafka instrumentation: CPU a record above
an empty loop, in one process and one run, variants interleaved round by round, as ratios.

    npm run python -- bench            (or python python/bench/bench.py [--short])

Records are confluent_kafka.Message objects with a traceparent, a tracestate-free header set and two
headers of the application's; the client behind is a stub, so that nothing but tracing differs. With
KAFKA_BROKERS set it goes on beside a real Kafka: see broker.py.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
from time import process_time_ns

from broker import report_on_broker
from intervals import interval
from variants import CONSUME, PRODUCE, Variant

#: Ratios that are printed: what, of what.
CONSUME_RATIOS = (
    ("ours, sampled", "theirs, sampled"),
    ("ours, sampled", "a bare span, sampled"),
    ("ours, not sampled", "theirs, not sampled"),
    ("ours, sampled, with meters", "theirs, sampled"),
    ("ours, batches of 100, sampled", "theirs, sampled"),
    ("the article's handler, mended", "theirs, sampled"),
)
PRODUCE_RATIOS = (
    ("ours, sampled", "theirs, sampled"),
    ("ours, not sampled", "theirs, not sampled"),
)
EMPTY = "empty"


def measured(variants: list[Variant], rounds: int, records: int) -> dict[str, list[float]]:
    """CPU microseconds a record of each variant, a figure a round."""
    figures: dict[str, list[float]] = {variant.name: [] for variant in variants}
    for variant in variants:
        variant.run(records)  # warm
    for _ in range(rounds):
        for variant in random.sample(variants, len(variants)):
            began = process_time_ns()
            variant.run(records)
            figures[variant.name].append((process_time_ns() - began) / 1000 / records)
    return figures


def added(figures: dict[str, list[float]], name: str) -> list[float]:
    """What a variant adds to the empty loop of the same round."""
    return [cost - empty for cost, empty in zip(figures[name], figures[EMPTY], strict=True)]


def report(
    title: str, variants: list[Variant], ratios: tuple[tuple[str, str], ...], short: bool
) -> None:
    rounds, records = (3, 50) if short else (60, 500)
    figures = measured(variants, rounds, records)
    print(f"\n{title}: CPU a record above an empty loop, us")
    for variant in variants:
        if variant.name != EMPTY:
            print(f"  {variant.name:<34} {statistics.median(added(figures, variant.name)):6.1f}")
    for above, below in ratios:
        middle, low, high = interval(added(figures, above), added(figures, below))
        print(f"  {above}, of {below}: {middle:.2f} ({low:.2f} to {high:.2f})")


def main() -> None:
    short = "--short" in sys.argv[1:]
    report("consume", CONSUME, CONSUME_RATIOS, short)
    report("produce", PRODUCE, PRODUCE_RATIOS, short)
    brokers = os.environ.get("KAFKA_BROKERS")
    if brokers:
        report_on_broker(brokers, short)
    else:
        print("\nabsent: kafka: KAFKA_BROKERS=host:port names one for the rest of the bench")
    if short:
        print("\nshort: shows that everything runs; the figures say nothing")


if __name__ == "__main__":
    main()
