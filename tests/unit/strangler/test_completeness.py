"""When a projection is complete to an extract."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from strangler.completeness import REMEMBERED, Marks, Positions

TOPIC = "uc.casework.case"


def end(extract: str, read_from: int, offsets: dict[str, int], **more: Any) -> dict[str, Any]:
    record = {"status": "END", "adapter": "cases", "extract": extract, "read_from_ms": read_from}
    return record | {"offsets": {TOPIC: offsets} if offsets else {}} | more


def at(**offsets: int) -> Positions:
    numbered = {k.removeprefix("p"): v for k, v in offsets.items()}
    return Positions.of("case", [{"projection": "case", "topic": TOPIC, "offsets": numbered}])


def test_only_an_extract_that_began_later_covers_a_moment() -> None:
    """A read at t is covered by the first extract that began to read at t or after, of that adapter."""
    marks = Marks()
    for record in (end("a", 100, {"0": 5}), end("b", 200, {"0": 9}), end("c", 300, {"0": 12})):
        marks.add(record)
    found = marks.covering("cases", 150)
    assert found is not None and found.extract == "b"
    assert marks.covering("cases", 301) is None
    assert marks.covering("awards", 0) is None


def test_what_is_no_end_is_passed_over() -> None:
    """BEGIN records, foreign records and ENDs without a reading time cover nothing."""
    marks = Marks()
    marks.add({"status": "BEGIN", "adapter": "cases", "extract": "a"})
    marks.add({"status": "END", "id": "debezium"})
    marks.add(end("a", 1, {"0": 1}) | {"read_from_ms": None})
    assert marks.covering("cases", 0) is None


def test_an_unchanged_extract_needs_what_came_before() -> None:
    """An extract without changes is complete only once all earlier changes are in the projection."""
    marks = Marks()
    marks.add(end("a", 100, {"0": 5, "1": 7}))
    marks.add(end("b", 200, {}))
    mark = marks.covering("cases", 150)
    assert mark is not None and mark.extract == "b"
    assert not at(p0=5, p1=8).complete_to(mark)
    assert at(p0=6, p1=8).complete_to(mark)


def test_a_partition_that_was_never_read_is_behind() -> None:
    """A projection without an offset for a partition with events, or without any, is not complete."""
    marks = Marks()
    marks.add(end("a", 100, {"0": 0, "1": 0}))
    mark = marks.covering("cases", 0)
    assert mark is not None
    assert not at(p0=1).complete_to(mark)
    assert not Positions.of("other", []).complete_to(mark)
    assert at(p0=1, p1=1).complete_to(mark)


def test_topics_of_other_projections_do_not_count() -> None:
    """An adapter's other topics do not hold this projection up."""
    marks = Marks()
    marks.add(end("a", 100, {"0": 3}) | {"offsets": {TOPIC: {"0": 3}, "uc.casework.visit": {"0": 99}}})
    mark = marks.covering("cases", 0)
    assert mark is not None and at(p0=4).complete_to(mark)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 3)), min_size=1, max_size=30))
def test_a_mark_never_asks_for_less_than_an_earlier_one(offsets: list[tuple[int, int]]) -> None:
    """Along the log, what a projection must have reached only grows."""
    marks = Marks()
    before: dict[Any, int] = {}
    for number, (offset, partition) in enumerate(offsets):
        marks.add(end(f"e{number}", number, {str(partition): offset}))
        mark = marks.covering("cases", number)
        assert mark is not None
        assert all(mark.last[place] >= last for place, last in before.items())
        before = dict(mark.last)


def test_memory_is_bounded() -> None:
    """Only the newest marks are remembered; the last offsets of forgotten ones still count."""
    marks = Marks()
    marks.add(end("first", 0, {"3": 41}))
    for number in range(REMEMBERED + 5):
        marks.add(end(f"e{number}", number + 1, {}))
    mark = marks.covering("cases", 0)
    assert mark is not None and mark.extract == "e5" and mark.last == {(TOPIC, 3): 41}
