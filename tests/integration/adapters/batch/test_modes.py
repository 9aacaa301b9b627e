"""Files of changes and of events, from the folder to what a reader of committed events finds."""

from __future__ import annotations

import pytest

from adapters.approval import held
from adapters.batch.codec import RecordCodec
from adapters.dead_letter import list_dead_letters
from adapters.orders import skip
from adapters.state import read_states
from tests.integration.adapters.batch.home import Home

pytestmark = pytest.mark.integration

COPYBOOK = """
       01  CHANGE.
           05  REC-TYPE        PIC X.
           05  BODY            PIC X(20).
           05  HEAD REDEFINES BODY.
               10  RUN-NO      PIC 9(4).
           05  ACCOUNT REDEFINES BODY.
               10  ACTION-CD   PIC X.
               10  ACCOUNT-ID  PIC 9(4).
               10  OWNER       PIC X(6).
               10  BALANCE     PIC S9(5)V99 COMP-3.
               10  OPENED      PIC 9(5).
           05  TRAILER REDEFINES BODY.
               10  TOTAL       PIC 9(4).
"""
CODEC = RecordCodec(COPYBOOK, code_page="cp285")
SETTINGS = """
kind = "batch"
name = "ledger"
system = "core"
folder = "inbox"
copybook = "ledger.cpy"
code_page = "cp285"
min_age_seconds = 0
drop = ["REC-TYPE"]
sequence_from = "header"
[[records]]
entity = "account"
when = { field = "REC-TYPE", equals = "A" }
group = "ACCOUNT"
key = ["ACCOUNT-ID"]
[header]
when = { field = "REC-TYPE", equals = "H" }
sequence = "RUN-NO"
[trailer]
when = { field = "REC-TYPE", equals = "T" }
count = "TOTAL"
"""
DELTA = """
[delta]
action = "ACTION-CD"
create = ["A"]
update = ["C"]
delete = ["D"]
"""


def row(action, number, owner="X", balance="1.00"):
    return CODEC.encode(
        {"REC-TYPE": "A", "ACTION-CD": action, "ACCOUNT-ID": number, "OWNER": owner, "BALANCE": balance,
         "OPENED": 20261}
    )  # fmt: skip


def file(number, *rows, total=None):
    head = CODEC.encode({"REC-TYPE": "H", "RUN-NO": number})
    tail = CODEC.encode({"REC-TYPE": "T", "TOTAL": len(rows) if total is None else total})
    return b"".join([head, *rows, tail])


def keyed(action, number, filler=b"\x40"):
    """A record that carries only its key."""
    return row(action, number)[:6] + filler * 15


class Ledger(Home):
    def __init__(self, links, folder):
        super().__init__(links, folder, name="ledger", topic="core.account", copybook=COPYBOOK)

    def mode(self, mode, more=""):
        self.settings(f'mode = "{mode}"\n' + SETTINGS + (DELTA if mode == "delta" else "") + more)

    def changes(self, number=None):
        """(op, owner before, owner after) of the events of an account, in order, or of all."""
        return [
            (e["op"], *(image and image["OWNER"] for image in (e["before"], e["after"])))
            for e in self.events()
            if number is None or (e["after"] or e["before"])["ACCOUNT_ID"] == number
        ]


@pytest.fixture
def ledger(links, tmp_path):
    found = Ledger(links, tmp_path / "ledger")
    yield found
    found.story()


@pytest.fixture
def delta(ledger):
    ledger.mode("delta")
    return ledger


