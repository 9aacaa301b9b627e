"""Working one step ahead changes nothing but the time."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ahead import ahead


class Numbers:
    """Counts up, fails at `fails`, and knows how far it came, where, and whether it was closed."""

    def __init__(self, n: int, fails: int = -1) -> None:
        self.n, self.fails = n, fails
        self.made = 0
        self.closed = False
        self.threads: set[int] = set()

    def __iter__(self) -> Iterator[int]:
        try:
            for number in range(self.n):
                self.threads.add(threading.get_ident())
                if number == self.fails:
                    raise OSError("the disk is gone")
                self.made += 1
                yield number
        finally:
            self.closed = True


@given(st.lists(st.integers()), st.integers(1, 3))
def test_the_same_items_in_the_same_order(items: list[int], room: int) -> None:
    """What comes out is what would have come out without it."""
    assert list(ahead(items, room)) == items


def test_an_error_comes_behind_the_items_before_it() -> None:
    """What the source raises is raised here, after everything that it gave."""
    source, taken = Numbers(5, fails=3), []
    with pytest.raises(OSError, match="disk is gone"):
        for number in ahead(source):
            taken.append(number)
    assert (taken, source.closed) == ([0, 1, 2], True)


def test_no_more_is_made_than_there_is_room_for() -> None:
    """A consumer that stops early ends the source, which never ran far ahead; its thread is gone."""
    before = threading.active_count()
    source = Numbers(1_000_000)
    items = ahead(source, room=2)
    assert next(items) == 0
    items.close()
    assert source.made <= 1 + 2 + 2
    assert source.closed
    assert threading.active_count() == before
    assert source.threads.isdisjoint({threading.get_ident()})


def test_nothing_runs_before_it_is_asked_for() -> None:
    """The source is not touched until the first item is wanted."""
    source = Numbers(3)
    items = ahead(source)
    assert not source.threads
    assert list(items) == [0, 1, 2]
