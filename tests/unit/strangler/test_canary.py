"""The canary: the same keys on every façade, more of them with every step."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Terminal
from strangler.canary import PLACES, Serving, check_step, choose, parse_percent, percent, place
from strangler.stage import Stage, StageRefused

KEYS = st.text(min_size=1, max_size=20)
SHARES = st.integers(1, PLACES - 1)


def modern(key: str, share: int) -> bool:
    return choose("get_case", key, Serving(Stage.CANARY, share)).side == "modern"


@given(KEYS, SHARES, SHARES)
def test_a_larger_share_only_adds_keys(key: str, one: int, other: int) -> None:
    """A key that modern answers at a share is answered by modern at every larger one."""
    small, large = sorted((one, other))
    assert modern(key, small) <= modern(key, large)


def test_places_are_what_they_were() -> None:
    """The place of a key never changes, in no release: people would be moved to and fro."""
    assert [place("get_case", k) for k in ("C0001", "C0002", "QQ123456C", "ÅSE")] == PINNED


PINNED = [1421, 798, 627, 5147]


def test_a_share_of_the_keys_is_what_it_says() -> None:
    """Of 20,000 keys a share of 5 % takes 5 % (within five standard deviations), and not the same ones
    in two operations."""
    keys = [f"C{n:06}" for n in range(20_000)]
    taken = {k for k in keys if modern(k, 500)}
    assert abs(len(taken) - 1000) < 5 * 31
    others = {k for k in keys if choose("get_award", k, Serving(Stage.CANARY, 500)).side == "modern"}
    assert len(taken & others) < 150


@given(KEYS, SHARES)
def test_lists_outrank_the_place(key: str, share: int) -> None:
    """`first` is answered by modern at any share, `never` by legacy, also where both name the key."""
    serving = Serving(Stage.CANARY, share)
    assert choose("get_case", key, serving, first={key}).side == "modern"
    assert choose("get_case", key, serving, first={key}, never={key}).side == "legacy"


@pytest.mark.parametrize(
    ("stage", "side"),
    [(Stage.LEGACY, "legacy"), (Stage.SHADOW, "legacy"), (Stage.MODERN, "modern"), (Stage.RETIRED, "modern")],
)
def test_outside_canary_the_stage_decides_alone(stage: Stage, side: str) -> None:
    """Lists and places count in stage canary only."""
    choice = choose("get_case", "C1", Serving(stage), first={"C1"}, never={"C1"})
    assert (choice.side, choice.why) == (side, f"stage {stage} is answered by {side}")


@pytest.mark.parametrize(("text", "share"), [("5", 500), ("0.01", 1), ("99.99", 9999), (" 25 % ", 2500)])
def test_percentages_as_people_write_them(text: str, share: int) -> None:
    """A percentage is read to a hundredth of a percent, and written back as it was."""
    assert parse_percent(text) == share
    assert parse_percent(percent(share)) == share


@pytest.mark.parametrize("text", ["0", "100", "-1", "0.001", "many", "", "nan", "inf", "1e9"])
def test_what_is_no_share_is_refused(text: str) -> None:
    """A share that gives all, nothing or no number is refused with what to write."""
    with pytest.raises(Terminal, match="percent"):
        parse_percent(text)


def test_steps_of_a_canary() -> None:
    """A canary needs a share, may change it, and no other stage has one."""
    shadow, five, ten = Serving(Stage.SHADOW), Serving(Stage.CANARY, 500), Serving(Stage.CANARY, 1000)
    for was, to in ((shadow, five), (five, ten), (ten, five), (ten, Serving(Stage.MODERN)), (ten, shadow)):
        check_step("op", was, to)
    wrong = [
        (shadow, Serving(Stage.CANARY)),
        (shadow, Serving(Stage.CANARY, PLACES)),
        (shadow, Serving(Stage.MODERN, 500)),
        (five, five),
        (Serving(Stage.LEGACY), five),
    ]
    for was, to in wrong:
        with pytest.raises(StageRefused):
            check_step("op", was, to)