def test_changes_become_events(delta):
    """Codes become c, u and d with both images, several of one key in one file, too."""
    delta.drop("x", file(1, row("A", 1, "ANN"), row("A", 2, "BOB"), row("C", 1, "ANNE"), row("C", 1, "ANNA")))
    delta.drop(
        "y", file(2, row("C", 1, "ANNA"), row("D", 2), row("A", 2, "BEN"), row("C", 9, "ZOE"), row("D", 7))
    )
    status = delta.run()
    assert len(status.committed) == 2 and delta.waiting == []
    assert delta.changes(1) == [("c", None, "ANN"), ("u", "ANN", "ANNE"), ("u", "ANNE", "ANNA")]
    assert delta.changes(2) == [("c", None, "BOB"), ("d", "BOB", None), ("c", None, "BEN")]
    assert delta.changes(9) == [("c", None, "ZOE")], "an update of an unknown key is taken for its create"
    assert delta.changes(7) == [] and delta.tombstones == 1
    event = next(e for e in delta.events() if e["op"] == "d")
    assert (event["source"]["file"], event["source"]["record"]) == ("y", 3)
    assert "ACTION_CD" not in event["before"] and "REC_TYPE" not in event["before"]
    committed = delta.told("committed")[-1]
    assert {k: committed.counts[k] for k in "rcud"} == {"r": 0, "c": 2, "u": 0, "d": 1}
    assert committed.counts["unchanged"] == 1


def test_absence_means_nothing_in_a_delta(delta):
    """Accounts of which a file says nothing keep what they are, however many they are."""
    delta.drop("x", file(1, *(row("A", n) for n in range(1, 101))))
    delta.drop("y", file(2, row("C", 5, "NEW")))
    delta.run()
    assert delta.changes().count(("c", None, "X")) == 100 and delta.tombstones == 0
    assert delta.changes(5) == [("c", None, "X"), ("u", "X", "NEW")]


@pytest.mark.parametrize("filler", [b"\x40", b"\x00", b"\xf0", b"\xff"])
def test_a_delete_with_nothing_but_its_key_is_applied(delta, filler):
    """Blanks, NULs, zeros or rubbish behind the key: the row goes, and `before` is what was known."""
    delta.drop("x", file(1, row("A", 1, "ANN", "12.34"), row("A", 2)))
    delta.drop("y", file(2, keyed("D", 1, filler)))
    delta.run()
    assert delta.changes(1) == [("c", None, "ANN"), ("d", "ANN", None)] and delta.tombstones == 1
    assert list(list_dead_letters(delta.links, "core")) == []


def test_an_undeclared_code_leaves_the_whole_record(delta):
    """Its dead letter has the record's bytes, so that it can be read again once its code is declared."""
    delta.drop("x", file(1, row("A", 1), row("?", 2, "BOB")))
    delta.run()
    [letter] = list_dead_letters(delta.links, "core")
    assert (letter.raw, letter.field, letter.record) == (row("?", 2, "BOB"), "ACCOUNT.ACTION-CD", 3)
    assert delta.changes(2) == [] and delta.changes(1) == [("c", None, "X")]


def test_changes_that_do_not_fit_can_be_dead_letters(ledger):
    """With `unexpected = "reject"` nothing is made of them, and each is told."""
    ledger.mode("delta", '[compare]\nunexpected = "reject"\n[guard]\nmax_reject_share = 1.0\n')
    ledger.drop("x", file(1, row("A", 1), row("A", 1, "TWICE"), row("C", 2), row("D", 3)))
    ledger.run()
    assert ledger.changes() == [("c", None, "X")]
    letters = list(list_dead_letters(ledger.links, "core"))
    assert [letter.record for letter in letters] == [3, 4, 5]
    assert all("does not fit what is known" in letter.reason for letter in letters)


@pytest.mark.parametrize("mode", ["delta", "events"])
def test_the_same_file_again_publishes_nothing(ledger, mode):
    """A file with the same bytes under the same name, and its number under another name, give no event."""
    ledger.mode(mode)
    ledger.drop("x", file(1, row("A", 1), row("A", 2)))
    ledger.run()
    before = len(ledger.records())
    ledger.drop("x", file(1, row("A", 1), row("A", 2)))
    assert ledger.run().skipped == 1 and ledger.waiting == []
    ledger.drop("again", file(1, row("A", 1), row("A", 2)))
    ledger.run()
    [refused] = ledger.told("invalid")
    assert refused.reason == "number 1 was taken already; 1 was the last one"
    assert len(ledger.records()) == before


