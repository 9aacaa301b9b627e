"""Parts of a sequence keep their order; whole pictures do not wait for each other (DESIGN 10.3)."""

from __future__ import annotations

import pytest

from adapters.approval import approve, held, reject
from adapters.lifecycle import history
from adapters.orders import reprocess, skip
from adapters.state import read_states
from schemas.errors import Terminal
from tests.integration.adapters.estate import many, summary

pytestmark = pytest.mark.integration


def amounts(estate):
    return [summary(e)[2] for e in estate.events()]


def waits(estate):
    return [(e.file, e.reason) for e in history(estate.links, "src") if e.state == "waiting"]


def broken(estate, name, **more):
    return estate.drop([(None, 0)], name=name, partial=True, **more)


def mend(path, amount):
    path.write_text(path.read_text().replace('"id": null, "amount": 0', f'"id": "a", "amount": {amount}'))


def test_parts_wait_for_one_that_failed(estate):
    """Later parts wait, in a new process too, until the failed one is mended; then all go in order."""
    estate.drop([("a", 1)], name="1.json", partial=True)
    estate.run()
    path = broken(estate, "2.json")
    estate.drop([("a", 3)], name="3.json", partial=True)
    for _ in range(2):
        assert not estate.run().ok
    assert amounts(estate) == [1] and len(waits(estate)) == 1
    assert read_states(estate.links)["src"].blocked.file == "2.json"
    mend(path, 2)
    assert estate.run().ok
    assert amounts(estate) == [1, 2, 3]
    assert read_states(estate.links)["src"].blocked is None and list(estate.inbox.glob("*.json")) == []


def test_parts_wait_although_the_failed_file_was_taken_away(estate):
    """Moving the failed file away does not let the others overtake it; skipping it on record does."""
    path = broken(estate, "2.json")
    estate.run()
    path.unlink()
    estate.drop([("a", 3)], name="3.json", partial=True)
    estate.run()
    assert amounts(estate) == [] and waits(estate)[-1] == (
        "3.json", "2.json before it in the sequence failed or was rejected"
    )  # fmt: skip
    skip(estate.links, "src", by="kim", reason="the sender has no better one")
    assert estate.run().ok
    assert amounts(estate) == [3]
    [told] = [e for e in history(estate.links, "src") if e.state == "skipped"]
    assert (told.by, told.reason, told.file) == ("kim", "the sender has no better one", "2.json")
    with pytest.raises(Terminal, match="nothing to skip"):
        skip(estate.links, "src", by="kim", reason="again")


def test_parts_wait_for_one_that_is_held_or_rejected(estate):
    """A held part stops those behind it, also once it is rejected: something is missing then."""
    estate.drop([("a", 1)], name="1.json", partial=True, problems=["trailer says 9"])
    estate.drop([("a", 2)], name="2.json", partial=True)
    assert len(estate.status().held) == 1
    [waiting] = held(estate.links)
    reject(estate.links, "src", waiting.extract, by="kim", reason="cut off")
    estate.run()
    assert amounts(estate) == []
    estate.drop([("a", 7)], name="1.json", partial=True)
    assert estate.run().ok
    assert amounts(estate) == [7, 2]


def test_an_approved_part_lets_the_others_go(estate):
    """When the held part is approved, those behind it follow."""
    estate.drop([("a", 1)], name="1.json", partial=True, problems=["trailer says 9"])
    estate.drop([("a", 2)], name="2.json", partial=True)
    estate.run()
    [waiting] = held(estate.links)
    approve(estate.links, "src", waiting.extract, by="kim", reason="checked")
    assert estate.run().ok
    assert amounts(estate) == [1, 2] and list(estate.inbox.glob("*.json")) == []


def test_a_held_part_can_be_skipped(estate):
    """Skipping a held part publishes nothing of it and lets the others go."""
    estate.drop([("a", 1)], name="1.json", partial=True, problems=["trailer says 9"])
    estate.drop([("a", 2)], name="2.json", partial=True)
    estate.run()
    skip(estate.links, "src", by="kim", reason="not needed")
    assert estate.run().ok
    assert amounts(estate) == [2] and held(estate.links) == []
    assert list(estate.inbox.glob("*.json")) == []


