"""Changes behind SOAP on real Kafka: what is committed, acknowledged, held, decided, and told."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fastavro
import pytest

from adapters.approval import approve, held, reject
from adapters.lifecycle import history
from adapters.runner import run
from adapters.soap.contract import Contract
from adapters.soap.envelope import SoapFault
from adapters.soap.serve.asgi import SoapServer
from adapters.soap.serve.listener import Listener
from adapters.soap.spec import SoapSpec
from adapters.state import read_states
from connectors.log_reader import read_all
from connectors.registry import Registry
from tests.register import Register, contract

pytestmark = pytest.mark.integration

FOLDER = Path(__file__).parents[3]
QUEUE = {
    "mode": "queue", "operation": "FetchMessages", "request": {"most": 50}, "item": "message",
    "message_id": "number", "record": "person",
    "action": {"element": "kind", "upsert": ["W"], "delete": ["V"]},
    "acknowledge": {"operation": "Acknowledge", "id": "number"},
}  # fmt: skip
SINCE = {
    "mode": "since", "operation": "GetChanges", "item": "person", "since": "since", "cursor": "changed",
    "paging": {"page": "page", "rows": 3, "more": "more"}, "full": {"every_seconds": 3600},
}  # fmt: skip
LIST = {
    "operation": "ListPersons", "item": "persons/person", "total": "total",
    "paging": {"page": "page", "size": "size", "rows": 10, "more": "more"},
}  # fmt: skip


class Flow:
    """A register behind a port, and an adapter that looks once at a time, as new processes would."""

    def __init__(self, links: Any, register: Register) -> None:
        self.links, self.register = links, register
        self.live = contract()
        self.listener = Listener(SoapServer(self.live, self._answer, path="/register"), "127.0.0.1", 0)

    async def _answer(self, operation: str, values: Any) -> Any:
        return self.register.answer(operation, values)

    def look(self, moment: float = 0.0, **settings: Any) -> Any:
        """Look once, or again and again for a moment (seconds)."""
        address = f"http://127.0.0.1:{self.listener.port}/register"
        base = {
            "name": "persons", "system": "register", "wsdl": "register.wsdl", "entity": "person",
            "key": ["id"],
            "endpoint": address, "partitions": 1, "wire": {"retry": {"attempts": 1}},
            "limits": {"concurrency": 4, "requests_per_second": 1e5},
        }  # fmt: skip
        spec = SoapSpec.model_validate(base | settings)
        stop = threading.Event()
        if moment:
            threading.Timer(moment, stop.set).start()
        return run([(spec, FOLDER)], self.links, once=not moment, stop=stop).adapters["persons"]

    def events(self) -> list[tuple[str, int]]:
        registry = Registry(self.links.registry_url)
        found = []
        for record in read_all(self.links.kafka, f"{self.links.prefix}.register.person"):
            if record.value is not None:
                schema = registry.by_id(int.from_bytes(record.value[1:5], "big"))
                event = fastavro.schemaless_reader(io.BytesIO(record.value[5:]), schema)
                found.append((event["op"], (event["after"] or event["before"])["id"]))
        return found

    def told(self) -> list[str]:
        return [e.state for e in history(self.links, "persons")]


@pytest.fixture
def flow(links: Any) -> Iterator[Callable[[Register], Flow]]:
    made: list[Flow] = []

    def make(register: Register) -> Flow:
        made.append(Flow(links, register))
        return made[-1]

    yield make
    for one in made:
        one.listener.close()


@pytest.mark.parametrize("decide", [approve, reject])
def test_a_held_answer_of_a_queue(flow: Any, decide: Any) -> None:
    """Too many bad messages hold the answer, unacknowledged; once decided it is acknowledged either way."""
    register = Register()
    for number in range(1, 26):
        register.send("W" if number > 5 else "?", number)
    here = flow(register)
    here.look(change=QUEUE)
    assert len(register.queue) == 25
    (waiting,) = held(here.links)
    here.look(change=QUEUE)
    assert len(register.queue) == 25
    decide(here.links, "persons", waiting.extract, by="kim", reason="seen")
    here.look(change=QUEUE)
    assert register.queue == {}
    assert len(here.events()) == (20 if decide is approve else 0)
    register.send("W", 99)
    here.look(change=QUEUE)
    assert here.events()[-1] == ("c", 99)
    assert len(list(read_all(here.links.kafka, here.links.topics.dlq("register").name))) == 5


def test_refused_answers_of_a_queue_follow_each_other(flow: Any) -> None:
    """A second answer that is just as bad is held again, though it would leave the same picture."""
    register = Register()
    here = flow(register)
    for first in (1, 101):
        for number in range(first, first + 25):
            register.send("?", number)
        here.look(change=QUEUE)
        (waiting,) = held(here.links)
        reject(here.links, "persons", waiting.extract, by="kim", reason="nonsense")
        here.look(change=QUEUE)
        assert register.queue == {}


def test_messages_that_change_nothing_are_remembered(flow: Any) -> None:
    """A message without an event is committed too: its id is known when it comes again."""
    register = Register()
    here = flow(register)
    register.send("W", 1, name="a")
    here.look(change=QUEUE)
    register.before["Acknowledge"] = lambda _: SoapFault("Server", "down")
    register.send("V", 77)  # nobody knows 77: no event
    before = read_states(here.links)["persons"].memory
    here.look(change=QUEUE)
    assert read_states(here.links)["persons"].memory != before
    assert here.events() == [("c", 1)]
    assert len(register.queue) == 1


def test_the_cursor_is_committed_with_its_events(flow: Any) -> None:
    """The whole list comes first, then changes from the committed cursor; a failed page commits nothing."""
    register = Register(range(1, 26))
    here = flow(register)
    here.look(change=SINCE, **LIST)
    assert [op for op, _ in here.events()] == ["r"] * 25
    for number in (3, 4, 5, 6, 40):
        register.change(number, "new")
    del register.persons[9]
    calls = register.count("GetChanges")
    register.before["GetChanges"] = lambda nth: (
        SoapFault("Server", "x") if nth <= calls + 6 and nth % 2 == 0 else None
    )
    here.look(change=SINCE, **LIST)
    register.before.clear()
    here.look(change=SINCE, **LIST)
    here.look(change=SINCE, **LIST)
    assert sorted(here.events()[25:]) == [("c", 40), ("u", 3), ("u", 4), ("u", 5), ("u", 6)]


def test_a_first_load_goes_on_in_another_process(flow: Any) -> None:
    """A first load that fails on its third page asks for that page next time, and publishes all rows once."""
    register = Register(range(1, 36))
    here = flow(register)
    register.before["ListPersons"] = lambda nth: SoapFault("Server", "x") if nth >= 3 else None
    here.look(**LIST)
    assert here.events() == []
    asked = {values["page"] for _, values in register.calls}
    assert asked == {1, 2, 3}
    register.calls.clear()
    register.before.clear()
    here.look(**LIST)
    assert [values["page"] for _, values in register.calls][:2] == [3, 4]
    assert sorted(n for _, n in here.events()) == list(range(1, 36))
    assert not (here.links.state / "adapters/persons/load").exists()


def test_drift_is_told(flow: Any, tmp_path: Path) -> None:
    """A live WSDL that differs from ours is told once on the lifecycle topic; polls go on."""
    for name in ("register.wsdl", "register.xsd"):
        text = (
            (FOLDER / name)
            .read_text()
            .replace('name="changed" type="xs:dateTime"', 'name="since" type="xs:date"')
        )
        (tmp_path / name).write_text(text)
    live = Contract.from_wsdl(tmp_path / "register.wsdl")
    listener = Listener(SoapServer(live, None, path="/live"), "127.0.0.1", 0)  # type: ignore[arg-type]
    here = flow(Register(range(1, 4)))
    try:
        drift = {"every_seconds": 0.01, "wsdl": f"http://127.0.0.1:{listener.port}/live?wsdl"}
        for _ in range(2):
            here.look(moment=1.5, drift=drift, every_seconds=0.1, **LIST)
        (event,) = [e for e in history(here.links, "persons") if e.state == "drifted"]
        assert any("changed (response) is gone" in problem for problem in event.problems)
        assert len(here.events()) == 3
    finally:
        listener.close()
