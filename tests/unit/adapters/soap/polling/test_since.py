"""Changes since a cursor: overlap, windows, tokens, deletes by status, and the whole list now and then."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.soap.envelope import SoapFault
from adapters.soap.polling.memory import Memory
from schemas.errors import SettingsError, Terminal, Transient
from tests.register import START, Register
from tests.unit.adapters.soap.polling.conftest import LIST

SINCE = {
    "mode": "since",
    "operation": "GetChanges",
    "item": "person",
    "since": "since",
    "cursor": "changed",
    "paging": {"page": "page", "rows": 3, "more": "more"},
    "deleted": {"element": "status", "values": ["GONE"]},
}
DETAIL = {
    "operation": "GetPersons",
    "item": "person",
    "parameters": {"id": "id"},
    "keys": "ids/id",
    "batch": 2,
}


def test_each_change_once(run):
    """The first look takes everything, later ones what has changed; what comes again gives no event."""
    register = Register(range(1, 6))
    persons = run(register, change=SINCE | {"overlap": 10})
    persons.look()
    assert persons.take() == [("c", n, "x") for n in range(1, 6)]
    register.change(2, "new")
    register.change(9)
    persons.look()
    assert persons.take() == [("u", 2, "new"), ("c", 9, "x")]
    before = persons.memory
    persons.look()
    assert persons.take() == []
    assert persons.memory == before  # nothing new: nothing to write down


def test_a_late_change_is_found_in_the_overlap(run):
    """A change that becomes visible behind the cursor is taken if the overlap reaches it, and only then."""
    for overlap, found in ((5, [("u", 1, "late")]), (0, [])):
        register = Register(range(1, 4))
        persons = run(register, change=SINCE | {"overlap": overlap})
        persons.look()
        persons.take()
        register.persons[1] |= {"name": "late", "changed": register.now - timedelta(seconds=1)}
        persons.look()
        assert persons.take() == found


def test_old_versions_of_a_row_are_not_replayed(run):
    """A service that tells each version of a row sends the overlap's again: they change nothing."""
    register = Register()
    persons = run(register, change=SINCE | {"overlap": 60})
    told = []
    for name in ("one", "two", "three"):
        told.append(dict(register.change(1, name)))
        register.before["GetChanges"] = lambda _: {"person": list(told), "more": False}
        persons.look()
    assert persons.take() == [("c", 1, "one"), ("u", 1, "two"), ("u", 1, "three")]


def test_status_deletes(run):
    """An item with the status that means deleted deletes its row, once, and an unknown one nothing."""
    register = Register(range(1, 3))
    persons = run(register, change=SINCE | {"overlap": 10})
    persons.look()
    persons.take()
    register.change(1, status="GONE")
    register.change(8, status="GONE")
    persons.look()
    persons.look()
    assert persons.take() == [("d", 1, None)]


def test_absence_never_deletes(run):
    """A person who is gone without a word stays: changes say nothing about what they do not name."""
    register = Register(range(1, 3))
    persons = run(register, change=SINCE)
    persons.look()
    del register.persons[1]
    persons.look()
    assert sorted(persons.rows) == [1, 2]


def test_a_page_that_fails_takes_nothing(run):
    """A later page that fails is raised; the cursor stays, and the next look reads all of it."""
    register = Register(range(1, 9))
    persons = run(register, change=SINCE)
    for outcome, kind in ((SoapFault("Server", "x"), Transient), (SoapFault("Client", "x"), Terminal)):
        register.calls.clear()
        register.before["GetChanges"] = lambda nth, o=outcome: o if nth == 2 else None
        with pytest.raises(kind):
            persons.look()
        assert persons.take() == []
    register.before.clear()
    persons.look()
    assert len(persons.take()) == 8


def test_ordered_changes_are_committed_in_steps(run):
    """Where items come in order, a long answer is committed step by step, and a failure keeps what came."""
    register = Register(range(1, 12))
    persons = run(register, change=SINCE | {"ordered": True, "step_rows": 6})
    register.before["GetChanges"] = lambda nth: SoapFault("Server", "x") if nth == 4 else None
    extracts = persons.look()
    assert len(extracts) >= 3
    assert sorted(persons.rows) == list(range(1, 12))


