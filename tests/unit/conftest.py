"""How long unit tests look for counter-examples: the whole suite stays under a minute."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

#: Half of Hypothesis's usual examples; tests that need more say so. No deadline:
#: a busy machine is no failure.
settings.register_profile(
    "unit", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("unit")
