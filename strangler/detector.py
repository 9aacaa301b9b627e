"""Sees that a rate of failures has gone up, as soon as the evidence allows: pure, a few numbers a rate.

A share of the last N calls is no good alarm: with a small N it cries at noise, with a large one it sleeps
through the first minutes of an outage, and either way nobody can say how often it is wrong. This is a CUSUM
(Page 1954) of likelihood ratios that forgets the good past, mixed over several sizes of the change. It is an
e-detector (Shin, Ramdas and Rinaldo, "E-detectors", 2024): while the true rate is at most the tolerated one,
the mean number of calls until a false alarm is at least the stated one, however often one looks.
"""

from __future__ import annotations

import math
from typing import Final

#: Sizes of the change that the alarm is quick for, as multiples of the tolerated rate.
_TIMES: Final = (3.0, 10.0, 100.0)
#: Total failure; also the end of the multiples.
_HALF: Final = 0.5


class Detector:
    """Watches one rate.

    Args:
        tolerated: the largest rate that is no reason for an alarm, above 0 and below 0.5.
        between_false_alarms: mean number of calls between two false alarms, at least.
    """

    def __init__(self, tolerated: float, between_false_alarms: float) -> None:
        if not 0 < tolerated < _HALF:
            raise ValueError("the tolerated rate lies between 0 and 0.5")
        self.tolerated = tolerated
        changed = sorted({min(tolerated * times, _HALF) for times in _TIMES} | {_HALF})
        self._up = [math.log(rate / tolerated) for rate in changed]
        self._down = [math.log((1 - rate) / (1 - tolerated)) for rate in changed]
        self._threshold = math.log(between_false_alarms) + math.log(len(changed))
        self._levels = [0.0] * len(changed)
        #: Calls, and failures among them, since there was nothing to suspect.
        self.calls = self.failures = 0

    def add(self, calls: int, failures: int) -> bool:
        """Take `calls` more, of which `failures` failed; return whether to raise the alarm."""
        good = calls - failures
        self._levels = [
            max(0.0, level + failures * up + good * down)
            for level, up, down in zip(self._levels, self._up, self._down, strict=True)
        ]
        self.calls, self.failures = self.calls + calls, self.failures + failures
        top = max(self._levels)
        if top == 0.0:
            self.calls = self.failures = 0
        return top + math.log(sum(math.exp(level - top) for level in self._levels)) >= self._threshold
