"""Ratios of paired rounds, with the interval that their spread leaves."""

from __future__ import annotations

import random
import statistics


def interval(above: list[float], below: list[float]) -> tuple[float, float, float]:
    """The ratio of medians, and its 95 % interval by resampling rounds."""
    pairs = list(zip(above, below, strict=True))

    def ratio(of: list[tuple[float, float]]) -> float:
        return statistics.median(a for a, _ in of) / statistics.median(b for _, b in of)

    resampled = sorted(ratio(random.choices(pairs, k=len(pairs))) for _ in range(500))
    return ratio(pairs), resampled[12], resampled[487]