def test_windows(run):
    """With an end of the window, time is read piece by piece, each committed, empty ones too."""
    register = Register(range(1, 4))
    register.now += timedelta(days=3)
    register.change(9)
    change = SINCE | {"until": "until", "window_seconds": 86_400, "start": "2026-01-01T00:00:00Z"}
    persons = run(register, change=change)
    persons.now_ms = int((START + timedelta(days=4)).timestamp() * 1000)
    extracts = persons.look()
    assert len(extracts) >= 4
    assert sorted(persons.rows) == [1, 2, 3, 9]
    asked = [v["since"] for o, v in register.calls if o == "GetChanges"]
    assert asked == sorted(asked)
    register.calls.clear()
    persons.start()  # another process goes on at the last window
    persons.look()
    assert register.calls[0][1]["since"] >= START + timedelta(days=3)


def test_tokens(run):
    """A token of the service leads from answer to answer; each is an extract of its own."""
    register = Register(range(1, 8))
    feed = {"mode": "since", "operation": "GetFeed", "item": "person", "since": "token", "next": "next"}
    persons = run(register, change=feed)
    persons.look()
    assert sorted(persons.rows) == list(range(1, 8))
    assert Memory.read(persons.memory).cursor == "7"
    register.calls.clear()
    persons.start()
    persons.look()
    assert register.calls == [("GetFeed", {"token": "7"})]


def test_details_of_changes(run):
    """Changes may name keys only: their records are fetched in batches, and known ones not again."""
    register = Register(range(1, 6))
    persons = run(register, change=SINCE | {"overlap": 60}, detail=DETAIL)
    persons.look()
    assert sorted(persons.rows) == [1, 2, 3, 4, 5]
    calls = register.count("GetPersons")
    persons.look()
    assert register.count("GetPersons") == calls
    register.change(4, status="GONE")
    persons.look()
    assert persons.take()[-1] == ("d", 4, None)
    assert register.count("GetPersons") == calls  # a deleted one has no record to fetch


def test_a_detail_that_fails_keeps_the_cursor(run):
    """A detail call without answer is raised and read again; one that is refused is a bad record."""
    register = Register(range(1, 4))
    persons = run(register, change=SINCE, detail=DETAIL)
    register.before["GetPersons"] = lambda nth: SoapFault("Server", "x") if nth == 2 else None
    with pytest.raises(Transient):
        persons.look()
    assert persons.take() == []
    register.before["GetPersons"] = lambda nth: None
    persons.look()
    assert sorted(persons.rows) == [1, 2, 3]


def test_the_whole_list_now_and_then(run):
    """With `full` the whole list comes first, then changes; when it is due again, absence deletes."""
    register = Register(range(1, 8))
    persons = run(register, change=SINCE | {"full": {"every_seconds": 3600}}, **LIST)
    persons.look()
    assert len(persons.take()) == 7
    assert register.count("GetChanges") >= 1
    del register.persons[4]
    register.change(2, "new")
    persons.look()
    assert persons.take() == [("u", 2, "new")]
    persons.now_ms += 3_600_000
    persons.look()
    assert persons.take() == [("d", 4, None)]


def test_changes_while_the_whole_list_is_read(run):
    """A row that changes on a page behind the reader is not lost between the list and the changes."""
    register = Register(range(1, 8))

    def behind(nth: int) -> None:
        if nth == 3:
            register.change(1, "behind")
            register.change(7, "ahead")

    register.before["ListPersons"] = behind
    persons = run(register, change=SINCE | {"full": {}}, **LIST)
    persons.look()
    assert (persons.rows[1], persons.rows[7]) == ("behind", "ahead")


def test_a_whole_list_that_waits_holds_changes_back(run):
    """While the whole list is not committed, no change overtakes it."""
    register = Register(range(1, 4))
    persons = run(register, change=SINCE | {"full": {}}, **LIST)
    persons.look(commit=lambda e: e.partial)
    assert persons.rows == {}
    assert register.count("GetChanges") == 0


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"since": "page/x"}, "has no 'x'"),
        ({"cursor": "when"}, "has no 'when'"),
        ({"cursor": "", "next": "token"}, "has no 'token'"),
        ({"start": "yesterday"}, "does not fit"),
    ],
)
def test_wrong_settings(run, change, what):
    """A name that the contract does not have, or a start of another type, is told when the adapter opens."""
    with pytest.raises(SettingsError, match=what):
        run(Register(), change=SINCE | change)


@pytest.mark.parametrize(
    "change",
    [
        {"next": "more"},
        {"cursor": ""},
        {"cursor": "", "next": "more", "overlap": 3},
        {"until": "until"},
    ],
)
def test_contradictory_settings(run, change):
    """Two cursors, none, a token with overlap, and windows without a start are refused."""
    with pytest.raises(ValueError, match=r"cursor|token|start"):
        run(Register(), change=SINCE | change)
