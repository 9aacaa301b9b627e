"""The stages of an operation and the steps between them: pure, no step skips shadow on the way up."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from schemas.errors import Terminal


class Stage(StrEnum):
    """Who answers the callers of an operation.

    In `canary` the business key decides (`strangler.canary`). `retired` is reserved: a name in logs and
    state that this version knows, and refuses to enter.
    """

    LEGACY = "legacy"
    SHADOW = "shadow"
    CANARY = "canary"
    MODERN = "modern"
    RETIRED = "retired"

    @property
    def served_by(self) -> str:
        """The side whose answer callers get: `legacy` or `modern`; `both` in canary, each for its keys."""
        if self is Stage.CANARY:
            return "both"
        return "modern" if self in (Stage.MODERN, Stage.RETIRED) else "legacy"


class StageRefused(Terminal):
    """The asked-for stage cannot be entered from the present one."""

    exit_code = 1


class StageMisused(StageRefused):
    """No such stage, or a share where none belongs: wrong use, whatever the present stage."""

    exit_code = 2


#: Up only through shadow, down from everywhere at once.
STEPS: Final[dict[Stage, frozenset[Stage]]] = {
    Stage.LEGACY: frozenset({Stage.SHADOW}),
    Stage.SHADOW: frozenset({Stage.LEGACY, Stage.CANARY, Stage.MODERN}),
    Stage.CANARY: frozenset({Stage.LEGACY, Stage.SHADOW, Stage.MODERN}),
    Stage.MODERN: frozenset({Stage.CANARY, Stage.SHADOW, Stage.LEGACY}),
    Stage.RETIRED: frozenset(),
}


def parse_stage(text: str) -> Stage:
    """Return the stage called `text`.

    Raises:
        StageRefused: there is no such stage.
    """
    try:
        return Stage(text)
    except ValueError:
        known = ", ".join(s.value for s in STEPS if STEPS[s])
        raise StageMisused(f"there is no stage {text!r}", fix=f"choose from: {known}") from None


def step(operation: str, now: Stage, to: Stage) -> Stage:
    """Return `to` if `operation` may go there from `now`.

    Raises:
        StageRefused: the step is not allowed; the message names those that are.
    """
    where = f"operation {operation}"
    if to is Stage.RETIRED:
        raise StageRefused(
            f"the stage {to.value!r} is reserved and cannot be entered in this version",
            where=where,
            fix="use legacy, shadow, canary or modern",
        )
    if to is now:
        raise StageRefused(f"the operation is in stage {now.value} already", where=where, fix="nothing to do")
    if to not in STEPS[now]:
        allowed = " or ".join(sorted(s.value for s in STEPS[now])) or "no other stage"
        raise StageRefused(
            f"no step leads from {now.value} to {to.value}",
            where=where,
            fix=f"from {now.value} go to {allowed}",
        )
    return to
