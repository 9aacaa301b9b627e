"""Hypothesis on a machine that others use too: a slow draw is no failure."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("shared_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared_machine")
