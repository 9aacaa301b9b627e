"""The detector: quick where a rate went up, and not more often wrong than it says."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from strangler.detector import Detector

FAR = 1e9


def until_alarm(outcomes: list[bool], *, tolerated: float = 0.001, far: float = FAR) -> int | None:
    """Return after how many calls the alarm comes."""
    detector = Detector(tolerated, far)
    return next((n for n, failed in enumerate(outcomes, 1) if detector.add(1, failed)), None)


@pytest.mark.parametrize("before", [0, 1, 1_000, 1_000_000])
def test_a_dead_side_is_seen_after_four_calls_whatever_came_before(before: int) -> None:
    """A long good past does not make the detector slow."""
    detector = Detector(0.001, FAR)
    assert not detector.add(before, 0)
    alarms = [detector.add(1, 1) for _ in range(4)]
    assert alarms == [False, False, False, True]
    assert (detector.calls, detector.failures) == (4, 4)


@pytest.mark.parametrize(("rate", "within"), [(0.5, 20), (0.1, 150), (0.02, 2_000), (0.005, 20_000)])
def test_a_small_rise_is_seen_too(rate: float, within: int) -> None:
    """Every rate that is some times the tolerated one is found, a large one sooner."""
    draws = np.random.default_rng(7).random(within) < rate
    assert until_alarm(draws.tolist()) is not None


def test_false_alarms_are_rarer_than_stated() -> None:
    """At exactly the tolerated rate, the mean number of calls until an alarm is the stated one or more."""
    rng, far, tolerated = np.random.default_rng(11), 2_000.0, 0.05
    waits = []
    for _ in range(60):
        draws = rng.random(20_000) < tolerated
        waits.append(until_alarm(draws.tolist(), tolerated=tolerated, far=far) or 20_000)
    assert float(np.mean(waits)) >= far


def test_a_single_failure_is_none() -> None:
    """One failure is never a breach, not even the first call."""
    assert until_alarm([True] + [False] * 100) is None


def test_counts_of_a_poll_are_as_good_as_single_calls() -> None:
    """Failures that come in one poll among many good calls at the tolerated rate are no alarm."""
    detector = Detector(0.001, FAR)
    assert not any(detector.add(100_000, 100) for _ in range(20))
    assert detector.add(100_000, 1_000)


def test_evidence_grows_with_each_failure_and_shrinks_with_each_good_call() -> None:
    """The level rises by the ratio of likelihoods, and never falls below nothing."""
    detector = Detector(0.01, FAR)
    levels = []
    for failed in (True, True, False, False):
        detector.add(1, failed)
        levels.append(detector._levels[-1])
    assert levels[0] == pytest.approx(math.log(0.5 / 0.01))
    assert [b > a for a, b in pairwise(levels)] == [True, False, False]
    detector.add(10_000, 0)
    assert detector._levels[-1] == 0 and (detector.calls, detector.failures) == (0, 0)


@pytest.mark.parametrize("rate", [0.0, 0.5, 1.0, -0.1, math.nan])
def test_a_rate_that_cannot_be_watched_is_refused(rate: float) -> None:
    """The tolerated rate lies between nothing and a half."""
    with pytest.raises(ValueError, match=r"between 0 and 0\.5"):
        Detector(rate, FAR)
