"""How long unit tests look for counter-examples: the whole suite stays under a minute."""

from __future__ import annotations

import gc

from hypothesis import HealthCheck, settings

#: A third of Hypothesis's usual examples; tests that need more say so. No deadline:
#: a busy machine is no failure.
settings.register_profile(
    "unit", max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unit")


def pytest_collection_finish() -> None:
    """Leave what was imported out of each collection of garbage: it stays to the end."""
    gc.collect()
    gc.freeze()
    # Tests leave little behind in cycles, and what they work on is looked through again and again.
    gc.set_threshold(20_000, 20, 20)
