"""The mass-delete guard holds what a person should see, and nothing else."""

from __future__ import annotations

import pytest

from adapters.guard import Tally, reasons_to_hold
from adapters.spec import GuardSpec


def reasons(
    tally: Tally, *, partial=False, unreadable=0, problems=(), spec: GuardSpec | None = None
) -> list[str]:
    return reasons_to_hold(
        {"case": tally}, spec or GuardSpec(), partial=partial, unreadable_keys=unreadable, problems=problems
    )


@pytest.mark.parametrize(
    ("tally", "held"),
    [
        (Tally(known=0, rows=5, r=5), False),
        (Tally(known=100, rows=90, d=10, unchanged=90), False),
        (Tally(known=100, rows=89, d=11, unchanged=89), True),
        (Tally(known=19, rows=1, d=18, unchanged=1), False),
        (Tally(known=1, rows=0, d=1), True),
        (Tally(known=5, rows=0, d=4, rejected=1), True),
        (Tally(known=1, rows=0, rejected=1), False),
        (Tally(known=100, rows=100, c=100, d=100), True),
        (Tally(known=100, rows=50, unchanged=50, rejected=50), True),
        (Tally(known=100, rows=95, unchanged=95, rejected=5), False),
    ],
)
def test_thresholds(tally, held):
    """Too many deletes, an extract without rows or a fall in readable rows hold it."""
    assert bool(reasons(tally)) is held


def test_partial_extract_may_be_small():
    """A partial extract is never held for what is not in it."""
    assert reasons(Tally(known=100, rows=0), partial=True) == []


def test_incomplete_is_held():
    """A problem or an unreadable key holds any extract, partial or not."""
    assert reasons(Tally(), problems=["trailer says 5 records, 4 read"]) == [
        "the extract is not complete: trailer says 5 records, 4 read"
    ]
    assert "2 records" in reasons(Tally(), partial=True, unreadable=2)[0]


def test_thresholds_are_settings():
    """The share and the least number of known rows come from the adapter's settings."""
    tally = Tally(known=10, rows=5, d=5, unchanged=5)
    assert reasons(tally) == []
    assert reasons(tally, spec=GuardSpec(min_known=10)) != []
    assert reasons(tally, spec=GuardSpec(min_known=10, max_delete_share=0.5)) == []
