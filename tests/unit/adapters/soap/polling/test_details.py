"""Lists of keys with details in batches, and rows that a status marks as gone."""

from __future__ import annotations

import pytest

from adapters.soap.envelope import SoapFault
from tests.register import Register
from tests.unit.adapters.soap.polling.conftest import LIST
from tests.unit.adapters.soap.polling.test_capped import SINCE
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


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (lambda persons: persons[:-1], "did not come"),
        (lambda persons: [*persons, persons[0]], "came twice"),
        (lambda persons: [*persons, persons[0] | {"name": "y"}], "came twice"),
        (lambda persons: [*persons[:-1], persons[-1] | {"id": 99}], "not asked for"),
        (lambda persons: [], "did not come"),
    ],
)
def test_answers_for_other_keys(run, wrong, problem):
    """Of a batch, a key that is missing, extra or there twice is a failed call: no row, and no delete."""
    register = Register(range(1, 4))
    persons = settled(run, register)
    del register.persons[2]
    for number in register.persons:
        register.change(number, "new")
    calls = register.count("GetPersons")
    told = {"person": wrong(list(register.persons.values()))}
    register.before["GetPersons"] = lambda nth: told if nth > calls else None
    (extract,) = persons.look()
    assert any(problem in what for what in extract.problems())
    assert persons.take() == []
    register.before.clear()
    persons.look()
    assert persons.take() == [("u", 1, "new"), ("u", 3, "new"), ("d", 2, None)]


def test_a_batch_for_other_keys_of_changes(run):
    """Of changes, which come once, a key without its own answer is a dead letter with what was asked."""
    register = Register(range(1, 3))
    twice = {"person": [register.persons[1], register.persons[2], register.persons[2] | {"name": "y"}]}
    register.before["GetPersons"] = lambda _: twice
    since = SINCE | {"paging": {"page": "page", "rows": 3, "more": "more"}}
    persons = run(register, change=since, detail=KEYS["detail"])
    found = [chunk for extract in persons.adapter.poll() for chunk in extract.chunks()]
    assert [r.batch.column("id").to_pylist() for c in found for r in c.rows] == [[1]]
    (reject,) = (r for c in found for r in c.rejects)
    assert (reject.key_text, reject.reason) == ("2", "a detail came twice")
    assert b"GetPersons" in reject.raw


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
