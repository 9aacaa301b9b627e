"""Bounds that hold however often one looks."""

from __future__ import annotations

import functools
import random

import pytest

from strangler.statistics import needed, upper_bound


def test_the_default_gate() -> None:
    """At 1 % error and 1 in 5,000 the gate asks for 23,026 keys."""
    assert needed(0.01, 1 / 5000) == 23_026


@pytest.mark.parametrize("rate", [0.002, 0.02, 0.2])
def test_a_side_that_is_just_too_bad_passes_rarely_enough(rate: float) -> None:
    """Of 4,000 sides whose rate of differences is the limit, looked at after each key until the first
    difference, no more pass than the stated error allows (seeded; five standard deviations)."""
    draw, alpha, sides = random.Random(20261124), 0.05, 4_000
    keys = needed(alpha, rate)
    passed = sum(all(draw.random() >= rate for _ in range(keys)) for _ in range(sides))
    assert passed <= alpha * sides + 5 * (alpha * sides) ** 0.5


def test_the_bound_holds_at_all_looks_together() -> None:
    """Of 600 sides with 3 % differences, the bound falls below 3 % at any of 60 looks in at most 10 %."""
    draw, alpha, sides = random.Random(7), 0.1, 600
    bound = functools.cache(upper_bound)  # many sides look alike at a look
    broken = 0
    for _ in range(sides):
        differences = 0
        for look in range(1, 61):
            differences += sum(draw.random() < 0.03 for _ in range(20))
            if bound(20 * look, differences, alpha) < 0.03:
                broken += 1
                break
    assert broken <= alpha * sides


def test_the_bound_says_something() -> None:
    """It shrinks with keys, grows with differences, lies above what was seen, and is 1 without any."""
    assert upper_bound(0, 0, 0.01) == 1.0
    falling = [upper_bound(n, 0, 0.01) for n in (1, 10, 100, 1_000, 10_000)]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] < 0.001
    rising = [upper_bound(1_000, d, 0.01) for d in (0, 1, 10, 100, 1_000)]
    assert rising == sorted(rising)
    assert all(bound >= d / 1_000 for bound, d in zip(rising, (0, 1, 10, 100, 1_000), strict=True))
