"""Expected files: when they are due, late or missing, through changes of the clock and standstills."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.batch.expected import ExpectedSpec, Timetable, steps
from adapters.state import Awaited

LONDON = ZoneInfo("Europe/London")
HOUR = 3_600_000


def at(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).replace(tzinfo=LONDON).timestamp() * 1000)


def table(**given) -> Timetable:
    return Timetable(ExpectedSpec.model_validate({"by": "06:00", "zone": "Europe/London"} | given))


class Watch:
    """An adapter's windows as the clock goes on."""

    def __init__(self, **given):
        self.table, self.awaited = table(**given), Awaited()

    def look(self, now: str, *arrivals: str) -> list[tuple[str, str]]:
        self.awaited, told = steps(self.table, self.awaited, map(at, arrivals), at(now))
        return [(s.state, self.table.local(s.due_ms)[:16]) for s in told]


def test_a_file_in_time_is_scheduled_and_arrives():
    """Its window opens, the file comes, nothing is late, and nothing is told twice."""
    watch = Watch(days="mon-fri", early="2h")
    assert watch.look("2026-11-23T12:00") == []
    assert watch.look("2026-11-24T04:00") == [("scheduled", "2026-11-24 06:00")]
    assert watch.look("2026-11-24T04:01") == []
    assert watch.look("2026-11-24T05:00", "2026-11-24T04:59") == [("arrived", "2026-11-24 06:00")]
    assert watch.look("2026-11-24T07:00", "2026-11-24T04:59") == []


def test_a_file_that_does_not_come_is_late_then_missing():
    """After its time it is late; when the next one may come, or after the declared time, missing."""
    watch = Watch(missing_after="3h")
    watch.look("2026-11-23T12:00")
    assert watch.look("2026-11-24T06:01") == [("late", "2026-11-24 06:00")]
    assert watch.look("2026-11-24T08:59") == []
    assert watch.look("2026-11-24T09:00") == [("missing", "2026-11-24 06:00")]
    assert watch.look("2026-11-24T10:00") == []
    assert watch.look("2026-11-25T06:30") == [("late", "2026-11-25 06:00")]
    assert watch.look("2026-11-25T06:40", "2026-11-25T06:35") == [("arrived", "2026-11-25 06:00")]


def test_a_late_file_is_not_taken_for_the_next_ones():
    """A file that comes late, and a correction of one in time, leave the next day's window open."""
    watch = Watch()
    watch.look("2026-11-23T12:00")
    watch.look("2026-11-24T06:01")
    assert watch.look("2026-11-24T10:00", "2026-11-24T09:00") == [("arrived", "2026-11-24 06:00")]
    assert watch.look("2026-11-25T07:00", "2026-11-24T09:00", "2026-11-24T11:00") == [
        ("late", "2026-11-25 06:00")
    ]


def test_days_off_have_no_window():
    """Weekends and holidays are not waited for; the first and the last of a month are days too."""
    watch = Watch(days="mon-fri", holidays=["2026-12-25"])
    watch.look("2026-12-24T12:00")
    assert watch.look("2026-12-27T12:00") == []
    assert watch.look("2026-12-28T06:01") == [("late", "2026-12-28 06:00")]
    monthly = table(days="1,last")
    dues = [at("2026-02-10T00:00")]
    for _ in range(4):
        dues.append(monthly.after(dues[-1]))
    assert [monthly.local(d)[5:10] for d in dues[1:]] == ["02-28", "03-01", "03-31", "04-01"]


def test_several_files_a_day_have_a_window_each():
    """With `every`, each file has its time until the last of the day."""
    often = table(every="4h", until="18:00")
    due, dues = at("2026-11-24T00:00"), []
    for _ in range(5):
        dues.append(due := often.after(due))
    assert [often.local(d)[8:16] for d in dues] == [
        "24 06:00",
        "24 10:00",
        "24 14:00",
        "24 18:00",
        "25 06:00",
    ]
    assert often.counts_for(at("2026-11-24T08:00")) == dues[1]
    assert often.counts_for(at("2026-11-24T07:59")) == dues[0]