def test_a_missing_number_stops_the_sequence(estate):
    """A gap is named and waited for; the missing file, or skipping its number, ends the wait."""
    for number in (15, 16, 18, 19):
        estate.drop([("a", number)], name=f"{number}.json", partial=True, sequence=number)
    estate.run()
    assert amounts(estate) == [15, 16]
    assert waits(estate) == [("18.json", "file 17 is missing"), ("19.json", "file 17 is missing")]
    estate.drop([("a", 17)], name="17.json", partial=True, sequence=17)
    assert estate.run().ok
    assert amounts(estate) == [15, 16, 17, 18, 19]
    estate.drop([("a", 22)], name="22.json", partial=True, sequence=22)
    estate.run()
    assert waits(estate)[-1] == ("22.json", "files 20 to 21 are missing")
    with pytest.raises(Terminal, match="taken already"):
        skip(estate.links, "src", by="kim", reason="typing error", number=19)
    skip(estate.links, "src", by="kim", reason="never made", number=21)
    assert estate.run().ok
    assert amounts(estate)[-1] == 22


def test_a_repeated_number_is_refused(estate):
    """Another file with a number that was taken is invalid, stays where it is and stops nobody."""
    estate.drop([("a", 1)], name="1.json", partial=True, sequence=1)
    estate.run()
    estate.drop([("a", 9)], name="1b.json", partial=True, sequence=1)
    estate.drop([("a", 2)], name="2.json", partial=True, sequence=2)
    assert not estate.run().ok
    assert amounts(estate) == [1, 2]
    assert [p.name for p in estate.inbox.glob("*.json")] == ["1b.json"]
    [told] = [e for e in history(estate.links, "src") if e.state == "invalid"]
    assert told.reason == "number 1 was taken already; 1 was the last one"
    estate.run()
    assert [p.name for p in estate.inbox.glob("*.json")] == ["1b.json"]


def test_a_poison_picture_never_stops_the_next(estate):
    """A full extract that fails, and one that is held, are superseded by the next good one."""
    estate.drop(many(100))
    estate.run()
    estate.drop([(None, 0)], name="day02.json")
    estate.drop(many(10), name="day03.json")
    estate.drop(many(101), name="day04.json")
    estate.run()
    assert [summary(e) for e in estate.events() if e["op"] != "r"] == [("c", "k00100", 100)]
    assert estate.run().ok and list(estate.inbox.glob("*.json")) == []


def test_an_extract_is_processed_again_on_order(estate):
    """Reprocessing compares a known file afresh: who asked and why is on record, and it is done once."""
    content = estate.drop([("a", 1)], name="1.json").read_text()
    estate.run()
    estate.drop([("a", 2)], name="2.json")
    estate.run()
    reprocess(estate.links, "src", by="kim", reason="2 was a test", file="1.json")
    assert estate.run().ok
    (estate.inbox / "1.json").write_text(content)
    assert estate.run().ok
    assert amounts(estate) == [1, 2, 1]
    (estate.inbox / "1.json").write_text(content)
    assert estate.status().skipped == 1
    assert amounts(estate) == [1, 2, 1]
    with pytest.raises(Terminal, match="on record"):
        reprocess(estate.links, "src", by="kim", reason="?", file="3.json")


def test_a_part_that_was_taken_is_processed_again_only_on_order(estate):
    """An order lifts the check of the number for just that extract."""
    for number in (1, 2):
        estate.drop([("a", number)], name=f"{number}.json", partial=True, sequence=number)
    content = (estate.inbox / "1.json").read_text()
    estate.run()
    reprocess(estate.links, "src", by="kim", reason="repair", file="1.json")
    (estate.inbox / "1.json").write_text(content)
    assert estate.run().ok
    assert amounts(estate) == [1, 2, 1]
    assert read_states(estate.links)["src"].sequence == 2


def test_the_whole_life_of_a_file_is_on_record(estate):
    """Every state of a file that is held and approved is told, in order, once."""
    estate.drop(many(100))
    estate.run()
    estate.drop(many(50))
    estate.run()
    [waiting] = held(estate.links)
    approve(estate.links, "src", waiting.extract, by="kim", reason="yes")
    estate.run()
    first, second = estate.stories().values()
    assert first == ["started", "reading", "completed", "committed", "archived"]
    assert second == ["started", "reading", "completed", "held", "approved", "committed", "archived"]


def test_a_held_extract_shows_keys_that_only_the_estate_can_name(estate):
    """The summary of a held extract has counts, reasons, and pseudonyms of some keys of each kind."""
    estate.drop(many(100))
    estate.run()
    estate.drop([*many(50), ("new", 1)])
    estate.run()
    [waiting] = held(estate.links)
    assert waiting.counts["d"] == 50 and waiting.counts["c"] == 1
    assert {op: len(keys) for op, keys in waiting.samples["account"].items()} == {"c": 1, "d": 3}
    keys = [key for keys in waiting.samples["account"].values() for key in keys]
    assert not any(key.startswith("k000") or key == "new" for key in keys)
