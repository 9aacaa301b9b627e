"""How an adapter stands after what was told of it."""

from __future__ import annotations

from adapters.lifecycle import LifecycleEvent
from adapters.standing import standings


def standing(*told):
    events = [
        LifecycleEvent(
            adapter="a", extract=extract, state=state, at_ms=at, file=extract or None, reason=f"{state}!"
        )
        for at, (state, extract) in enumerate(told)
    ]
    return standings(events)["a"]


def test_open_extracts_are_open_until_they_are_settled():
    """Held, failed, invalid and waiting ones are shown until something else is told of them."""
    found = standing(("held", "1"), ("invalid", "2"), ("waiting", "3"), ("failed", "4"))
    assert list(found.open) == ["1", "2", "3", "4"] and found.state == "held"
    found = standing(
        ("held", "1"), ("invalid", "2"), ("approved", "1"), ("committed", "1"), ("archived", "1")
    )
    assert list(found.open) == ["2"] and found.state == "invalid" and found.newest.state == "committed"


def test_a_commit_settles_what_failed_before():
    """A failed extract is over once a later one is committed: it was replaced, mended or skipped."""
    assert standing(("failed", "1"), ("waiting", "2"), ("committed", "3")).state == "waiting"


def test_a_late_file_is_late_until_one_comes():
    """Late and missing windows are shown until a file starts; a window that is met says nothing."""
    assert standing(("committed", "1"), ("late", "")).state == "late"
    found = standing(("missing", ""), ("started", "2"))
    assert (found.state, found.expected, found.troubled_window) == ("started", "", None)
    assert standing(("scheduled", ""), ("started", "2")).expected == "scheduled!"
    assert standing(("scheduled", ""), ("arrived", "")).expected == ""


def test_what_was_told_is_counted():
    """Every state counts as often as it was told, windows of expected files, too."""
    found = standing(("late", ""), ("missing", ""), ("late", ""), ("started", "1"), ("committed", "1"))
    assert found.counts == {"late": 2, "missing": 1, "started": 1, "committed": 1}


def test_a_folder_full_of_strangers_is_bounded():
    """Only the newest open extracts are kept by name."""
    assert len(standing(*[("invalid", f"{n}") for n in range(500)]).open) == 100
