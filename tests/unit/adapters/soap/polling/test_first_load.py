"""A first load goes on where it broke off, and never publishes what it could not read."""

from __future__ import annotations

import pytest

from adapters.soap.envelope import SoapFault
from schemas.errors import Transient
from tests.register import Register
from tests.unit.adapters.soap.polling.conftest import LIST

DETAIL = {
    "operation": "GetPersons",
    "item": "person",
    "parameters": {"id": "id"},
    "keys": "ids/id",
    "batch": 10,
}
KEYS = {"operation": "ListIds", "item": "entry", "detail": DETAIL}


def fail(nth_call: int):
    """Fail the nth call once."""
    return lambda nth: SoapFault("Server", "x") if nth == nth_call else None


def test_pages_are_not_read_again(run):
    """After a broken page the next look, of another process, asks for that page and those after it only."""
    register = Register(range(1, 12))
    persons = run(register, **LIST)
    register.before["ListPersons"] = fail(3)
    with pytest.raises(Transient):
        persons.look()
    register.calls.clear()
    register.before.clear()
    persons.start()
    persons.now_ms += 5_000
    (extract,) = persons.look()
    pages = [values["page"] for _, values in register.calls]
    assert pages == [3, 4, 1, 2, 3, 4]  # the rest, then the second reading that confirms the list
    assert sorted(persons.rows) == list(range(1, 12))
    assert extract.began_ms < persons.now_ms - 4_000  # what it covers begins where the load began


def test_details_are_not_read_again(run):
    """Detail calls that were answered before a crash are not made again."""
    register = Register(range(1, 1101))
    persons = run(register, **KEYS, limits={"concurrency": 1, "requests_per_second": 1e6})
    register.before["GetPersons"] = fail(105)
    with pytest.raises(Transient):
        persons.look()
    register.calls.clear()
    register.before.clear()
    persons.start()
    persons.look()
    assert len(persons.rows) == 1100
    assert register.count("GetPersons") <= 110 - 50


def test_a_list_that_changed_meanwhile_is_not_complete(run):
    """If a half-read page has other rows now, the load has a problem: it is held, nothing is deleted."""
    register = Register(range(1, 1101))
    persons = run(register, **KEYS, limits={"concurrency": 1, "requests_per_second": 1e6})
    register.before["GetPersons"] = fail(105)
    with pytest.raises(Transient):
        persons.look()
    register.before.clear()
    del register.persons[1]
    persons.start()
    (extract,) = persons.look()
    assert "list changed while it was read" in extract.problems()[0]
    assert persons.rows == {}
    persons.start()
    (extract,) = persons.look()  # it was read to its end: the next look reads it afresh
    assert not extract.problems()
    assert len(persons.rows) == 1099


def test_a_row_that_moved_between_pages_is_found_by_the_second_reading(run):
    """Rows that shift while a load is interrupted make it incomplete, as they do within one reading."""
    register = Register(range(1, 12))
    persons = run(register, **LIST)
    register.before["ListPersons"] = fail(3)
    with pytest.raises(Transient):
        persons.look()
    register.before.clear()
    del register.persons[1]
    register.change(99)
    persons.start()
    (extract,) = persons.look()
    assert extract.problems()


@pytest.mark.parametrize("reason", ["other settings", "too old", "switched off", "damaged"])
def test_a_journal_that_does_not_count(run, reason):
    """Other settings, age and damage make the load begin again; a damaged entry is read from the service."""
    register = Register(range(1, 12))
    hours = 0 if reason == "switched off" else 24
    persons = run(register, **LIST, resume_hours=hours)
    register.before["ListPersons"] = fail(3)
    if reason == "switched off":
        (extract,) = persons.look()
        assert extract.problems()[0].startswith("page 3")
        return
    with pytest.raises(Transient):
        persons.look()
    register.before.clear()
    if reason == "other settings":
        persons.spec = persons.spec.model_copy(update={"classification": {"name": "public"}})
    if reason == "too old":
        persons.now_ms += 25 * 3_600_000
    if reason == "damaged":
        for path in (persons.home / "load").glob("*.arrow"):
            path.write_bytes(path.read_bytes()[:50])
    register.calls.clear()
    persons.start()
    persons.look()
    assert register.calls[0][1]["page"] == 1
    assert len(persons.rows) == 11


def test_the_journal_is_deleted(run):
    """After the first commit nothing of the journal is left, and later polls keep none."""
    register = Register(range(1, 12))
    persons = run(register, **LIST)
    persons.look()
    assert not (persons.home / "load").exists()
    persons.look()
    assert not (persons.home / "load").exists()


def test_rejects_survive(run):
    """Bad rows that were read before a crash are bad rows afterwards, with their bytes."""
    register = Register(range(1, 12))
    persons = run(register, **LIST)
    register.before["ListPersons"] = lambda nth: (
        _bad_page(register) if nth == 1 else SoapFault("Server", "x") if nth == 3 else None
    )
    with pytest.raises(Transient):
        persons.look()
    register.before.clear()
    persons.start()
    persons.adapter.resume("", persons.home, first=True)
    (extract,) = persons.adapter.poll()
    rejects = [r for c in extract.chunks() for r in c.rejects]
    assert [(r.record, r.key_text, b"LOST" in r.raw) for r in rejects] == [(1, "1", True)]


def _bad_page(register: Register) -> bytes:
    from tests.register import contract

    values = register._list_persons({"page": 1, "size": 3})
    return contract().encode_response("ListPersons", values).replace(b">ACTIVE<", b">LOST<", 1)
