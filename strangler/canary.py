"""Which keys the modern side answers in stage canary: pure, sticky and monotone."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, Literal

from schemas.errors import SettingsError
from strangler.stage import Stage, StageMisused, step

#: Places on the line of keys: a share is counted in hundredths of a percent.
PLACES: Final = 10_000
SideName = Literal["legacy", "modern"]
SIDES: Final[tuple[SideName, ...]] = ("legacy", "modern")


@dataclass(frozen=True, slots=True)
class Serving:
    """Who answers an operation now.

    Attributes:
        stage: the stage that counts.
        share: in stage canary, how many of the `PLACES` modern answers; 0 in every other stage.
    """

    stage: Stage
    share: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """The side that answers a key, with the reason in words.

    Attributes:
        side: `legacy` or `modern`.
        why: for people: the stage, the list or the place that decided.
    """

    side: SideName
    why: str


def place(operation: str, key: str) -> int:
    """Return the place of a business key on the operation's line, 0 to `PLACES` - 1.

    It depends on nothing but the two names: every façade, and every restart, finds the same. Operations
    have lines of their own, so that it is not always the same people who go first.
    """
    digest = hashlib.blake2b(f"{operation}\x1f{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % PLACES


def side_of(stage: Stage) -> SideName:
    """Return the side that answers every key of a stage that is no canary."""
    return "modern" if stage.served_by == "modern" else "legacy"


def choose(
    operation: str,
    key: str,
    serving: Serving,
    *,
    first: Collection[str] = (),
    never: Collection[str] = (),
) -> Choice:
    """Return the side that answers `key`: in stage canary by list, then by place; else by the stage alone.

    A larger share only adds keys, a smaller one only takes keys away.

    Args:
        operation: the operation's name.
        key: the business key of the call.
        serving: the stage and share that count.
        first: keys that modern answers in stage canary whatever the share.
        never: keys that legacy answers in stage canary; outranks `first`.
    """
    if serving.stage is not Stage.CANARY:
        whole = side_of(serving.stage)
        return Choice(whole, f"stage {serving.stage} is answered by {whole}")
    if key in never:
        return Choice("legacy", "[canary] never names this key")
    if key in first:
        return Choice("modern", "[canary] first names this key")
    here = place(operation, key)
    side: SideName = "modern" if here < serving.share else "legacy"
    relation = "below" if side == "modern" else "not below"
    return Choice(side, f"its place is {here}, {relation} the share of {serving.share} of {PLACES}")


def check_step(operation: str, was: Serving, to: Serving) -> None:
    """Return if the operation may go from `was` to `to`.

    Raises:
        StageRefused: the step is not allowed.
        StageMisused: the share does not belong to the stage.
    """
    where = f"operation {operation}"
    if (to.stage is Stage.CANARY) != (0 < to.share < PLACES):
        raise StageMisused(
            "a canary needs a share of the keys, and no other stage has one",
            where=where,
            fix="canary with --percent 0.01 to 99.99; modern answers every key",
        )
    if was.stage is to.stage is Stage.CANARY and was.share != to.share:
        return
    step(operation, was.stage, to.stage)


def parse_percent(text: str) -> int:
    """Return the share that a percentage (`5`, `0.25`) stands for.

    Raises:
        SettingsError: not a number, outside 0.01 to 99.99, or finer than a hundredth of a percent.
    """
    fix = "give a percentage from 0.01 to 99.99, with two decimals at most"
    try:
        share = Decimal(text.strip().removesuffix("%")) * (PLACES // 100)
    except InvalidOperation:
        raise SettingsError(f"{text!r} is no percentage", where="--percent", fix=fix) from None
    if not share.is_finite() or not 1 <= share < PLACES or share != int(share):
        raise SettingsError(f"{text} is no share that a canary can have", where="--percent", fix=fix)
    return int(share)


def percent(share: int) -> str:
    """Return a share as people read it: `5 %`, `0.25 %`."""
    return f"{Decimal(share) / (PLACES // 100):f} %"
