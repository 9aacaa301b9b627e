"""From the SOAP service to events on real Kafka: create, change, delete, and no false delete."""

from __future__ import annotations

import io
import json
import struct
from collections import Counter
from pathlib import Path

import fastavro
import pytest

from adapters.lifecycle import history
from adapters.runner import run
from adapters.soap.spec import SoapSpec
from connectors.log_reader import read_all
from connectors.registry import Registry
from connectors.settings import load

FOLDER = Path(__file__).parents[4] / "examples/universal_credit/adapters/cases"


class Flow:
    """The demo's adapter with ten rows a page, run one poll at a time as new processes would."""

    def __init__(self, service, links) -> None:
        spec = load(FOLDER / "adapter.toml", SoapSpec, env={"BANYAN_CASEWORK_PORT": str(service.port)})
        settings = spec.model_dump()
        settings["paging"]["rows"] = 10
        # One attempt: what a call that is sent again can mend is another test's matter.
        settings["wire"]["retry"]["attempts"] = 1
        settings |= {"timeout_seconds": 1.0, "guard": {"max_delete_share": 0.5, "min_known": 20}}
        self.spec, self.links = SoapSpec.model_validate(settings), links
        self.registry = Registry(links.registry_url)
        self.seen = 0

    def poll(self):
        return run([(self.spec, FOLDER)], self.links, once=True).adapters["cases"]

    def events(self) -> list[dict]:
        """New change events since the last look, tombstones left out."""
        topic = self.links.topics.change("casework", "case").name
        found = [self.decode(m.value) for m in read_all(self.links.kafka, topic) if m.value is not None]
        found.sort(key=lambda e: (e["source"]["ts_ms"], e["transaction"]["total_order"]))
        fresh, self.seen = found[self.seen :], len(found)
        return fresh

    def decode(self, value: bytes) -> dict:
        magic, schema_id = struct.unpack(">bI", value[:5])
        assert magic == 0
        schema = fastavro.parse_schema(self.registry.by_id(schema_id))
        return fastavro.schemaless_reader(io.BytesIO(value[5:]), schema)

    def ends(self) -> list[dict]:
        marks = [json.loads(m.value) for m in read_all(self.links.kafka, self.links.topics.transaction.name)]
        return [mark for mark in marks if mark["status"] == "END"]


@pytest.fixture
def flow(service, links) -> Flow:
    return Flow(service, links)


def test_changes_become_events(service, flow):
    """First load r, then c, u and d with both images, each leading back to the operation and the poll."""
    assert flow.poll().committed
    first = flow.events()
    assert Counter(e["op"] for e in first) == {"r": 30}
    assert {e["after"]["caseId"] for e in first} == {c["case_id"] for c in service.all()}
    before = next(c for c in service.all() if c["case_id"] == "C00002")

    service.demo("open", case_id="C90000", nino="QQ999999A", note="")
    service.demo("change", case_id="C00002", status="CLOSED", weekly_award="0.01")
    service.demo("delete", case_id="C00003")
    flow.poll()
    events = {e["op"]: e for e in flow.events()}
    assert sorted(events) == ["c", "d", "u"]
    assert (events["c"]["before"], events["c"]["after"]["note"]) == (None, "")
    assert str(events["u"]["before"]["weeklyAward"]) == before["weekly_award"]
    assert (str(events["u"]["after"]["weeklyAward"]), events["u"]["after"]["status"]) == ("0.01", "CLOSED")
    assert (events["d"]["before"]["caseId"], events["d"]["after"]) == ("C00003", None)
    source = events["u"]["source"]
    assert (source["connector"], source["operation"], source["ts_kind"]) == (
        "banyan-soap",
        "ListCases",
        "arrival",
    )
    assert source["extract"] == source["message_id"] == flow.ends()[-1]["extract"]

    flow.poll()
    assert not flow.events()


@pytest.mark.parametrize("mode", ["fault", "http500", "hang", "cut", "html", "malformed"])
def test_a_failed_page_deletes_nothing(service, flow, mode):
    """Whatever happens to the second page, no event follows; the next whole poll publishes what is true."""
    flow.poll()
    flow.events()
    service.demo("delete", case_id="C00030")
    service.demo("fail", mode=mode, after=1, seconds=20)
    status = flow.poll()
    assert not status.committed
    assert status.held
    assert not flow.events()
    last = [e for e in history(flow.links, "cases") if e.state == "held"][-1]
    assert "page 2" in last.problems[0]
    assert flow.poll().committed
    assert [(e["op"], e["before"]["caseId"]) for e in flow.events()] == [("d", "C00030")]


def test_a_dead_service_is_waited_for(service, flow):
    """A service that is gone publishes nothing and loses nothing."""
    flow.poll()
    flow.events()
    service.kill()
    status = flow.poll()
    assert "no connection" in status.error
    service.start()
    service.demo("change", case_id="C00001", status="SUSPENDED")
    flow.poll()
    assert [e["op"] for e in flow.events()] == ["u"]
