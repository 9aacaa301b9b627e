"""Received messages: answered when they are committed, refused when they do not fit, never taken twice."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from lxml import etree

from adapters.soap.adapter import SoapAdapter
from adapters.soap.envelope import SoapFault, read_fault, unwrap
from adapters.soap.errors import ServiceUnavailable
from adapters.soap.polling.inbox import Inbox, Received
from adapters.soap.polling.receive import Receive
from adapters.soap.polling.reply import reply
from adapters.soap.security.header import Security
from adapters.soap.security.spec import SecuritySpec
from schemas.errors import SettingsError
from tests.register import START, Register, contract
from tests.unit.adapters.soap.polling.conftest import Run

RECEIVE = {
    "mode": "receive",
    "operation": "Notify",
    "port": 0,
    "message_id": "reference",
    "record": "person",
    "take": "last",
    "action": {"element": "kind", "upsert": ["T", "W"], "delete": ["V"], "ignore": ["C"]},
    "reply": {"accepted": True, "reference": "{message_id}", "at": "{now:%Y%m%d}"},
    "wait_seconds": 5,
}


class Sender(Run):
    """An adapter that receives, and a legacy system that sends to it; no port is opened."""

    def __init__(self, home: Any, **change: Any) -> None:
        self.change = RECEIVE | change
        super().__init__(Register(), home, change=self.change)

    def start(self) -> None:
        self.receive = Receive(self.spec, self.spec.change, contract(), now_ms=self.clock, listen=False)
        self.adapter = SoapAdapter(self.receive)

    def send(self, *messages: bytes, look: bool = True, **looking: Any) -> list[Any]:
        """Send messages at once; look until all are answered. Return values or faults."""

        async def run() -> list[Any]:
            calls = [asyncio.create_task(self.receive.server.endpoint.answer(m)) for m in messages]
            while look and not all(c.done() for c in calls):
                await asyncio.sleep(0.005)
                await asyncio.to_thread(self.look, **looking)
            return [self._read(c.body) for c in await asyncio.gather(*calls)]

        return asyncio.run(run())

    def _read(self, body: bytes) -> Any:
        return read_fault(unwrap(etree.fromstring(body), "")) or contract().decode_response("Notify", body)


def message(reference: str, number: int, name: str = "x", kind: str = "W", old: bool = False) -> bytes:
    person = {"id": number, "status": "ACTIVE", "name": name, "changed": START}
    persons = [person | {"name": "old"}, person] if old else [person]
    return contract().encode_request("Notify", {"reference": reference, "kind": kind, "person": persons})


@pytest.fixture
def sender(tmp_path):
    return lambda **change: Sender(tmp_path, **change)


def test_a_message_becomes_an_event_and_is_answered(sender):
    """The answer follows the settings and comes after the commit; of two pictures the last one counts."""
    legacy = sender()
    (answer,) = legacy.send(message("m1", 1, "new", old=True))
    assert answer == {"accepted": True, "reference": "m1", "at": "20260101"}
    assert legacy.take() == [("c", 1, "new")]
    assert legacy.send(message("m2", 1, kind="V"), message("m3", 2, kind="C"))
    assert legacy.take() == [("d", 1, None)]


def test_no_answer_before_the_commit(sender):
    """While nothing is committed the caller gets a Server fault in the end, and has to send again."""
    legacy = sender(wait_seconds=0.1)
    (answer,) = legacy.send(message("m1", 1), commit=lambda _: False)
    assert isinstance(answer, SoapFault)
    assert answer.code == "Server"
    assert legacy.take() == []
    legacy.send(message("m1", 1))
    assert legacy.take() == [("c", 1, "x")]


def test_a_message_that_comes_again(sender):
    """A redelivered message is answered like the first time and changes nothing, in another process too."""
    legacy = sender()
    legacy.send(message("m1", 1, "one"))
    legacy.send(message("m2", 1, "two"))
    legacy.take()
    legacy.start()
    (answer,) = legacy.send(message("m1", 1, "one"))
    assert answer["accepted"] is True
    assert legacy.take() == []
    answers = legacy.send(message("m3", 3), message("m3", 3), message("m3", 3))
    assert [a["accepted"] for a in answers] == [True] * 3
    assert legacy.take() == [("c", 3, "x")]


def test_a_message_without_change_is_remembered(sender):
    """A message that changes nothing is remembered too: sent again, it does not undo what came between."""
    legacy = sender()
    legacy.send(message("m1", 1, "one"))
    legacy.send(message("m2", 1, "one"))
    legacy.send(message("m3", 1, "three"))
    legacy.take()
    legacy.send(message("m2", 1, "one"))
    assert legacy.take() == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (message("", 1), "reference"),
        (message("m1", 1, kind="?"), "kind"),
        (message("m1", 1).replace(b">ACTIVE<", b">LOST<"), "status"),
        (message("m1", 1).replace(b"Notify", b"ListIds"), "no operation"),
    ],
)
def test_what_does_not_fit_stays_with_its_sender(sender, body, reason):
    """A message outside the contract or the settings is refused with a Client fault that names the place."""
    legacy = sender()
    (answer,) = legacy.send(body, look=False)
    assert answer.code == "Client"
    assert reason in answer.text
    assert b"LOST" not in answer.text.encode()


def test_too_many_wait(sender):
    """Beyond the limit callers are sent away at once."""
    legacy = sender(waiting=1, wait_seconds=0.2)
    answers = legacy.send(message("m1", 1), message("m2", 2), look=False)
    assert {a.code for a in answers} == {"Server"}


def test_an_answer_that_cannot_be_made_stops_the_commit(sender):
    """A reply outside the contract refuses the message: nothing is committed that cannot be answered."""
    legacy = sender(reply={"accepted": "perhaps"})
    (answer,) = legacy.send(message("m1", 1), look=False)
    assert (answer.code, "perhaps" in answer.text) == ("Server", False)
    assert legacy.take() == []
    assert len(legacy.receive.inbox.look(10)) == 0


def test_the_answer_exists_before_the_commit(sender, monkeypatch):
    """After the commit nothing is left that could fail: the answer was made before it."""
    legacy = sender()
    order: list[str] = []
    deliver, answer = legacy.receive.inbox.deliver, legacy.receive._answer

    async def delivered(*given: Any) -> None:
        order.append("offered")
        await deliver(*given)
        order.append("committed")

    monkeypatch.setattr(legacy.receive.inbox, "deliver", delivered)
    monkeypatch.setattr(
        legacy.receive, "_answer", lambda *given: (order.append("answer made"), answer(*given))[1]
    )
    legacy.send(message("m1", 1))
    assert order == ["answer made", "offered", "committed"]


def test_a_sender_that_missed_the_answer(sender):
    """A sender whose answer was lost after the commit sends again, is answered, and gives no second event."""
    legacy = sender(wait_seconds=0.2)
    legacy.receive.inbox.settle = lambda m: legacy.receive.inbox.forget(m)
    (answer,) = legacy.send(message("m1", 1))
    assert isinstance(answer, SoapFault)
    assert legacy.take() == [("c", 1, "x")]
    legacy.start()
    (answer,) = legacy.send(message("m1", 1))
    assert answer["accepted"] is True
    assert legacy.take() == []


def test_what_is_demanded_of_senders(sender, tmp_path):
    """With [change.security] a message without proof is refused, and one with it becomes an event."""
    legacy = sender(security={"username": {"accounts": {"register": "s3cret"}}})
    (answer,) = legacy.send(message("m1", 1), look=False)
    assert answer.subcode.endswith("}InvalidSecurity")
    envelope = etree.fromstring(message("m1", 1))
    made = SecuritySpec.model_validate({"username": {"user": "register", "password": "s3cret"}})
    Security(made).protect(envelope)
    (answer,) = legacy.send(etree.tostring(envelope))
    assert answer["accepted"] is True
    assert legacy.take() == [("c", 1, "x")]


def test_settings_of_the_port(sender, tmp_path):
    """Room for less than one message, a broken certificate and an open port to others are told."""
    with pytest.raises(ValueError, match="one message"):
        sender(waiting_bytes=2048)
    with pytest.raises(SettingsError, match="no certificate can be read"):
        sender(tls={"certificate": "x", "key": "y"})
    told = sender(host="0.0.0.0", user="a", password="b").spec.advice()
    assert any("in clear" in what for what, _ in told)
    assert any("anybody" in what for what, _ in sender(host="0.0.0.0").spec.advice())


def test_one_message_names_the_event(sender):
    """An extract of one message carries its id; one of several its own."""
    legacy = sender()
    seen: list[Any] = []
    legacy.send(message("m1", 1), commit=lambda e: seen.append(e) or True)
    assert next(e for e in seen if e.messages).origin.message_id == "m1"


def test_rest_ends_when_a_message_comes():
    """The pause between two looks ends when something arrives, or when told to stop."""
    inbox, stop = Inbox(10), threading.Event()
    began = time.monotonic()
    threading.Timer(0.05, inbox._arrived.set).start()
    inbox.rest(stop, 30)
    stop.set()
    inbox.look(1)
    inbox.rest(stop, 30)
    assert time.monotonic() - began < 20


def test_an_impatient_caller_leaves_nothing_behind():
    """A caller who gives up takes the message out of the inbox."""
    inbox = Inbox(10)
    given_up = Received("m", {}, [], 0)
    with pytest.raises(ServiceUnavailable):
        asyncio.run(inbox.deliver(given_up, 0.01))
    assert inbox.look(10) == []
    inbox.settle(given_up)  # too late, and no harm


def test_reply_templates():
    """Texts of one part become its value, longer ones text; what the request lacks is left out."""
    request = {"head": {"from": "A", "n": 3}}
    template = {"to": "{request:head/from}", "n": "{request:head/n}", "x": "{request:head/x}", "l": ["{now}"],
                "note": "re {message_id} at {now:%H:%M}", "ok": True}  # fmt: skip
    at = datetime(2026, 1, 1, 12, 30, tzinfo=UTC)
    assert reply(template, request, "m1", int(at.timestamp() * 1000)) == {
        "to": "A", "n": 3, "l": [at], "note": "re m1 at 12:30", "ok": True
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "what"), [({"record": "persons"}, "has no 'persons'"), ({"operation": "X"}, "no operation")]
)
def test_wrong_settings(sender, change, what):
    """What the contract does not have is told when the adapter opens."""
    with pytest.raises(SettingsError, match=what):
        sender(**change)
