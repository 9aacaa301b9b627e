"""How sure the verdicts make us: bounds on the rate of differences that hold however often one looks.

A bound of the usual kind is valid for one look at a number of calls that was fixed before. A gate is looked
at all the time, and promotion happens at the first look that passes: with usual bounds the real error rate
would be many times the stated one. These come from test martingales (Ville's inequality: a nonnegative
martingale that starts at 1 ever reaches 1/alpha with probability alpha at most), so they hold at every look.
"""

from __future__ import annotations

import math
from typing import Final

#: Beta prior of the mixture; mass near 0, where rates of differences lie.
_A: Final = 0.5
_B: Final = 50.0


def needed(alpha: float, rate: float) -> int:
    """Return how many distinct keys without a difference show that the rate is below `rate`.

    Args:
        alpha: probability of being wrong, 0 to 1.
        rate: the largest tolerable rate of differences, 0 to 1.

    Source: the likelihood ratio of "no differences" against `rate` is (1 - rate)^-n, which is more than
    e^(n rate); it has to reach 1/alpha. The first difference makes it 0 for good.
    """
    return math.ceil(math.log(1 / alpha) / rate)


def upper_bound(keys: int, differences: int, alpha: float) -> float:
    """Return a rate that the true rate of differences lies below, with probability 1 - alpha at all looks.

    Args:
        keys: distinct keys compared.
        differences: how many of them differ.
        alpha: probability of being wrong at any look.

    Returns:
        The end of the confidence sequence, 0 to 1; 1 where nothing was compared.

    Source: the beta-binomial mixture martingale (Robbins 1970).
    """
    if keys == 0:
        return 1.0
    low, high = differences / keys, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if _log_martingale(keys, differences, middle) >= math.log(1 / alpha):
            high = middle
        else:
            low = middle
    return high


def _log_martingale(keys: int, differences: int, rate: float) -> float:
    """Return the log of the mixture's likelihood over that of `rate`; grows with `rate` above the mean."""
    alike = keys - differences
    if rate >= 1.0:
        return math.inf if alike else 0.0
    mixed = _log_beta(_A + differences, _B + alike) - _log_beta(_A, _B)
    return mixed - differences * math.log(rate) - alike * math.log1p(-rate)


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
