"""Services that give fewer rows than they are asked for: nothing of what they hide is taken for deleted."""

from __future__ import annotations

from contextlib import suppress

import pytest

from adapters.soap.envelope import SoapFault
from schemas.errors import BanyanError, Terminal
from tests.register import Register

PAGING = {"page": "page", "size": "size", "rows": 10}
PLAIN = {"operation": "ListPersons", "item": "persons/person"}
SINCE = {
    "mode": "since", "operation": "GetChanges", "item": "person", "since": "since", "cursor": "changed",
}  # fmt: skip


class Capped(Register):
    """A register that gives at most `cap` rows a page, in one of the ways in which services do it.

    `by_cap` cuts the list into pages of the cap; else pages begin where the size asked for puts them, and
    end early. `total` is what it says of all rows; `beyond` what it does behind the last page.
    """

    def __init__(self, ids: range, *, by_cap: bool = True, total: str = "all", beyond: str = "empty") -> None:
        super().__init__(ids)
        self.cap, self.by_cap, self.total, self.beyond = 4, by_cap, total, beyond

    def _list_persons(self, values):
        ids, asked = sorted(self.persons), values["size"]
        given = min(asked, self.cap)
        step = given if self.by_cap else asked
        pages = max(1, -(-len(ids) // step))
        number = values["page"]
        if number > pages and self.beyond == "fault":
            return SoapFault("Client", "there is no such page")
        if number > pages and self.beyond == "last":
            number = pages
        first = (number - 1) * step
        page = ids[first : first + given]
        total = {"all": len(ids), "page": len(page)}[self.total]
        persons = {"person": [self.persons[n] for n in page]}
        return {"persons": persons, "total": total, "more": number * asked < len(ids)}


def looks(run, register: Capped, **settings):
    """Look as the cap begins to bite: once at few rows, then at many, of which the old ones stand last."""
    persons = run(register, **(PLAIN | settings))
    for _ in range(2):
        with suppress(BanyanError):  # a first load raises what later is a problem of the extract
            persons.look()
        for number in range(1, 10):
            register.change(number)
    return persons.take()


@pytest.mark.parametrize("by_cap", [True, False])
@pytest.mark.parametrize("total", ["all", "page"])
@pytest.mark.parametrize("settings", [
    {"paging": PAGING},
    {"paging": PAGING | {"more": "more"}},
    {"paging": PAGING, "total": "total"},
    {"paging": PAGING | {"more": "more"}, "total": "total"},
    {"paging": PAGING | {"rows": 6}},
    {"paging": PAGING | {"rows": 6, "more": "more"}},
    {"paging": PAGING | {"rows": 4}},
])  # fmt: skip
@pytest.mark.parametrize("beyond", ["empty", "fault", "last"])
def test_nothing_is_deleted(run, settings, by_cap, total, beyond):
    """However a service cuts its pages short, a row that it hides is no deleted row."""
    if "total" in settings and "more" in settings["paging"]:
        total = "all"  # two false statements that agree would be contradicted by nothing
    register = Capped(range(20, 23), by_cap=by_cap, total=total, beyond=beyond)
    assert "d" not in {op for op, *_ in looks(run, register, **settings)}


def test_a_cap_is_told(run):
    """A page of fewer rows than asked for, with rows behind it, says what to set; with that all rows come."""
    register = Capped(range(1, 10))
    persons = run(register, **PLAIN, paging=PAGING)
    (extract,) = persons.look()
    assert extract.problems() == (
        "page 1 has 4 rows, 10 were asked for, and rows follow: "
        "the service gives fewer than it is asked for; set paging.rows to 4",
    )
    persons = run(register, **PLAIN, paging=PAGING | {"rows": 4})
    (extract,) = persons.look()
    assert not extract.problems()
    assert len(persons.rows) == 9
    del register.persons[5]
    persons.take()
    persons.look()
    assert persons.take() == [("d", 5, None)]


def test_a_total_makes_up_for_a_cap(run):
    """Where all rows that the service counts have come, short pages do no harm."""
    register = Capped(range(1, 10))
    persons = run(register, **PLAIN, paging=PAGING, total="total")
    (extract,) = persons.look()
    assert not extract.problems()
    assert len(persons.rows) == 9


def test_pages_that_are_declared_short(run):
    """A service that leaves rows out of its pages may be declared so; an empty page still ends the list."""
    register = Capped(range(1, 10))
    persons = run(register, **PLAIN, paging=PAGING | {"short_pages": True})
    (extract,) = persons.look()
    assert not extract.problems()
    assert len(persons.rows) == 9


def test_offsets_follow_what_came(run):
    """Where rows are counted, the next page begins behind the last row that came, cap or not."""

    class Counted(Capped):
        def _list_persons(self, values):
            ids = sorted(self.persons)
            page = ids[values["page"] - 1 :][: self.cap]
            persons = {"person": [self.persons[n] for n in page]}
            return {"persons": persons, "total": len(ids), "more": False}

    register = Counted(range(1, 10))
    persons = run(register, **PLAIN, paging=PAGING | {"offset": True}, total="total")
    (extract,) = persons.look()
    assert not extract.problems()
    assert [v["page"] for _, v in register.calls][:3] == [1, 5, 9]
    assert len(persons.rows) == 9


def test_pages_that_come_again(run):
    """A service that gives its last page for ever shows no end: the list is not complete."""
    register = Capped(range(1, 10), beyond="last")
    persons = run(register, **PLAIN, paging=PAGING | {"rows": 4})
    (extract,) = persons.look()
    assert "page 4 is the page before it again" in extract.problems()[0]
    assert register.count("ListPersons") == 4
    persons = run(register, **PLAIN, paging=PAGING | {"rows": 4}, total="total")
    assert not persons.look()[0].problems()


@pytest.mark.parametrize("beyond", ["empty", "fault", "last"])
def test_real_deletes_behind_a_total(run, beyond):
    """What a service does behind its last page hides no deletes where its total ends the list."""
    register = Capped(range(1, 10), beyond=beyond)
    persons = run(register, **PLAIN, paging=PAGING | {"rows": 4}, total="total")
    persons.look()
    persons.take()
    del register.persons[9]
    persons.look()
    assert persons.take() == [("d", 9, None)]


def test_changes_without_a_flag(run):
    """Changes are read until a page is empty, however few rows a page has."""
    register = Register(range(1, 8))
    since = SINCE | {"paging": {"page": "page", "rows": 10}}
    persons = run(register, change=since)
    persons.look()
    assert len(persons.rows) == 7
    assert register.count("GetChanges") == 4


def test_a_cap_on_changes_stops_them(run):
    """Between two short pages of changes some may lie unseen: the cursor stays, and the settings are told."""
    register = Capped(range(1, 10))
    change = {"mode": "since", "since": "page", "next": "total", "paging": PAGING}
    with pytest.raises(Terminal, match="page 1 has 4 rows, 10 were asked for") as caught:
        run(register, **PLAIN, change=change).look()
    assert "paging.rows to 4" in caught.value.fix


def test_changes_that_come_again(run):
    """Pages of changes that never end stop with what to set."""
    register = Register(range(1, 4))
    same = {"person": list(register.persons.values()), "more": True}
    register.before["GetChanges"] = lambda _: same
    since = SINCE | {"paging": {"page": "page", "rows": 3}}
    with pytest.raises(Terminal, match="page 2 is the page before it again"):
        run(register, change=since).look()
