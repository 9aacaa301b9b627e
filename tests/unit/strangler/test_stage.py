"""The stage machine: up only through shadow, down at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from strangler.stage import Stage, StageRefused, parse_stage, step

SERVED = (Stage.LEGACY, Stage.SHADOW, Stage.CANARY, Stage.MODERN)


@given(st.lists(st.sampled_from(list(Stage)), max_size=30))
def test_no_walk_reaches_modern_without_shadow(wishes: list[Stage]) -> None:
    """Whatever is asked for in whatever order, modern answers only after shadow; reserved stages never."""
    now = Stage.LEGACY
    for wish in wishes:
        before = now
        try:
            now = step("op", now, wish)
        except StageRefused:
            continue
        assert now in SERVED
        assert now is not before
        if now in (Stage.CANARY, Stage.MODERN):
            assert before is not Stage.LEGACY


@pytest.mark.parametrize("now", [Stage.SHADOW, Stage.CANARY, Stage.MODERN])
def test_legacy_is_one_step_away(now: Stage) -> None:
    """From every stage served there is one step back to legacy."""
    assert step("op", now, Stage.LEGACY) is Stage.LEGACY


def test_a_reserved_stage_is_refused_clearly() -> None:
    """Retired is a known name that this version refuses to enter."""
    with pytest.raises(StageRefused, match="reserved"):
        step("op", Stage.MODERN, Stage.RETIRED)


def test_the_refusal_names_what_is_possible() -> None:
    """A refused step names the steps that are allowed; an unknown stage names the stages."""
    with pytest.raises(StageRefused, match="go to shadow"):
        step("op", Stage.LEGACY, Stage.MODERN)
    with pytest.raises(StageRefused, match="legacy, shadow, canary, modern"):
        parse_stage("live")
    assert parse_stage("shadow") is Stage.SHADOW


def test_each_stage_names_the_side_that_answers() -> None:
    """The caller gets legacy's answer in legacy and shadow, modern's in modern; in canary his key decides."""
    assert [s.served_by for s in SERVED] == ["legacy", "legacy", "both", "modern"]
