"""Two versions compared row by row: what differs, what rules explain, and what is only not there yet."""

from __future__ import annotations

import uuid
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.readmodel.reader import NotReady
from connectors.readmodel.snapshot import snapshot
from connectors.readmodel.stores import Stores
from schemas.errors import SettingsError, Transient
from streams import compare as module
from streams.checkpoint import Checkpoint
from streams.compare import compare
from streams.explained import Rule, Rules, load_rules
from streams.projection import row_projection
from tests.unit.streams.events import TOPIC, Book, Writer, batch, row


class Pair:
    """Two versions of one projection over one log."""

    def __init__(self, folder, url="", **second) -> None:
        self.stores = Stores(folder, f"t{uuid.uuid4().hex[:8]}", url)
        self.book = Book()
        self.writer = Writer(self.book)
        self.log = []
        self.points = []
        for version, options in ((1, {}), (2, second)):
            p = row_projection("claim", source="esa.claim", collection="c", version=version, **options)
            store = self.stores.writer("claim", version, topic=TOPIC)
            checkpoint = Checkpoint(p, TOPIC, store, self.book, lambda _: None)
            checkpoint.ensure_table()
            checkpoint.claim([(TOPIC, 0)])
            self.points.append((checkpoint, store))

    def put(self, nino, n=1, amount="84.80"):
        image = row(nino, n, amount)
        self.log.append((self.writer.key(image), self.writer.event("u", None, image)))

    def delete(self, nino):
        image = row(nino)
        self.log.append((self.writer.key(image), self.writer.event("d", image, None)))

    def apply(self, version, to=None, instead=None):
        """Bring a version on; `instead` gives it other events: a mistaken fold."""
        checkpoint = self.points[version - 1][0]
        at = checkpoint.stored[TOPIC, 0]
        events = instead or self.log[at : len(self.log) if to is None else to]
        checkpoint.commit(checkpoint.prepare(batch(events, first=at)))

    def open(self, version):
        return partial(snapshot, self.stores, "claim", version)

    def compare(self, *rules, **options):
        return compare(self.open(1), self.open(2), Rules(rule=rules), patience=0.0, **options)

    def close(self):
        for _, store in self.points:
            store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def pair(request, tmp_path):
    made = Pair(tmp_path, "" if request.param == "sqlite" else request.getfixturevalue("postgres").url)
    yield made
    made.close()


def rule(kind, **more):
    return Rule(name=kind, because="a test", version=2, kind=kind, **more)


def differing(pair, *changed):
    """Version 2 has made something else of the log."""
    for nino in "ABC":
        pair.put(nino)
    pair.apply(1)
    right, pair.log = pair.log, []
    for nino, n, amount in changed:
        pair.put(nino, n, amount)
    pair.apply(2, instead=pair.log)
    pair.log = right


def test_the_same(pair):
    """Two versions that made the same of the log are green, at the offset that both have reached."""
    for n in range(50):
        pair.put(f"K{n}", n)
    pair.delete("K7")
    pair.apply(1)
    pair.apply(2)
    found = pair.compare()
    assert found.green
    assert (found.old_rows, found.new_rows, found.same, found.offsets) == (49, 49, 49, {0: 51})


def test_every_kind_of_difference(pair):
    """Rows of one side only and values that differ are counted, by field, and shown without their values."""
    differing(pair, ("A", 1, "84.80"), ("B", 2, "1.00"), ("D", 1, "84.80"))
    found = pair.compare()
    assert (found.same, found.different, found.only_old, found.only_new) == (1, 1, 1, 1)
    assert found.fields == {"n": 1, "amount": 1}
    assert [(s.old, s.new) for s in found.samples] == [("0:1", "0:1"), ("0:2", None), (None, "0:2")]
    assert found.samples[0].fields == {"amount": ["text of 5", "text of 4"], "n": ["a number", "a number"]}
    assert pair.compare(reveal=True).samples[0].fields["n"] == [1, 2]
    assert len(pair.compare(samples=1).samples) == 1


def test_rules_explain_and_are_counted(pair):
    """What rules explain is no difference; each says how many it hides, and 0 where it is not needed."""
    differing(pair, ("A", 1, "84.80"), ("B", 2, "1.00"), ("D", 1, "84.80"))
    rules = [rule("any", field="amount"), rule("map", field="n", values={"1": "2"}), rule("only_new")]
    found = pair.compare(*rules, rule("trimmed", field="n"))
    assert found.rules == {"any": 1, "map": 1, "only_new": 1, "trimmed": 0}
    assert (found.explained, found.only_old, found.green) == (2, 1, False)
    assert pair.compare(*rules, rule("only_old")).green


