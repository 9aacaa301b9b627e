"""Hours, circuit, rate and retry are values: a test is a table of moments."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.soap.errors import CallRefused, ServiceUnavailable
from adapters.soap.wire.breaker import Breaker
from adapters.soap.wire.hours import Hours, days_of
from adapters.soap.wire.rate import Rate
from adapters.soap.wire.retry import Retry, retry_after

LONDON = ZoneInfo("Europe/London")


def at(text: str, zone: ZoneInfo = LONDON) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("now", "opening"),
    [
        ("2026-11-24 07:00", "2026-11-24 07:00"),  # a Tuesday, the very minute
        ("2026-11-24 06:59:59", "2026-11-24 07:00"),
        ("2026-11-24 18:59:59", "2026-11-24 18:59:59"),
        ("2026-11-24 19:00", "2026-11-25 07:00"),
        ("2026-11-27 20:00", "2026-11-30 07:00"),  # over the weekend
        ("2026-12-24 20:00", "2026-12-28 07:00"),  # over Christmas (a Friday) and the weekend
        ("2026-03-27 20:00", "2026-03-30 07:00"),  # over the night in which summer time begins
    ],
)
def test_opening_hours(now, opening):
    """A call may start now, or when the service opens next: by its own wall clock, days and holidays."""
    hours = Hours.of("Europe/London", "mon-fri", "07:00", "19:00", (dt.date(2026, 12, 25),))
    assert hours.opening(at(now)) == at(opening)


def test_hours_over_midnight():
    """Hours that end before they begin end on the following day, also on one that is not open itself."""
    hours = Hours.of("Europe/London", "fri", "22:00", "06:00")
    assert hours.opening(at("2026-11-28 05:59")) == at("2026-11-28 05:59")
    assert hours.opening(at("2026-11-28 06:00")) == at("2026-12-04 22:00")
    assert hours.opening(at("2026-11-26 12:00")) == at("2026-11-27 22:00")


def test_always_and_never_open():
    """00:00 to 24:00 is always open; hours whose every day is a holiday have no opening."""
    assert Hours.of("UTC", "mon-sun", "00:00", "24:00").opening(1e9) == 1e9
    days = tuple(dt.date(2026, 1, 1) + dt.timedelta(days=n) for n in range(800))
    assert (
        Hours.of("UTC", "mon-sun", "00:00", "24:00", days).opening(at("2026-06-01", ZoneInfo("UTC"))) is None
    )


@pytest.mark.parametrize("text", ["", "monday", "mon-", "1", "mon-fri-sun", "mon,,tue"])
def test_days_that_are_none(text):
    """What is no day is refused."""
    with pytest.raises(ValueError, match="is no day"):
        days_of(text)


def test_days():
    """Ranges run over the end of the week; lists are unions."""
    assert days_of("mon-fri") == {0, 1, 2, 3, 4}
    assert days_of("sat-mon, wed") == {5, 6, 0, 2}


def test_the_circuit():
    """So many failures in a row open it; after the pause one call tries; its outcome closes or opens it."""
    circuit = Breaker(limit=3, pause=10)
    circuit = circuit.failed(0).failed(1).answered().failed(2).failed(3)
    assert circuit.wait(3) == 0
    circuit = circuit.failed(4)
    assert circuit.wait(5) == 9
    assert circuit.wait(14) == 0
    trial = circuit.started()
    assert trial.wait(14) == 10  # the others wait while one tries
    assert trial.failed(15).wait(16) == 9
    assert trial.answered() == Breaker(3, 10)
    assert trial.given_up().wait(14) == 0


@given(
    st.lists(st.floats(0, 100), min_size=1, max_size=60).map(sorted),
    st.floats(0.01, 2),
    st.integers(1, 5),
)
def test_no_second_holds_more_calls_than_the_rate_allows(arrivals, gap, burst):
    """Whenever calls come, within any time no more start than burst and rate allow, and each in its order."""
    rate, starts = Rate(gap, burst), []
    for now in arrivals:
        rate, wait = rate.take(now)
        assert wait >= 0
        starts.append(now + wait)
    assert starts == sorted(starts)
    for first in range(len(starts)):
        for last in range(first, len(starts)):
            allowed = burst + (starts[last] - starts[first]) / gap
            assert last - first + 1 <= allowed + 1e-6


def test_pauses_grow_up_to_the_longest():
    """Each pause is longer than the one before, by chance shorter up to the jitter, none over the longest."""
    retry, error = Retry(attempts=6, first=1, factor=3, longest=20, jitter=0.5), ServiceUnavailable("x")
    whole = [retry.pause(n, error, repeatable=True, chance=0.0) for n in range(1, 7)]
    assert whole == [1, 3, 9, 20, 20, None]
    half = [retry.pause(n, error, repeatable=True, chance=1.0) for n in range(1, 6)]
    assert half == [0.5, 1.5, 4.5, 10, 10]


def test_what_is_never_sent_again():
    """An operation not declared safe, a refusal, and a wait that is longer than the longest pause."""
    retry = Retry(attempts=3, first=1, factor=2, longest=20, jitter=0)
    busy = ServiceUnavailable("x")
    assert retry.pause(1, busy, repeatable=False, chance=0) is None
    assert retry.pause(1, CallRefused("x"), repeatable=True, chance=0) is None
    assert retry.pause(1, busy, repeatable=True, chance=0, asked=21) is None
    assert retry.pause(1, busy, repeatable=True, chance=0, asked=7) == 7


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("120", 120),
        (" 0 ", 0),
        ("Tue, 24 Nov 2026 10:01:00 GMT", 60),
        ("Tue, 24 Nov 2026 09:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("9" * 400, None),
        ("", None),
        ("٣", None),
    ],
)
def test_retry_after(text, seconds):
    """Seconds and dates are understood; what is neither is as if it were not there."""
    assert retry_after(text, at("2026-11-24 10:00", ZoneInfo("UTC"))) == seconds
