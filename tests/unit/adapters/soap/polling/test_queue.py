"""Queues of a service: nothing is acknowledged before it is committed, nothing comes twice."""

from __future__ import annotations

import pytest

from adapters.soap.envelope import SoapFault
from schemas.errors import SettingsError, Transient
from tests.register import Register, contract

ACTION = {"element": "kind", "upsert": ["T", "W"], "delete": ["V"], "ignore": ["C"]}
QUEUE = {
    "mode": "queue",
    "operation": "FetchMessages",
    "request": {"most": 2},
    "item": "message",
    "message_id": "number",
    "record": "person",
    "action": ACTION,
    "acknowledge": {"operation": "Acknowledge", "id": "number"},
}


def test_fetch_publish_acknowledge(run):
    """Messages become events in their order, answer by answer, and are acknowledged after each commit."""
    register = Register()
    for kind, number in [("T", 1), ("T", 2), ("W", 1), ("V", 2), ("C", 1)]:
        register.send(kind, number, name=kind)
    persons = run(register, change=QUEUE)
    persons.look()
    assert persons.take() == [("c", 1, "T"), ("c", 2, "T"), ("u", 1, "W"), ("d", 2, None)]
    assert register.queue == {}


def test_nothing_is_acknowledged_before_the_commit(run):
    """An extract that is not committed leaves its messages in the queue."""
    register = Register()
    register.send("T", 1)
    persons = run(register, change=QUEUE)
    persons.look(commit=lambda _: False)
    assert register.count("Acknowledge") == 0
    assert list(register.queue) == [1]


def test_a_lost_acknowledgement(run):
    """A message that comes again after its commit gives no event and is acknowledged then."""
    register = Register()
    register.send("T", 1, name="one")
    register.before["Acknowledge"] = lambda nth: SoapFault("Server", "x") if nth == 1 else None
    persons = run(register, change=QUEUE)
    with pytest.raises(Transient):
        persons.look()
    assert persons.take() == [("c", 1, "one")]
    persons.rows[1] = "meanwhile"  # somebody has changed it since: the old message must not undo that
    persons.start()
    persons.look()
    assert persons.take() == []
    assert register.queue == {}


def test_an_acknowledgement_that_is_refused(run):
    """A service that does not know the message any more has it acknowledged already: the others go on."""
    register = Register()
    register.send("T", 1)
    register.send("T", 2)
    register.before["Acknowledge"] = lambda nth: SoapFault("Client", "gone") if nth == 1 else None
    persons = run(register, change=QUEUE | {"request": {"most": 10}})
    persons.look()
    assert register.count("Acknowledge") >= 2


@pytest.mark.parametrize(
    ("acknowledge", "calls"),
    [
        ({"operation": "AcknowledgeAll", "id": "number", "by": "batch"}, 1),
        ({"operation": "Acknowledge", "id": "number", "by": "last"}, 1),
        ({"operation": "Acknowledge", "id": "number"}, 3),
    ],
)
def test_ways_to_acknowledge(run, acknowledge, calls):
    """One call a message, one with all ids, or one with the last id."""
    register = Register()
    for number in (1, 2, 3):
        register.send("T", number)

    def all_up_to(nth: int) -> None:
        if acknowledge.get("by") == "last":
            for number in list(register.queue):
                if number < 3:
                    del register.queue[number]

    register.before["Acknowledge"] = all_up_to
    persons = run(register, change=QUEUE | {"request": {"most": 9}, "acknowledge": acknowledge})
    persons.look()
    assert register.count(acknowledge["operation"]) == calls
    assert register.queue == {}


def test_bad_messages(run):
    """A message outside the schema, of unknown kind or without record is a reject and is acknowledged too."""
    register = Register()
    for kind, number in [("T", 1), ("X", 2), ("T", 3), ("T", 4)]:
        register.send(kind, number)
    del register.queue[3]["person"]
    queue = {"message": list(register.queue.values())}
    wire = contract().encode_response("FetchMessages", queue)
    bad = wire.replace(b">ACTIVE<", b">LOST<", 1)
    register.before["FetchMessages"] = lambda nth: bad if nth == 1 else None
    persons = run(register, change=QUEUE)
    (first, *_), rejects = collect(persons)
    assert [(r.record, r.field_path) for r in rejects[:3]] == [
        (1, "person/status"),
        (2, "kind"),
        (3, "person"),
    ]
    assert first.messages == ["1", "2", "3", "4"]
    assert persons.take() == [("c", 4, "x")]


def collect(persons):
    """Look, and keep the rejects of each extract."""
    rejects = []
    chunks_of = type(next(iter(persons.adapter.poll()))).chunks

    def kept(extract):
        for chunk in chunks_of(extract):
            rejects.extend(chunk.rejects)
            yield chunk

    extract_type = type(next(iter(persons.adapter.poll())))
    extract_type.chunks = kept
    try:
        return persons.look(), rejects
    finally:
        extract_type.chunks = chunks_of


def test_the_memory_is_bounded(run):
    """So many ids are remembered as the settings say, the latest."""
    register = Register()
    persons = run(register, change=QUEUE | {"remember": 100, "request": {"most": 50}})
    for number in range(1, 151):
        register.send("T", number)
    persons.look()
    assert len(persons.memory) < 100 * 11 + 100
    assert len(persons.rows) == 150


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"message_id": "id"}, "has no 'id'"),
        ({"acknowledge": {"operation": "Acknowledge", "id": "id"}}, "has no 'id'"),
        ({"acknowledge": {"operation": "AcknowledgeAll", "id": "number"}}, "repeats"),
        ({"acknowledge": {"operation": "Acknowledge", "id": "number", "by": "batch"}}, "does not repeat"),
        ({"acknowledge": {"operation": "Nope", "id": "number"}}, "no operation"),
    ],
)
def test_wrong_settings(run, change, what):
    """What the contract does not have is told when the adapter opens."""
    with pytest.raises(SettingsError, match=what):
        run(Register(), change=QUEUE | change)
