"""Files from a folder to committed events: broken ones never make a false delete, and say what is wrong."""

from __future__ import annotations

import io
from pathlib import Path

import fastavro
import pytest

from adapters.approval import approve, held
from adapters.batch.codec import RecordCodec
from adapters.batch.spec import BatchSpec
from adapters.dead_letter import list_dead_letters
from adapters.lifecycle import history
from adapters.runner import run
from connectors.links import Links
from connectors.log_reader import read_all
from connectors.registry import Registry

pytestmark = pytest.mark.integration

COPYBOOK = """
       01  PAY-RECORD.
           05  REC-TYPE         PIC X.
           05  BODY             PIC X(29).
           05  CLAIM REDEFINES BODY.
               10  CLAIM-NO     PIC 9(5) COMP-3.
               10  NINO         PIC X(9).
               10  AMOUNT       PIC S9(5)V99 COMP-3.
           05  TRAILER REDEFINES BODY.
               10  TOTAL        PIC 9(5).
"""
CODEC = RecordCodec(COPYBOOK, code_page="cp285")


class Source:
    """A folder with a batch adapter, and what it has published."""

    def __init__(self, links: Links, folder: Path) -> None:
        self.links, self.folder, self.day = links, folder, 0
        (folder / "inbox").mkdir()
        (folder / "pay.cpy").write_text(COPYBOOK)

    def deliver(self, content: bytes):
        """Drop a file, run the adapter once, and return its status."""
        self.day += 1
        (self.folder / "inbox" / f"PAY.202611{self.day:02}").write_bytes(content)
        return self.run()

    def run(self):
        spec = BatchSpec.model_validate(
            {
                "name": "pay", "system": "mainframe", "folder": "inbox", "copybook": "pay.cpy",
                "code_page": "cp285", "min_age_seconds": 0, "business_date": r"PAY\.(?P<date>\d{8})",
                "records": [{"entity": "claim", "key": ["CLAIM-NO"], "group": "CLAIM",
                             "when": {"field": "REC-TYPE", "equals": "C"}}],
                "trailer": {"when": {"field": "REC-TYPE", "equals": "T"}, "count": "TOTAL"},
            }
        )  # fmt: skip
        return run([(spec, self.folder)], self.links, once=True).adapters["pay"]

    def events(self) -> list[tuple[str, int]]:
        """(op, claim number) of every committed event, sorted."""
        registry = Registry(self.links.registry_url)
        found = []
        for record in read_all(self.links.kafka, f"{self.links.prefix}.mainframe.claim"):
            if record.value is not None:
                schema = registry.by_id(int.from_bytes(record.value[1:5], "big"))
                event = fastavro.schemaless_reader(io.BytesIO(record.value[5:]), schema)
                found.append((event["op"], (event["after"] or event["before"])["CLAIM_NO"]))
        return sorted(found)

    @property
    def tombstones(self) -> int:
        topic = f"{self.links.prefix}.mainframe.claim"
        return sum(record.value is None for record in read_all(self.links.kafka, topic))

    @property
    def waiting(self) -> list[str]:
        return sorted(p.name for p in (self.folder / "inbox").iterdir())


def claims(*numbers: int, amount: str = "1.00") -> bytes:
    return b"".join(
        CODEC.encode({"REC-TYPE": "C", "CLAIM-NO": n, "NINO": f"QQ{n}", "AMOUNT": amount}) for n in numbers
    )


def trailer(total: int) -> bytes:
    return CODEC.encode({"REC-TYPE": "T", "TOTAL": total})


def unreadable(number: int) -> bytes:
    """A claim whose key cannot be read."""
    return claims(number)[:1] + b"\xff" + claims(number)[2:]


@pytest.fixture
def source(links: Links, tmp_path: Path) -> Source:
    found = Source(links, tmp_path)
    status = found.deliver(claims(1, 2, 3) + trailer(3))
    assert status.committed and found.events() == [("r", 1), ("r", 2), ("r", 3)]
    return found


