"""What the console calls good, late, and in need of a person."""

from dataclasses import replace

from hub.console.app import _environment
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