@pytest.mark.parametrize("mode", ["delta", "events"])
def test_later_files_wait_for_a_held_one_until_it_is_skipped(ledger, mode):
    """A failed trailer holds a file; those behind it wait, and go on once a person says so, on record."""
    ledger.mode(mode)
    ledger.drop("x", file(1, row("A", 1)))
    ledger.drop("y", file(2, row("C", 1, "LOST"), row("D", 1), total=9))
    ledger.drop("z", file(3, row("C", 1, "LAST")))
    for _ in range(2):
        ledger.run()
    assert ledger.changes() == [("c", None, "X")] and ledger.waiting == ["y", "z"]
    [extract] = held(ledger.links)
    assert any("the trailer says 9 records, the file holds 2" in reason for reason in extract.reasons)
    assert [(e.file, e.reason) for e in ledger.told("waiting")] == [
        ("z", "y before it in the sequence is not done")
    ]
    skip(ledger.links, "ledger", by="kim", reason="the sender has no better one")
    assert ledger.run().committed and ledger.waiting == []
    op = ("u", "X", "LAST") if mode == "delta" else ("c", None, "LAST")
    assert ledger.changes() == [("c", None, "X"), op] and ledger.tombstones == 0
    [told] = ledger.told("skipped")
    assert (told.by, told.file, told.sequence) == ("kim", "y", 2)


def test_a_number_in_the_header_that_is_missing_is_waited_for(delta):
    """Files are taken by the number in their header; a gap stops the later ones until it is filled."""
    delta.drop("c", file(1, row("A", 1, "ONE")))
    delta.drop("a", file(3, row("C", 1, "THREE")))
    delta.run()
    assert delta.changes(1) == [("c", None, "ONE")]
    assert [e.reason for e in delta.told("waiting")] == ["file 2 is missing"]
    assert read_states(delta.links)["ledger"].sequence == 1
    delta.drop("b", file(2, row("C", 1, "TWO")))
    delta.run()
    assert delta.changes(1) == [("c", None, "ONE"), ("u", "ONE", "TWO"), ("u", "TWO", "THREE")]


@pytest.mark.parametrize("mode", ["delta", "events"])
@pytest.mark.parametrize("point", ["prepared", "half", "committed", "archived"])
def test_a_kill_at_any_step(ledger, mode, point):
    """SIGKILL before, between and behind the transactions, and round archiving: each event once, in order."""
    ledger.mode(mode)
    rows = [row("A", n % 5 + 1, f"N{n}") if n < 5 else row("C", n % 5 + 1, f"N{n}") for n in range(20)]
    ledger.drop("x", file(1, *rows))
    code, _ = ledger.process(point)
    assert code == -9
    if point == "half":
        assert not read_states(ledger.links)["ledger"].done
    assert not ledger.run().error
    for account in range(5):
        names = [f"N{n}" for n in range(account, 20, 5)]
        op = "u" if mode == "delta" else "c"
        before = [None, *names[:-1]] if mode == "delta" else [None] * 4
        want = [
            ("c" if at == 0 else op, *images) for at, images in enumerate(zip(before, names, strict=True))
        ]
        assert ledger.changes(account + 1) == want
    assert len(ledger.events()) == 20 and ledger.waiting == []
    assert ledger.story().count("committed") == 1


def test_event_files_append(ledger):
    """Each record of an event file is an event of its own, the same twice, too; nothing is compared."""
    ledger.mode("events")
    ledger.drop("x", file(1, row("A", 1, "ANN"), row("A", 1, "ANN")))
    ledger.drop("y", file(2, row("A", 1, "ANN")))
    ledger.run()
    assert ledger.changes(1) == [("c", None, "ANN")] * 3 and ledger.tombstones == 0
    assert [e["source"]["file"] for e in ledger.events()] == ["x", "x", "y"]
    assert ledger.events()[0]["after"]["ACTION_CD"] == "A", "in an event file it is a field like others"