def test_a_corrupt_record_keeps_its_row_and_goes_to_the_dead_letters(source: Source) -> None:
    """A record with a corrupt amount is dead-lettered with its bytes; its key keeps the row it has."""
    bad = bytearray(claims(2))
    bad[13] = 0xFA
    source.deliver(claims(1, amount="2.00") + bytes(bad) + claims(3) + trailer(3))
    assert source.events() == [("r", 1), ("r", 2), ("r", 3), ("u", 1)]
    (letter,) = list_dead_letters(source.links, "mainframe")
    assert (letter.raw, letter.field, letter.record) == (bytes(bad), "CLAIM.AMOUNT", 2)
    assert letter.reason == "nibble F is no digit"
    assert source.waiting == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (claims(1, 2) + claims(3)[:11], "truncated: the last record has 11 of 30 bytes"),
        (claims(1, 2) + trailer(3), "the trailer says 3 records, the file holds 2"),
        (claims(1), "the file has 0 trailer records; exactly one is expected"),
        (b"", "the file holds no record"),
        (claims(1) + unreadable(2) + trailer(2), "the key of 1 record cannot be read"),
        (claims(1) + b"\xe9" + claims(2)[1:] + trailer(2), "record 2: unknown record type"),
        (trailer(0), "the extract has no readable row, 3 rows were known"),
    ],
)
def test_an_incomplete_file_deletes_nothing_and_is_held(source: Source, content: bytes, problem: str) -> None:
    """A cut file, a failed trailer, an unreadable record, an empty file: held with the reason, no delete."""
    status = source.deliver(content)
    assert not status.committed
    assert source.events() == [("r", 1), ("r", 2), ("r", 3)] and source.tombstones == 0
    (extract,) = held(source.links)
    assert any(problem in reason for reason in extract.reasons), extract.reasons


@pytest.mark.parametrize(
    "content",
    [
        claims(1, amount="9.00") + claims(2)[:11],
        claims(1, amount="9.00") + trailer(3),
        claims(1, amount="9.00") + unreadable(2) + trailer(2),
    ],
    ids=["a cut file", "a failed trailer", "an unreadable record"],
)
def test_an_incomplete_file_deletes_nothing_even_when_it_is_approved(source: Source, content: bytes) -> None:
    """Approving publishes what the file says; of what it does not say nothing is known, so nothing goes."""
    source.deliver(content)
    (extract,) = held(source.links)
    approve(source.links, "pay", extract.extract, by="kim", reason="the rest comes tomorrow")
    source.run()
    assert source.events() == [("r", 1), ("r", 2), ("r", 3), ("u", 1)] and source.tombstones == 0
    # The rows that it did not have are still known: tomorrow's whole file finds no change in them.
    source.deliver(claims(1, amount="9.00") + claims(2, 3) + trailer(3))
    assert source.events() == [("r", 1), ("r", 2), ("r", 3), ("u", 1)]


def test_a_rejected_record_keeps_its_row_and_the_rest_may_go(source: Source) -> None:
    """A record with a readable key holds its row; a key that a whole file does not have is deleted."""
    bad = bytearray(claims(2))
    bad[13] = 0xFA
    source.deliver(claims(1) + bytes(bad) + trailer(2))
    assert source.events() == [("d", 3), ("r", 1), ("r", 2), ("r", 3)] and source.tombstones == 1


def test_a_wrong_copybook_fails_the_file_and_the_next_one_supersedes_it(source: Source) -> None:
    """A file that does not fit the copybook is failed with a remedy; the next good file goes through."""
    assert source.deliver(bytes(range(200))).failed
    (failed,) = [e for e in history(source.links, "pay") if e.state == "failed"]
    assert "does not fit pay.cpy" in failed.problems[0]
    source.deliver(claims(1, 2, 3, 4) + trailer(4))
    assert source.events() == [("c", 4), ("r", 1), ("r", 2), ("r", 3)]
