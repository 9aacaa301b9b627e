"""What operations look like, and settings proposed from it."""

from __future__ import annotations

import pytest

from adapters.soap.discover.operations import guesses
from adapters.soap.discover.proposal import propose
from schemas.errors import SettingsError
from tests.register import contract


def test_the_register():
    """Every way in which the register shows change is recognised, each with a reason."""
    found = {g.operation: g for g in guesses(contract())}
    assert {name: g.kind for name, g in found.items()} == {
        "ListPersons": "list",
        "ListIds": "list",
        "GetPersons": "search",
        "GetChanges": "changes",
        "GetFeed": "changes",
        "FetchMessages": "queue",
        "Acknowledge": "acknowledge",
        "AcknowledgeAll": "acknowledge",
        "Notify": "receive",
    }
    assert all(g.reasons for g in found.values())
    listed = found["ListPersons"]
    assert (listed.item, listed.page, listed.size, listed.more, listed.total) == (
        "persons/person", "page", "size", "more", "total",
    )  # fmt: skip


def test_the_example(casework):
    """The demo's service: one list, one detail, and three operations that change something."""
    assert [g.kind for g in guesses(casework)] == ["list", "detail", "write", "write", "write"]


@pytest.mark.parametrize(
    ("operation", "settings"),
    [
        ("", {"operation": "ListPersons", "item": "persons/person", "key": ["id"], "entity": "person"}),
        ("ListIds", {"operation": "ListIds", "key": ["id"], "entity": "entry"}),
        ("GetChanges", {"entity": "person", "key": ["id"]}),
        ("FetchMessages", {"entity": "person", "key": ["id"]}),
        ("Notify", {"entity": "person", "key": ["id"]}),
    ],
)
def test_proposals(operation, settings):
    """Without a choice the list is taken; each other way can be named."""
    made = propose(contract(), guesses(contract()), operation).settings
    assert settings.items() <= made.items()


def test_the_ways_in_detail():
    """Cursor, acknowledgement and message id come from the contract."""
    found = guesses(contract())
    since = propose(contract(), found, "GetChanges").settings["change"]
    assert (since["since"], since["cursor"], since["item"]) == ("since", "changed", "person")
    assert propose(contract(), found, "GetFeed").settings["change"]["next"] == "next"
    queue = propose(contract(), found, "FetchMessages").settings["change"]
    assert (queue["message_id"], queue["record"]) == ("number", "person")
    assert queue["acknowledge"] == {"operation": "Acknowledge", "id": "number"}
    assert queue["action"]["element"] == "kind"
    receive = propose(contract(), found, "Notify").settings["change"]
    assert (receive["message_id"], receive["record"]) == ("reference", "person")
    assert receive["reply"]["accepted"] is True


@pytest.mark.parametrize("operation", ["Acknowledge", "Nope"])
def test_what_cannot_be_read(operation):
    """An operation that gives no rows, or that does not exist, is no source."""
    with pytest.raises(SettingsError):
        propose(contract(), guesses(contract()), operation)


def test_a_contract_without_lists(make_contract):
    """Where nothing looks like a list, the reason and what to do are told."""
    one = '<xs:sequence><xs:element name="x" type="xs:string"/></xs:sequence>'
    with pytest.raises(SettingsError, match="no operation"):
        propose(make_contract(one), guesses(make_contract(one)))


def test_an_open_decimal_is_marked(make_contract):
    """A decimal without digits gets room, and a mark for a person to check."""
    rows = (
        '<xs:sequence><xs:element name="row" maxOccurs="unbounded"><xs:complexType><xs:sequence>'
        '<xs:element name="rowId" type="xs:string"/><xs:element name="sum" type="xs:decimal"/>'
        "</xs:sequence></xs:complexType></xs:element></xs:sequence>"
    )
    made = propose(make_contract(rows), guesses(make_contract(rows)))
    assert made.settings["decimals"] == {"sum": "28,10"}
    assert "CHECK" in made.comments["decimals"]
