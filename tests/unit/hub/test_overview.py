"""What the console calls good, late, and in need of a person."""

from dataclasses import replace

from hub.console.app import _breakable, _clock, _environment
from hub.console.overview import (
    ExtractView,
    FlowView,
    Overview,
    SourceView,
    operation_view,
    waiting,
)

FLOW = FlowView(
    "awards",
    "batch",
    "paymaster",
    "award",
    "uc.paymaster.award",
    "award",
    1,
    "/v1/awards",
    9,
    9,
    0,
    0,
    0.1,
    0.2,
)
EXTRACT = ExtractView("abc", "committed", 1, "AWARDS.1.dat", {"r": 9}, ())
SOURCE = SourceView("awards", "batch", "paymaster", "Payments", "", 0, 1, EXTRACT)
OPERATION = {
    "name": "get_case",
    "stage": "shadow",
    "effective_stage": "shadow",
    "rest": {"method": "GET", "path": "/c"},
}
CALM = Overview("An estate", 1, 10.0, "http://a", "http://f", [FLOW], [SOURCE], [operation_view(OPERATION)])


def test_a_healthy_hub_needs_nobody() -> None:
    """A hub with nothing held, rejected, late or different raises no alert."""
    assert CALM.alerts == []
    assert (CALM.up_to_date, CALM.rows, CALM.dead_letters) == (1, 9, 0)


def test_a_held_extract_names_the_next_action() -> None:
    """A held extract is a severe alert that says why and how to approve it."""
    held = replace(EXTRACT, state="held", problems=("would delete 9 of 9 keys",))
    (alert,) = replace(CALM, sources=[replace(SOURCE, extract=held)]).alerts
    assert alert.severe
    assert "would delete 9 of 9 keys" in alert.what
    assert alert.action.startswith("banyan adapter approve awards")


def test_severe_alerts_come_first() -> None:
    """A kill stands above rejected records, whatever order they were found in."""
    killed = operation_view(OPERATION | {"killed": {"by": "x"}})
    view = replace(CALM, sources=[replace(SOURCE, dead_letters=1)], operations=[killed])
    assert [alert.severe for alert in view.alerts] == [True, False]
    assert "1 record of paymaster" in view.alerts[1].what


def test_a_flow_beyond_its_objective_is_late() -> None:
    """A flow whose 99th percentile exceeds the objective is late and is named."""
    late = replace(FLOW, p99_s=10.5)
    view = replace(CALM, flows=[late])
    assert view.late(late)
    assert "award misses its freshness objective" in view.alerts[0].what


def test_commit_markers_are_not_waiting_events() -> None:
    """A read model that reached every END mark waits for nothing, though the log's end is further on."""
    assert waiting({"0": 12, "1": 5}, {"0": 11, "1": 4}, {"0": 10, "1": 3}) == 0
    assert waiting({"0": 12, "1": 5}, {"0": 8, "1": 4}, {"0": 10, "1": 3}) == 5


def test_the_page_escapes_what_others_wrote() -> None:
    """A file name with markup in it is shown as text."""
    nasty = replace(EXTRACT, file="<script>alert(1)</script>")
    page = (
        _environment()
        .get_template("page.html")
        .render(o=replace(CALM, sources=[replace(SOURCE, extract=nasty)]))
    )
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_page_renders_an_empty_estate() -> None:
    """An estate without adapters and operations has a page that says so."""
    page = (
        _environment().get_template("page.html").render(o=Overview("Empty", 1, 10.0, "http://a", "http://f"))
    )
    assert "no adapters yet" in page
    assert "Nothing needs you" in page


def test_files_that_wait_for_the_same_are_told_once() -> None:
    """Files behind a gap are one alert that names the first; what waits for something else has its own."""
    gap = [
        replace(EXTRACT, id=f"{n}", file=f"M.{n}.csv", state="waiting", reason="file 17 is missing")
        for n in (18, 19)
    ]
    other = replace(EXTRACT, id="x", file="M.9.csv", state="waiting", reason="the trailer has not come")
    source = replace(SOURCE, extract=gap[-1], open=(*gap, other))
    view = replace(CALM, sources=[source])
    assert sorted(alert.what for alert in view.alerts) == [
        "awards: 2 files from M.18.csv on are waiting: file 17 is missing.",
        "awards: M.9.csv is waiting: the trailer has not come.",
    ]
    assert source.more == 2


def test_only_flows_that_are_answered_can_be_up_to_date() -> None:
    """A topic that no projection reads is no flow that lags."""
    unread = replace(FLOW, projection=None, waiting=None)
    view = replace(CALM, flows=[FLOW, unread])
    assert (view.up_to_date, view.answered) == (1, 1)


def test_times_of_other_days_say_so_and_names_break_at_dots() -> None:
    """A time alone is today's; a long name may be broken behind a dot, and nothing in it is markup."""
    day = 86_400_000
    assert _clock(day + 61_000, day * 2 - 1) == "00:01:01"
    assert _clock(61_000, day * 2) == "1970-01-01 00:01"
    assert _breakable("A.B_<b>") == "A.<wbr>B_<wbr>&lt;b&gt;"
