"""Verdicts of a range of the log, counted as the decision says."""

from __future__ import annotations

import pytest

from strangler.compare import Kind, Verdict
from strangler.evidence import count, p99
from strangler.verdict_record import VerdictRecord


def verdict(operation: str, key: str, kind: Kind, reason: str = "", took: float = 0.0) -> VerdictRecord:
    return VerdictRecord(operation, 1, key, Verdict(kind, "1.1", (), reason), modern_ms=took)


RECORDS = [
    (7, verdict("get_case", "a", Kind.SAME, took=10.0)),
    (8, verdict("get_case", "a", Kind.SAME, took=30.0)),
    (10, verdict("get_award", "b", Kind.DIFFERENT, took=500.0)),
    (11, verdict("get_case", "c", Kind.INCONCLUSIVE, "modern_timeout", took=2_000.0)),
    (14, verdict("get_case", "d", Kind.INCONCLUSIVE, "stale")),
]


def test_one_operation_is_counted_to_the_end_of_the_range() -> None:
    """Verdicts, keys, failures and times are of the operation; the range is that of everything read."""
    found = count(RECORDS, "get_case", topic="v", first=5, counted="sides")
    assert found.verdicts == {"same": 2, "inconclusive": 2}
    assert (found.distinct_keys, found.failed, found.modern_p99_ms) == (1, 1, 2_000.0)
    assert found.offsets == {"v": (5, 15)}


def test_older_decisions_are_counted_in_their_way() -> None:
    """What was not looked at then is not there now, so that an old decision is still found to be right."""
    found = count(RECORDS, "get_case", topic="v", first=5, counted="compared")
    assert (found.failed, found.modern_p99_ms, found.distinct_keys) == (0, 0.0, 1)
    assert count(RECORDS, "get_case", topic="v", first=5, counted="").distinct_keys == 3


def test_nothing_is_an_empty_range() -> None:
    """Where no verdict was given, the range ends where it begins."""
    assert count([], "get_case", topic="v", first=5, counted="sides").offsets == {"v": (5, 5)}


@pytest.mark.parametrize(("values", "expected"), [([], 0.0), ([4.0], 4.0), (list(range(1, 201)), 198)])
def test_p99(values: list[float], expected: float) -> None:
    """The smallest value that 99 in a hundred do not exceed, none where there are no values."""
    assert p99(values) == expected
