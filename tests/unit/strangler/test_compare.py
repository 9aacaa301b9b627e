"""The laws of comparison."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from strangler.compare import Kind, Rules, compare

NAMES = st.sampled_from(["a", "b", "c", "payments", "note"])
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-1000, 1000)
    | st.decimals(-1000, 1000, places=2, allow_nan=False)
    | st.floats(allow_nan=True)
    | st.text(max_size=5)
    | st.dates()
    | st.datetimes(timezones=st.just(UTC))
    | st.datetimes()
    | st.binary(max_size=4)
)
VALUES = st.recursive(
    LEAVES, lambda v: st.lists(v, max_size=3) | st.dictionaries(NAMES, v, max_size=3), max_leaves=8
)
RECORDS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=4)
PLAIN = Rules()


@given(RECORDS)
def test_a_record_is_the_same_as_itself(record: dict[str, Any]) -> None:
    """compare(r, r) is same for every record and under every kind of rule."""
    rules = Rules(sets=frozenset({"payments"}), strict_scale=frozenset({"a"}), zone=ZoneInfo("Europe/London"))
    assert compare(record, record, PLAIN).kind is Kind.SAME
    assert compare(record, record, rules).kind is Kind.SAME


@given(RECORDS, RECORDS)
def test_comparison_does_not_depend_on_the_side(a: dict[str, Any], b: dict[str, Any]) -> None:
    """Which record is called legacy changes neither the verdict nor its paths."""
    rules = Rules(sets=frozenset({"payments"}), tolerance={"a": Decimal("0.5")})
    assert compare(a, b, rules) == compare(b, a, rules)


@given(RECORDS, RECORDS)
def test_ignoring_the_paths_of_a_difference_leaves_none(a: dict[str, Any], b: dict[str, Any]) -> None:
    """A rule that ignores every reported path leaves no difference: the paths are all there is."""
    verdict = compare(a, b, PLAIN)
    generic = frozenset("".join("[]" if p.isdigit() else p for p in _split(path)) for path in verdict.paths)
    left = compare(a, b, Rules(ignore=generic))
    assert left.kind is Kind.SAME or left.reason == "nothing_compared"


def _split(path: str) -> list[str]:
    return path.replace("[", "\0").replace("]", "\0").split("\0")


@given(RECORDS, NAMES, st.integers())
def test_a_changed_field_is_reported_at_its_path(record: dict[str, Any], name: str, value: int) -> None:
    """A field that is put in, changed or taken out is reported at exactly its path."""
    assume(name not in record)
    assert compare(record, record | {name: value}, PLAIN).paths == (name,)
    assert compare(record | {name: value}, record | {name: value + 1}, PLAIN).paths == (name,)


@given(st.decimals(-(10**6), 10**6, places=2, allow_nan=False), st.integers(0, 6))
def test_scale_is_no_difference_unless_asked(value: Decimal, zeros: int) -> None:
    """1.5 and 1.50 are the same amount; with strict_scale they are not."""
    other = value.quantize(Decimal(1).scaleb(-2 - zeros))
    assert compare({"a": value}, {"a": other}, PLAIN).kind is Kind.SAME
    strict = compare({"a": value}, {"a": other}, Rules(strict_scale=frozenset({"a"})))
    assert (strict.kind is Kind.SAME) == (zeros == 0)


@given(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)), st.integers(-14, 14))
def test_a_moment_is_the_same_in_every_zone(moment: datetime, hours: int) -> None:
    """The same instant written with another offset is no difference."""
    other = moment.astimezone(timezone(timedelta(hours=hours)))
    assert compare({"a": moment}, {"a": other}, PLAIN).kind is Kind.SAME


def test_a_moment_without_zone_needs_a_rule() -> None:
    """A date-time without zone differs from one with, until a rule says which zone it is in."""
    naive, moment = datetime(2026, 7, 1, 13), datetime(2026, 7, 1, 12, tzinfo=UTC)
    assert compare({"a": naive}, {"a": moment}, PLAIN).paths == ("a",)
    assert compare({"a": naive}, {"a": moment}, Rules(zone=ZoneInfo("Europe/London"))).kind is Kind.SAME


@given(st.lists(st.integers(0, 5), max_size=6), st.randoms(use_true_random=False))
def test_a_set_has_no_order_but_counts(items: list[int], random: Any) -> None:
    """Under a set rule order does not count, and how often an element occurs does."""
    shuffled = list(items)
    random.shuffle(shuffled)
    rules = Rules(sets=frozenset({"payments"}))
    assert compare({"payments": items}, {"payments": shuffled}, rules).kind is Kind.SAME
    assert compare({"payments": items}, {"payments": [*items, 9]}, rules).paths == ("payments",)
    if items:
        assert compare({"payments": items}, {"payments": [*items[1:], 9]}, rules).paths == ("payments",)


def test_a_set_with_tolerance_is_matched_as_a_whole() -> None:
    """Elements near two others are matched so that all of them fit, if that can be."""
    rules = Rules(sets=frozenset({"p"}), tolerance={"p[]": Decimal(1)})
    assert compare({"p": [1, 2]}, {"p": [2, 3]}, rules).kind is Kind.SAME
    assert compare({"p": [1, 2]}, {"p": [3, 3]}, rules).kind is Kind.DIFFERENT


@given(st.integers(-100, 100), st.integers(-100, 100), st.integers(0, 50))
def test_a_tolerance_holds_up_to_its_bound(a: int, b: int, bound: int) -> None:
    """Two numbers are the same under a tolerance exactly if they are no further apart."""
    verdict = compare({"a": Decimal(a)}, {"a": Decimal(b)}, Rules(tolerance={"a": Decimal(bound)}))
    assert (verdict.kind is Kind.SAME) == (abs(a - b) <= bound)


def test_absent_nil_and_empty_all_differ() -> None:
    """A missing, a nil and an empty field are three things."""
    forms: list[dict[str, Any]] = [{"k": 1}, {"k": 1, "a": None}, {"k": 1, "a": ""}]
    for i, left in enumerate(forms):
        for j, right in enumerate(forms):
            assert (compare(left, right, PLAIN).kind is Kind.SAME) == (i == j)


@pytest.mark.parametrize(("left", "right"), [(True, 1), (0, False), ("1", 1), (b"x", "x")])
def test_types_are_not_mixed_up(left: Any, right: Any) -> None:
    """Values that Python calls equal, or that look alike, differ if their types mean other things."""
    assert compare({"a": left}, {"a": right}, PLAIN).paths == ("a",)


def test_no_such_thing_is_an_answer() -> None:
    """Two sides that both know no such thing agree; one that does is a difference of the whole."""
    assert compare(None, None, PLAIN).kind is Kind.SAME
    assert compare({}, None, PLAIN).paths == ("$",)


def test_the_verdict_names_its_rules() -> None:
    """The version of the rules stands in every verdict."""
    assert compare({}, {}, Rules(version="3.7")).rule_version == "3.7"


def test_records_without_a_field_that_counts_are_not_the_same() -> None:
    """Two empty records, or ones whose every field is ignored, were not compared and are never `same`."""
    assert compare({}, {}, Rules()).reason == "nothing_compared"
    verdict = compare({"at": 1}, {"at": 2}, Rules(ignore=frozenset({"at"})))
    assert (verdict.kind, verdict.reason) == (Kind.INCONCLUSIVE, "nothing_compared")
    assert compare({"at": 1}, {}, Rules()).kind is Kind.DIFFERENT
