"""What counts as a change between two full extracts: ignored fields, tolerances, keys that come twice."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.dead_letter import list_dead_letters
from tests.integration.adapters.batch.home import Home

pytestmark = pytest.mark.integration

SETTINGS = """
kind = "batch"
name = "rates"
system = "core"
folder = "inbox"
format = "delimited"
min_age_seconds = 0
entity = "rate"
key = ["id"]
[delimited]
fields = ["id:integer", "rate:decimal(7,4)", "printed:text", "note:text"]
[guard]
max_reject_share = 1.0
"""


class Rates(Home):
    def __init__(self, links, folder):
        super().__init__(links, folder, name="rates", topic="core.rate", copybook="")
        self.day = 0

    def deliver(self, *rows):
        self.day += 1
        self.drop(f"day{self.day}.csv", ("id,rate,printed,note\n" + "".join(f"{r}\n" for r in rows)).encode())
        status = self.run()
        assert not status.error and self.waiting == []
        return status

    def changes(self):
        """(op, before, after) of each event, in the order of their rows."""
        found = [e for e in self.events() if e["op"] != "r"]
        return [(e["op"], e["before"], e["after"]) for e in sorted(found, key=lambda e: e["source"]["file"])]


def image(number, rate, printed, note):
    return {"id": number, "rate": Decimal(rate), "printed": printed, "note": note}


@pytest.fixture
def rates(links, tmp_path):
    found = Rates(links, tmp_path / "rates")
    yield found
    found.story()


def test_ignored_fields_alone_give_no_event(rates):
    """A change of an ignored field is silent; the next event's `before` is what was published before."""
    rates.settings(SETTINGS + '[compare]\nignore = ["printed"]\n')
    rates.deliver("1,1.5,mon,a")
    rates.deliver("1,1.5,tue,a")
    assert rates.changes() == []
    rates.deliver("1,1.5,wed,b")
    assert rates.changes() == [("u", image(1, "1.5000", "mon", "a"), image(1, "1.5000", "wed", "b"))]


def test_differences_within_the_tolerance_give_no_event(rates):
    """Numbers as far apart as the tolerance are alike; steps that add up to more are a change."""
    rates.settings(SETTINGS + "[compare]\ntolerance = { rate = 0.001 }\n")
    rates.deliver("1,1.5000,mon,a")
    rates.deliver("1,1.5010,mon,a")
    assert rates.changes() == []
    rates.deliver("1,1.5011,mon,a")
    assert rates.changes() == [("u", image(1, "1.5000", "mon", "a"), image(1, "1.5011", "mon", "a"))]


def test_contradicting_rows_are_dead_letters(rates):
    """Rows with one key that differ are not believed: the key keeps its row, is not deleted, and is told."""
    rates.settings(SETTINGS)
    rates.deliver("1,1.5,mon,a", "2,1.5,mon,a")
    rates.deliver("1,1.5,mon,b", "1,1.5,mon,c", "2,1.5,mon,a")
    assert rates.changes() == [] and rates.tombstones == 0
    assert [letter.record for letter in list_dead_letters(rates.links, "core")] == [2, 3]
    rates.deliver("1,1.5,mon,d", "2,1.5,mon,a", "2,1.5,mon,a")
    assert rates.changes() == [("u", image(1, "1.5000", "mon", "a"), image(1, "1.5000", "mon", "d"))]


@pytest.mark.parametrize(("policy", "note"), [("first", "b"), ("last", "c")])
def test_one_of_contradicting_rows_can_count(rates, policy, note):
    """With `duplicates` the first or the last row of a key counts, in the first extract, too."""
    rates.settings(SETTINGS + f'[compare]\nduplicates = "{policy}"\n')
    rates.deliver("2,1.5,mon,b", "2,1.5,mon,c")
    [first] = rates.events()
    assert (first["op"], first["after"]["note"]) == ("r", note)
    rates.deliver("1,1.5,mon,b", "1,1.5,mon,c", f"2,1.5,mon,{note}")
    assert rates.changes() == [("c", None, image(1, "1.5000", "mon", note))]
    assert list(list_dead_letters(rates.links, "core")) == []