def test_a_version_ahead_is_no_difference(pair):
    """Rows that only the version ahead has changed, made or deleted are not settled; the others count."""
    for nino in "ABCD":
        pair.put(nino)
    pair.apply(1)
    pair.apply(2)
    pair.put("A", 9)
    pair.put("E")
    pair.delete("B")
    pair.apply(1)
    found = pair.compare()
    assert (found.same, found.unsettled, found.fields, found.green) == (2, 3, {}, False)
    assert found.offsets == {0: 4}
    pair.apply(2)
    assert pair.compare().green


def test_what_is_set_aside_is_looked_at_again(tmp_path, monkeypatch):
    """While the version behind comes on, its rows are settled one after the other."""
    pair = Pair(tmp_path)
    pair.put("A")
    pair.apply(1)
    pair.apply(2)
    pair.put("A", 2)
    pair.put("B", 2)
    pair.apply(1)
    monkeypatch.setattr(module.time, "sleep", lambda _: pair.apply(2) if len(pair.log) > 2 else None)
    found = compare(pair.open(1), pair.open(2), Rules(), patience=20.0)
    assert (found.green, found.same) == (True, 2)
    pair.close()


def test_fields_of_one_version_only(tmp_path):
    """A field that is new or gone is a difference until a rule says that it is meant."""
    pair = Pair(tmp_path, rename={"N": "number"})
    pair.put("A")
    pair.apply(1)
    pair.apply(2)
    assert pair.compare().fields == {"n (removed)": 1, "number (added)": 1}
    meant = [rule("removed", field="n"), rule("added", field="number")]
    assert pair.compare(*meant).green
    pair.close()


def test_what_cannot_be_compared(tmp_path, monkeypatch):
    """Different keys, a read model that is not there, and a version far behind are told, not guessed at."""
    pair = Pair(tmp_path, rename={"NINO": "person"})
    pair.put("A")
    pair.apply(1)
    pair.apply(2)
    with pytest.raises(SettingsError, match="different keys"):
        pair.compare()
    with pytest.raises(NotReady):
        compare(pair.open(1), pair.open(3), Rules())
    pair.close()
    behind = Pair(tmp_path / "behind")
    for n in range(5):
        behind.put(f"K{n}")
    behind.apply(1)
    monkeypatch.setattr(module, "MOST_UNSETTLED", 3)
    with pytest.raises(Transient, match="caught up"):
        behind.compare()
    behind.close()


@pytest.mark.parametrize(
    ("kind", "old", "new", "yes"),
    [
        ("trimmed", " A ", "A", True),
        ("trimmed", "A", "B", False),
        ("trimmed", None, "A", False),
        ("case", "abc", "ABC", True),
        ("case", 1, "1", False),
        ("number", "84.80", "84.8", True),
        ("number", "x", "x ", False),
        ("number", None, None, False),
        ("empty", None, "  ", True),
        ("empty", None, "A", False),
        ("empty", 0, None, False),
        ("only_new", 1, 2, False),
    ],
)
def test_what_a_rule_explains(kind, old, new, yes):
    """Each kind of rule explains its own sort of difference and no other."""
    assert rule(kind, field="x").explains(old, new) is yes


@pytest.mark.parametrize(
    "text",
    ["[[rule]]\nname = 'a'\n", "rule = 3", "[[rule]]\nname='a'\nbecause='b'\nversion=2\nkind='magic'\n"],
)
def test_broken_rules(tmp_path, text):
    """A file of rules that is none is refused with its place."""
    (tmp_path / "claim.compare.toml").write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_rules(tmp_path, "claim")
    assert "claim.compare.toml" in caught.value.where
    assert load_rules(tmp_path, "other") == Rules()


ROWS = st.dictionaries(
    st.text("ABab\0\u00e9\U0001d538", min_size=1, max_size=3), st.integers(0, 2), max_size=8
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, ROWS)
def test_the_merge_is_a_comparison_of_two_dictionaries(tmp_path_factory, old, new):
    """Merging both sides in key order finds what comparing two dictionaries finds."""
    pair = Pair(tmp_path_factory.mktemp("pair"))
    for version, rows in ((1, old), (2, new)):
        pair.log = []
        for nino, n in rows.items():
            pair.put(nino, n)
        while len(pair.log) < 8:  # both at one offset
            pair.delete("nobody")
        pair.apply(version, instead=pair.log)
    found = pair.compare()
    assert found.same == sum(old[k] == new[k] for k in old.keys() & new.keys())
    assert found.different == len(old.keys() & new.keys()) - found.same
    assert (found.only_old, found.only_new) == (len(old.keys() - new.keys()), len(new.keys() - old.keys()))
    pair.close()