@pytest.mark.parametrize(
    ("day", "by", "utc"),
    [
        ("2026-03-28", "06:00", "06:00"),
        ("2026-03-29", "06:00", "05:00"),
        ("2026-03-29", "01:30", "01:30"),  # left out: read by the clock from before the change
        ("2026-10-25", "01:30", "01:30"),  # comes twice: the second one
        ("2026-10-25", "06:00", "06:00"),
    ],
)
def test_the_clock_changes(day, by, utc):
    """The local time is meant, whatever summer time does to it."""
    due = table(by=by).after(
        int(dt.datetime.fromisoformat(f"{day}T00:00+00:00").timestamp() * 1000) - HOUR * 2
    )
    assert dt.datetime.fromtimestamp(due / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M") == f"{day} {utc}"


def test_a_standstill_tells_what_is_missing_but_no_more_than_two_weeks():
    """After a long stop each missed window is told, the oldest ones are not."""
    watch = Watch()
    watch.look("2026-10-01T12:00")
    told = watch.look("2026-11-24T12:00", "2026-11-23T05:00")
    assert {s for s, _ in told} == {"missing", "arrived", "late"} and len(told) == 14
    assert ("arrived", "2026-11-23 06:00") in told


@pytest.mark.parametrize(
    "wrong",
    [{"by": "25:00"}, {"by": "6"}, {"days": "mun"}, {"days": "32"}, {"zone": "Mars"}, {"every": "4x"},
     {"until": "18:00"}, {"every": "0h"}, {"early": "soon"}],
)  # fmt: skip
def test_wrong_settings_are_refused(wrong):
    """A time, day, zone or duration that is none is refused."""
    with pytest.raises(ValueError):
        table(**wrong)


MOMENTS = st.integers(at("2026-01-01T00:00"), at("2027-12-31T00:00"))
TABLES = st.sampled_from(
    [{}, {"days": "mon-fri"}, {"days": "last"}, {"by": "01:30"}, {"every": "5h"}, {"early": "30m"},
     {"days": "fri-mon", "every": "3h", "until": "12:00"}, {"missing_after": "1h"}]
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(TABLES, MOMENTS)
def test_every_moment_belongs_to_one_window(given_, moment):
    """Due moments are ordered, and a file counts for the window that is open, else for the one before."""
    found = table(**given_)
    before, after = found.before(moment), found.after(moment)
    assert before < moment < after or found.counts_for(moment) == moment
    assert found.after(before) >= moment
    due = found.counts_for(moment)
    assert found.opens(due) <= moment < found.opens(found.after(due))


@settings(max_examples=15, deadline=None)
@given(
    TABLES,
    MOMENTS,
    st.lists(st.integers(0, 80), min_size=1, max_size=12),
    st.lists(st.integers(0, 400), max_size=6),
)
def test_however_often_one_looks_a_window_ends_once(given_, start, pauses, came):
    """Looking often or seldom tells the same windows as arrived or missing, each once and in order."""
    found = table(**given_)
    arrivals = [start + hour * HOUR for hour in came]
    now = start
    looks = [now := now + hours * HOUR for hours in pauses]

    def ends(moments):
        awaited, told = steps(found, Awaited(), [], start)
        for moment in moments:
            awaited, more = steps(found, awaited, [a for a in arrivals if a <= moment], moment)
            told += more
        return [(s.state, s.due_ms) for s in told if s.state in ("arrived", "missing")]

    often = ends(looks)
    assert [due for _, due in often] == sorted({due for _, due in often})
    hourly = ends(range(start, looks[-1] + 1, HOUR))
    if "missing_after" not in given_ and looks[-1] - start < 13 * 24 * HOUR:
        assert [due for _, due in hourly] == [due for _, due in often]
