"""Lists of keys with details in batches, and rows that a status marks as gone."""

from __future__ import annotations

import pytest

from adapters.soap.envelope import SoapFault
from tests.register import Register
from tests.unit.adapters.soap.polling.conftest import LIST
from tests.unit.adapters.soap.polling.test_first_load import KEYS


def settled(run, register: Register, **settings):
    """An adapter after its first load, with its events taken."""
    persons = run(register, **(KEYS | settings))
    persons.look()
    persons.take()
    register.before.clear()
    return persons


def test_batches(run):
    """Keys are asked for in batches; records are matched by key, in whatever order they come."""
    register = Register(range(1, 26))
    persons = settled(run, register)
    assert len(persons.rows) == 25
    asked = [v["ids"]["id"] for o, v in register.calls if o == "GetPersons"]
    assert sorted(map(len, asked)) == [5, 10, 10]
    register.change(7, "new")
    persons.look()
    assert persons.take() == [("u", 7, "new")]


@pytest.mark.parametrize("outcome", [SoapFault("Server", "x"), SoapFault("Client", "x"), {"person": []}])
def test_a_detail_call_that_fails_deletes_nothing(run, outcome):
    """A batch that fails, is refused or lacks a record makes the list incomplete."""
    register = Register(range(1, 26))
    persons = settled(run, register)
    del register.persons[3]
    calls = register.count("GetPersons")
    register.before["GetPersons"] = lambda nth: outcome if nth == calls + 2 else None
    (extract,) = persons.look()
    assert extract.problems()
    assert persons.take() == []
    register.before.clear()
    persons.look()
    assert persons.take() == [("d", 3, None)]


def test_a_record_that_was_not_asked_for(run):
    """An answer with a stranger in it cannot be trusted for an absence."""
    register = Register(range(1, 4))
    persons = settled(run, register)
    calls = register.count("GetPersons")
    everyone = {"person": [*register.persons.values(), register.persons[1] | {"id": 99}]}
    register.before["GetPersons"] = lambda nth: everyone if nth > calls else None
    (extract,) = persons.look()
    assert "not asked for" in extract.problems()[0]


def test_rows_marked_as_gone(run):
    """In a whole list a row with the deleted status counts as absent: a complete list deletes it."""
    register = Register(range(1, 8))
    persons = run(register, **LIST, deleted={"element": "status", "values": ["GONE"]})
    persons.look()
    persons.take()
    register.change(5, status="GONE")
    calls = register.count("ListPersons")
    register.before["ListPersons"] = lambda nth: SoapFault("Server", "x") if nth == calls + 3 else None
    persons.look()
    assert persons.take() == []
    register.before.clear()
    persons.look()
    assert persons.take() == [("d", 5, None)]
    persons.look()
    assert persons.take() == []
