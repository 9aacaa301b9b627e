"""`banyan run` of the demo estate: SOAP changes reach the API, operations move, nothing is left behind."""

import signal
import urllib.error
import urllib.request

import pytest

from tests.e2e.browser import browser_page

ESTATE = "universal_credit"
pytestmark = pytest.mark.timeout(400)


def _case(hub, case_id):
    return hub.get("api", f"/v1/cases/{case_id}")


def test_a_soap_case_is_created_changed_and_deleted_at_the_api(running) -> None:
    """A case that is opened, changed and deleted over SOAP appears, changes and disappears at the API."""
    hub = running
    opened = hub.post("casework", "/_demo/open", {})[1]
    case_id = opened.get("case", opened)["case_id"]
    created = hub.until(
        lambda: _case(hub, case_id)[0] == 200 and _case(hub, case_id), "the new case is served"
    )
    hub.post(
        "casework", "/_demo/change", {"case_id": case_id, "status": "SUSPENDED", "weekly_award": "99.50"}
    )
    # By the amount: a case may be opened as suspended.
    hub.until(lambda: _case(hub, case_id)[1]["weekly_award"] == "99.50", "the change is served")
    status, row, headers = _case(hub, case_id)
    assert (status, row["status"]) == (200, "SUSPENDED")
    assert headers["etag"] != created[2]["etag"]
    hub.post("casework", "/_demo/delete", {"case_id": case_id})
    hub.until(lambda: _case(hub, case_id)[0] == 404, "the case is gone")
    assert _case(hub, case_id)[2]["content-type"].startswith("application/problem+json")


def test_every_case_equals_the_legacy_system(running) -> None:
    """Every case at the API equals what the casework system holds, field by field."""
    hub = running

    def equal():
        truth = {c["case_id"]: c for c in hub.get("casework", "/_demo/cases")[1]["cases"]}
        found = {row["case_id"]: row for row in hub.rows("cases")}
        assert truth.keys() == found.keys()
        for key, case in truth.items():
            for name, value in case.items():
                served = found[key][name]
                if name == "last_contact":
                    served = served.replace(".000Z", "Z")
                assert served == value, (key, name)
        return len(truth)

    assert hub.until(equal, "all cases are equal") > 10


def test_the_facade_moves_and_comes_back(running) -> None:
    """One call, one answer: from legacy, from modern once the gate opens, after a kill from legacy again."""
    hub = running
    path = f"/cases/{hub.rows('cases')[0]['case_id']}"

    def served_by(side):
        status, body, headers = hub.get("facade", path)
        return (body,) if status == 200 and headers["banyan-served-by"] == side else None

    (legacy,) = hub.until(lambda: served_by("legacy"), "legacy serves")

    def move(stage):
        return hub.banyan("operation", "stage", "get_case", stage, "--reason", "a test", "-e", ESTATE)

    assert move("shadow").returncode == 0
    closed = move("modern")
    assert (closed.returncode, "of 12 distinct keys" in closed.stderr) == (1, True), closed.stderr
    for row in hub.rows("cases")[:12]:
        assert hub.get("facade", f"/cases/{row['case_id']}")[0] == 200
    hub.until(
        lambda: hub.banyan("operation", "gate", "get_case", "-e", ESTATE).returncode == 0, "it may go up"
    )
    done = move("modern")
    assert done.returncode == 0, done.stderr
    (modern,) = hub.until(lambda: served_by("modern"), "modern serves")
    assert legacy == modern
    assert hub.banyan("operation", "kill", "get_case", "--reason", "a test", "-e", ESTATE).returncode == 0
    assert served_by("legacy") == (legacy,)
    assert hub.banyan("operation", "restore", "get_case", "--reason", "a test", "-e", ESTATE).returncode == 0
    hub.until(lambda: served_by("modern"), "modern serves again")
    assert hub.banyan("operation", "verify", "-e", ESTATE).returncode == 0


def test_the_console_shows_the_flows(running) -> None:
    """The console knows the flows, shows no alert of an outage, and forbids foreign scripts."""
    hub = running
    overview = hub.until(
        lambda: (
            (o := hub.get("console", "/overview.json")[1]) and all(f["projection"] for f in o["flows"]) and o
        ),
        "all flows have a projection",
    )
    assert {f["entity"] for f in overview["flows"]} == {"claimant", "award", "case"}
    assert overview["outages"] == []
    headers = hub.get("console", "/overview.json")[2]
    assert "default-src 'none'" in headers["content-security-policy"]


@pytest.mark.parametrize("width", [1280, 390])
def test_the_console_in_a_browser(running, width) -> None:
    """On a screen and on a telephone the page shows flows and stage, fits, refreshes, and logs no error."""
    hub = running
    with browser_page() as page:
        page.load(hub.url("console", "/"), width)
        page.wait_for_refresh("/overview")
        assert page.title == "Universal Credit (synthetic) – Banyan console"  # noqa: RUF001 - the page's dash
        topics = ("uc.casework.case", "uc.paymaster.claimant", "uc.paymaster.award")
        for shown in (*topics, "get_case", "modern"):
            assert shown in page.text
        assert "does not answer" not in page.text
        assert page.overflow == 0
        assert page.complaints == []


def test_a_foreign_name_reaches_no_part(running) -> None:
    """Under a name that is not this host's, as after DNS rebinding, no part answers with what it knows."""
    hub = running
    for part in ("api", "facade", "console"):
        request = urllib.request.Request(hub.url(part, "/health/live"), headers={"Host": "evil.example.org"})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=20)
        assert refused.value.code == 421


def test_a_killed_part_comes_back(running) -> None:
    """A worker that is killed is started again, and changes still reach the API."""
    hub = running
    (worker,) = (p for p in hub.processes() if "worker" in p.cmdline()[-2:])
    worker.kill()
    opened = hub.post("casework", "/_demo/open", {})[1]
    case_id = opened.get("case", opened)["case_id"]
    hub.until(lambda: _case(hub, case_id)[0] == 200, "the case is served after the kill")


def test_facts_are_json_for_machines(running) -> None:
    """The fact commands print JSON and mask personal data."""
    hub = running
    done = hub.banyan("events", "tail", "casework.case", "-n", "1", "-e", ESTATE)
    assert done.returncode == 0, done.stderr
    assert '"nino": "•••"' in done.stdout
    assert hub.banyan("status", ESTATE, "--json").returncode == 0


def test_sigterm_leaves_nothing_behind(running) -> None:
    """SIGTERM to `banyan run` ends every process that it started, Kafka and registry too."""
    hub = running
    (parent,) = (p for p in hub.processes() if p.cmdline()[-2:] == ["run", ESTATE])
    parent.send_signal(signal.SIGTERM)
    hub.until(lambda: not hub.processes(), "all processes have ended")


def test_a_killed_supervisor_leaves_nothing_behind(hub) -> None:
    """SIGKILL to `banyan run` ends every part and both services, though nobody ends them in order."""
    process = hub.start("run", ESTATE)
    hub.until(lambda: hub.get("console", "/health/live")[0] == 200, "the console answers")
    process.kill()
    process.wait()
    hub.until(lambda: not hub.processes(), "all processes have ended")
