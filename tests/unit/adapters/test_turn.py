"""Whose turn it is: sequences, repeats, older pictures (DESIGN 10.3)."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from adapters.extract import Origin
from adapters.state import AdapterState, Blocked, Held
from adapters.turn import turn


def extract(name="f", *, id="x", partial=False, business=0, sequence=None, fault=""):
    origin = Origin(business or 5, "business" if business else "arrival", 5, name)
    return SimpleNamespace(id=id, origin=origin, partial=partial, sequence=sequence, fault=fault)


def held(**more):
    given = {"extract": "h", "spool": "s", "snapshot": "n", "partial": False, "at_ms": 1, "file": "held"}
    return Held.model_validate(given | more)


def kind(one, state=None, **more):
    return turn(one, state or AdapterState(), **more).kind


def test_what_was_taken_is_known_unless_it_is_ordered_again():
    """A known extract needs no work; an order takes it again."""
    assert kind(extract(), AdapterState(known=("x",))) == "known"
    assert kind(extract(), AdapterState(known=("x",), again=("x",))) == "take"


def test_a_faulty_file_is_refused_until_it_is_skipped():
    """What cannot be read as it is named or lies there is refused, in every mode."""
    for partial in (False, True):
        one = extract(fault="no date", partial=partial)
        assert turn(one, AdapterState()).reason == "no date"
        assert kind(one, AdapterState(known=("x",))) == "known"


def test_failed_and_held_ones_rest():
    """What failed in this process or waits for a person is left alone."""
    assert kind(extract(), failed={"x"}) == "rest"
    assert kind(extract(), AdapterState(held=held(extract="x"))) == "rest"


def test_parts_wait_for_what_is_before_them():
    """A part waits for one that is held or failed, but not its mended self by name or by number."""
    for state in (
        AdapterState(held=held(partial=True, sequence=7)),
        AdapterState(blocked=Blocked(extract="h", file="held", sequence=7)),
    ):
        assert kind(extract("other", partial=True), state) == "wait"
        assert kind(extract("other", partial=True, sequence=8), state) == "wait"
        assert kind(extract("held", partial=True), state) == "take"
        assert kind(extract("other", partial=True, sequence=7), state) == "take"
    assert kind(extract(partial=True), stuck="1 is not done") == "wait"
    assert kind(extract(), stuck="1 is not done") == "take"


def test_numbers_neither_skip_nor_repeat():
    """The next number is taken, an earlier one refused, a later one waits and names the gap."""
    state = AdapterState(sequence=16)
    assert kind(extract(partial=True, sequence=17), state) == "take"
    assert turn(extract(partial=True, sequence=18), state).reason == "file 17 is missing"
    assert turn(extract(partial=True, sequence=20), state).reason == "files 17 to 19 are missing"
    assert kind(extract(partial=True, sequence=16), state) == "refuse"
    assert kind(extract(partial=True, sequence=99)) == "take"
    assert kind(extract(sequence=99), state) == "take"


def test_an_older_picture_is_doubted_or_passed():
    """An older business date or number is held with its reason, or passed over where that is declared."""
    state = AdapterState(ts_ms=2 * 86_400_000, sequence=5)
    assert turn(extract(business=86_400_000), state).doubts == (
        "its business date 1970-01-02 is before 1970-01-03, the one committed last",
    )
    assert turn(extract(sequence=4), state).doubts == ("its number 4 is before 5, the one committed last",)
    assert kind(extract(business=1), state, older="pass") == "pass"
    assert turn(extract(business=2 * 86_400_000), state).doubts == ()
    assert turn(extract(), state).doubts == ()


def test_an_older_picture_waits_behind_a_newer_one_that_is_held():
    """Whether the older one counts is known only once the newer one is decided."""
    state = AdapterState(held=held(ts_ms=9))
    assert kind(extract(business=8), state) == "wait"
    assert kind(extract(business=9), state) == "take"
    assert kind(extract(), state) == "take"


@given(st.lists(st.integers(1, 8), min_size=1, max_size=12))
def test_whatever_arrives_a_sequence_is_taken_in_order_without_gaps(numbers):
    """Looking again and again at files with any numbers takes 1, 2, 3 … as far as there is no gap."""
    state, taken = AdapterState(sequence=0), []
    for _ in numbers:
        stuck = ""
        for at, number in enumerate(sorted(numbers)):
            its = turn(extract(id=f"{at}", name=f"{at}", partial=True, sequence=number), state, stuck=stuck)
            if its.kind == "take":
                taken.append(number)
                state = state.model_copy(update={"sequence": number, "known": state.remember(f"{at}")})
            elif its.kind == "wait":
                stuck = its.reason
    whole = next(n for n in range(1, 10) if n not in numbers) - 1
    assert taken == list(range(1, whole + 1))
