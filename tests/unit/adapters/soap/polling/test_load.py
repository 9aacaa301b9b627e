"""Load gives way to a slow service and comes back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.soap.errors import BrokenAnswer, CallRefused
from adapters.soap.pace import Pace
from adapters.soap.polling.load import Load, Throttle

CALLS = st.lists(st.tuples(st.floats(0, 60), st.booleans()), max_size=60)


def after(load: Load, *seconds: float, failed: bool = False) -> Load:
    for s in seconds:
        load = load.after("Get", s, failed=failed, most=8, slow=3)
    return load


def test_a_quick_service_gets_all_that_is_allowed():
    """Answers in their usual time raise the limit to the settings' and no further."""
    assert after(Load(1.0), *[0.2] * 100).limit == 8


def test_a_slow_service_gets_less():
    """Answers of three times the best and more shrink the limit to one; then pauses grow to half a minute."""
    slow = after(Load(8.0), 0.2, *[2.0] * 8)
    assert slow.limit == 1
    assert slow.pause > 0
    assert after(slow, *[2.0] * 40, failed=True).pause == 30


def test_it_recovers():
    """Quick answers take the pauses away first, then raise the limit again."""
    slow = after(Load(8.0), 0.2, *[2.0] * 8)
    assert after(slow, *[0.2] * 20).pause == 0
    assert after(slow, *[0.2] * 100).limit > 6


def test_failures_count_as_slow():
    """A call without answer shrinks the limit however quickly it failed."""
    assert after(Load(8.0), 0.001, failed=True).limit < 8


def test_milliseconds_are_never_slow():
    """Below 50 ms the machine's own noise decides nothing."""
    assert after(Load(8.0), 0.001, 0.04, 0.03).limit == 8


def test_a_service_that_is_slower_for_good_is_the_new_measure():
    """The best time is forgotten in the end, so the limit rises again."""
    assert after(Load(8.0), 0.1, *[1.0] * 500).limit > 4


@given(CALLS)
def test_the_load_stays_within_its_bounds(calls):
    """Whatever happens, at least one call may go out, at most as many as allowed, after a short pause."""
    load = Load(8.0)
    for seconds, failed in calls:
        load = load.after("Get", seconds, failed=failed, most=8, slow=3)
        assert 1 <= load.limit <= 8
        assert 0 <= load.pause <= 30
        assert load.pause == 0 or load.limit == 1


class Slow:
    """A wire whose answers take as long as the clock is told."""

    def __init__(self) -> None:
        self.now, self.takes, self.error = 0.0, 0.2, None
        self.slept: list[float] = []

    @contextmanager
    def call(self, operation: str, values: Mapping[str, Any]) -> Iterator[Iterator[bytes]]:
        self.now += self.takes
        if self.error is not None:
            raise self.error
        yield iter([b"a", b"b"])

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_the_throttle_measures_and_waits():
    """Real calls are measured by the clock, slow ones are followed by pauses, and the bytes come whole."""
    wire = Slow()
    throttle = Throttle(Pace(1e9), 2, 3.0, clock=lambda: wire.now, sleep=wire.sleep)
    for takes in (0.2, 3.0, 3.0, 3.0, 3.0):
        wire.takes = takes
        with throttle.call(wire, "Get", {}) as parts:
            assert b"".join(parts) == b"ab"
    assert throttle.load.limit == 1
    assert wire.slept
    assert wire.slept == sorted(wire.slept)


@pytest.mark.parametrize(("error", "slower"), [(BrokenAnswer("cut"), True), (CallRefused("no"), False)])
def test_errors_give_their_place_back(error, slower):
    """A call that fails frees its place; only one that may pass later speaks of load."""
    wire = Slow()
    throttle = Throttle(Pace(1e9), 2, 3.0, clock=lambda: wire.now, sleep=wire.sleep)
    wire.error = error
    for _ in range(5):
        with pytest.raises(type(error)), throttle.call(wire, "Get", {}):
            pass
    assert (throttle.load.limit < 2) == slower
