"""Files to extracts: framing, record types, broken files, the inbox and its archive."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from adapters.batch.adapter import BatchAdapter, FileExtract
from adapters.batch.codec import RecordCodec
from adapters.batch.codepage import CodePage
from adapters.batch.copybook import layouts, parse
from adapters.batch.framing import Broken, FrameSpec, Framing, Scanner, Spans
from adapters.batch.spec import BatchSpec
from adapters.extract import Reject
from connectors.settings import load
from schemas.errors import SettingsError, Terminal
from tests.unit.adapters.batch.pay import COPYBOOK

CODEC = RecordCodec(COPYBOOK, code_page="cp285")
SETTINGS = """
kind = "batch"
name = "pay"
system = "mainframe"
folder = "inbox"
pattern = "PAY.*"
min_age_seconds = 0
business_date = 'PAY\\.(?P<date>\\d{8})'
copybook = "pay.cpy"
code_page = "cp285"
record_length = 30
[[records]]
entity = "claim"
when = { field = "REC-TYPE", equals = "C" }
group = "CLAIM"
key = ["CLAIM-NO"]
[[records]]
entity = "person"
when = { field = "REC-TYPE", equals = ["P", "Q"] }
group = "PERSON"
key = ["P-NINO"]
[trailer]
when = { field = "REC-TYPE", equals = "T" }
count = "TOTAL"
"""


def claim(number: int, amount: str = "1.00") -> bytes:
    return CODEC.encode({"REC-TYPE": "C", "CLAIM-NO": number, "NINO": "QQ1", "AMOUNT": amount})


def person(nino: str, name: str = "X") -> bytes:
    return CODEC.encode({"REC-TYPE": "P", "P-NINO": nino, "NAME": name})


def trailer(total: int) -> bytes:
    return CODEC.encode({"REC-TYPE": "T", "TOTAL": total})


def scanner(framing: Framing, length: int, page: CodePage) -> Scanner:
    (layout,) = layouts(parse(f"01 R PIC X({length})."))
    return Scanner.of(framing, FrameSpec.model_validate({}), layout, page, "test")


GOOD = claim(1) + person("QQ1") + claim(2) + trailer(3)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "pay.cpy").write_text(COPYBOOK)
    (tmp_path / "adapter.toml").write_text(SETTINGS)
    return tmp_path


def opened(home: Path, **changes: Any) -> BatchAdapter:
    spec = load(home / "adapter.toml", BatchSpec)
    return BatchSpec.model_validate(spec.model_dump() | changes).open(home)


def drop(home: Path, content: bytes, name: str = "PAY.20261101") -> Path:
    path = home / "inbox" / name
    path.write_bytes(content)
    return path


def read(extract: FileExtract) -> tuple[dict[str, list[dict[str, Any]]], list[Reject], list[str]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    rejects: list[Reject] = []
    for chunk in extract.chunks():
        for part in chunk.rows:
            rows.setdefault(part.entity, []).extend(part.batch.to_pylist())
        rejects += chunk.rejects
    return rows, rejects, list(extract.problems())


def read_one(home: Path, content: bytes, **changes: Any) -> Any:
    drop(home, content)
    (extract,) = opened(home, **changes).poll()
    return read(extract)


def test_record_types_become_entities(home: Path) -> None:
    """Each record type gives rows of its own entity; a right trailer gives no problem."""
    rows, rejects, problems = read_one(home, GOOD)
    assert [r["CLAIM_NO"] for r in rows["claim"]] == [1, 2]
    assert rows["person"] == [{"REC_TYPE": "P", "P_NINO": "QQ1", "NAME": "X"}]
    assert not rejects and not problems


def test_rows_know_their_place(home: Path) -> None:
    """Each row carries its record number and byte offset, and its batch has the entity's schema."""
    drop(home, GOOD)
    adapter = opened(home)
    (extract,) = adapter.poll()
    (chunk,) = extract.chunks()
    assert chunk.rows[0].record.tolist() == [1, 3]
    assert chunk.rows[0].offset.tolist() == [0, 60]
    assert chunk.rows[0].batch.schema == adapter.entities["claim"].arrow_schema()
    assert extract.origin.ts_kind == "business"
    assert extract.origin.ts_ms == 1_793_491_200_000


def test_a_bad_field_rejects_its_record_only(home: Path) -> None:
    """A corrupt nibble rejects one record with raw bytes, path, reason and key; its neighbours flow on."""
    bad = bytearray(claim(7))
    bad[13] = 0xFA
    rows, rejects, problems = read_one(home, claim(1) + bytes(bad) + claim(2) + trailer(3))
    assert [r["CLAIM_NO"] for r in rows["claim"]] == [1, 2]
    (reject,) = rejects
    assert (reject.entity, reject.record, reject.offset, reject.raw) == ("claim", 2, 30, bytes(bad))
    assert (reject.field_path, reject.reason) == ("CLAIM.AMOUNT", "nibble F is no digit")
    assert reject.key_text == "7"
    assert not problems


def test_an_unreadable_key_is_told_apart(home: Path) -> None:
    """A reject whose key cannot be read has no key text, so that the extract deletes nothing."""
    bad = bytearray(claim(7))
    bad[1] = 0xFF
    _, rejects, _ = read_one(home, claim(1) + bytes(bad) + claim(2) + trailer(3))
    assert [r.key_text for r in rejects] == [None]


def test_a_composite_key_is_kept_for_a_reject(home: Path) -> None:
    """The key text of a reject joins the key fields in declared order by U+001F."""
    bad = bytearray(claim(7))
    bad[13] = 0xFA
    records = [{"entity": "claim", "when": {"field": "REC-TYPE", "equals": "C"}, "group": "CLAIM",
                "key": ["NINO", "CLAIM-NO"]}]  # fmt: skip
    _, rejects, _ = read_one(home, bytes(bad) + claim(1) + trailer(2), records=records)
    assert [r.key_text for r in rejects] == ["QQ1\x1f7"]


def test_an_unknown_record_type_is_rejected_without_a_key(home: Path) -> None:
    """A record that no type claims belongs to no entity and has no key."""
    _, rejects, _ = read_one(home, claim(1) + CODEC.encode({"REC-TYPE": "Z"}) + claim(2) + trailer(2))
    assert [(r.entity, r.reason, r.key_text) for r in rejects] == [("", "unknown record type", None)]


def test_a_truncated_file_is_not_complete(home: Path) -> None:
    """A cut-off last record is a reject and a problem; what is whole still decodes."""
    rows, rejects, problems = read_one(home, claim(1) + claim(2) + claim(3)[:17])
    assert len(rows["claim"]) == 2
    assert [(r.record, r.raw, r.key_text) for r in rejects] == [(3, claim(3)[:17], None)]
    assert problems[0] == "record 3 at byte 60: truncated: the last record has 17 of 30 bytes"
    assert problems[1] == "the file has 0 trailer records; exactly one is expected"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file holds no record"),
        (claim(1) + trailer(2), "the trailer says 2 records, the file holds 1"),
        (claim(1) + trailer(1) + trailer(1), "the file has 2 trailer records"),
        (claim(1) + trailer(2) + claim(2), "records follow the trailer"),
        (claim(1) + trailer(1) + claim(2) + trailer(1), "records follow the trailer"),
        (
            claim(1) + trailer(1).replace("0".encode("cp285"), b"\x00"),
            "the trailer's TRAILER.TOTAL cannot be read",
        ),
        (b"\x00" * 90, "3 of 3 records do not decode: is this the right copybook"),
    ],
)
def test_a_file_that_is_not_complete_says_why(home: Path, content: bytes, problem: str) -> None:
    """An empty file, a failed trailer and a file of nonsense are held, with the reason."""
    assert any(p.startswith(problem) for p in read_one(home, content)[2])


def test_a_wrong_copybook_is_terminal(home: Path) -> None:
    """A file whose length does not fit and whose records do not decode is refused as a whole."""
    drop(home, bytes(range(200)))
    (extract,) = opened(home).poll()
    with pytest.raises(Terminal, match=r"does not fit pay\.cpy") as caught:
        read(extract)
    assert "check copybook" in caught.value.fix


def test_a_wrong_record_length_is_refused_at_once(home: Path) -> None:
    """A declared record length that the copybook contradicts is a settings error."""
    with pytest.raises(SettingsError, match="describes 30 bytes, record_length says 31"):
        opened(home, record_length=31)


def test_files_come_by_business_date_and_go_to_the_archive(home: Path) -> None:
    """The oldest business date comes first whatever arrived first; done() moves the file, once."""
    drop(home, GOOD, "PAY.20261103")
    drop(home, GOOD, "PAY.20261102")
    drop(home, GOOD, ".PAY.20261101.part")
    adapter = opened(home)
    found = list(adapter.poll())
    assert [e.origin.file for e in found] == ["PAY.20261102", "PAY.20261103"]
    assert len({e.id for e in found}) == 2
    for extract in found:
        adapter.done(extract)
        adapter.done(extract)
    assert sorted(p.name for p in (home / "archive").iterdir()) == ["PAY.20261102", "PAY.20261103"]
    assert not list(adapter.poll())


def test_the_archive_never_overwrites(home: Path) -> None:
    """A corrected file of the same name is processed, and archived beside the first."""
    adapter = opened(home)
    ids = []
    for content in (GOOD, claim(9) + trailer(1)):
        drop(home, content)
        (extract,) = adapter.poll()
        ids.append(extract.id)
        adapter.done(extract)
    assert ids[0] != ids[1]
    archived = sorted((home / "archive").iterdir())
    assert [p.read_bytes() for p in archived] == [GOOD, claim(9) + trailer(1)]


def test_a_text_file_that_was_cut_off_is_noticed() -> None:
    """A last line without an end, shorter than all before it, is a bad record and no change of its row."""
    page = CodePage.named("ascii")

    def read(content: bytes) -> list[tuple[int, str]]:
        parts = scanner("lines", 4, page).scan(io.BytesIO(content), 5)
        return [
            (p.record, "bad") if isinstance(p, Broken) else (n, "good")
            for p in parts
            for n in ([p.record] if isinstance(p, Broken) else p.record.tolist())
        ]

    assert read(b"AAAA\nBBBB\nCC") == [(1, "good"), (2, "good"), (3, "bad")]
    assert read(b"AAAA\nBBBB\nCCCC") == [(1, "good"), (2, "good"), (3, "good")]
    assert read(b"AAAA\nBBBB\nCC\n") == [(1, "good"), (2, "good"), (3, "good")]
    assert read(b"AAAA\nBB\nCC") == [(1, "good"), (2, "good"), (3, "good")]
    assert read(b"CC") == [(1, "good")]


def test_a_read_only_folder_may_not_outgrow_memory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More files than an adapter remembers would be read again and bring the past back, so it refuses."""
    monkeypatch.setattr("adapters.batch.inbox.KNOWN", 2)
    for day in (1, 2, 3):
        drop(home, GOOD, f"PAY.2026110{day}")
    with pytest.raises(Terminal, match="more than 2 files"):
        list(opened(home, read_only=True).poll())
    assert len(list(opened(home).poll())) == 3


def test_a_read_only_folder_is_left_alone(home: Path) -> None:
    """With read_only, done() moves nothing and the file keeps its identity."""
    drop(home, GOOD)
    adapter = opened(home, read_only=True)
    (first,) = adapter.poll()
    adapter.done(first)
    (second,) = adapter.poll()
    assert first.id == second.id
    assert not (home / "archive").exists()


def test_a_file_waits_for_its_marker_and_its_age(home: Path) -> None:
    """A file is taken only with its done marker, and only when it has stood still long enough."""
    path = drop(home, GOOD)
    marked = opened(home, done_marker=".done")
    assert not list(marked.poll())
    marker = path.with_name(path.name + ".done")
    marker.touch()
    (extract,) = marked.poll()
    marked.done(extract)
    assert not marker.exists()
    drop(home, GOOD)
    aged = opened(home, min_age_seconds=3600)
    assert not list(aged.poll())
    os.utime(path, (time.time() - 4000, time.time() - 4000))
    assert len(list(aged.poll())) == 1


def test_a_growing_file_is_not_read_by_default(home: Path) -> None:
    """Without a setting a file must have stood still for half a minute: longer than an upload's stall."""
    (home / "adapter.toml").write_text(SETTINGS.replace("min_age_seconds = 0\n", ""))
    path = drop(home, GOOD)
    adapter = load(home / "adapter.toml", BatchSpec).open(home)
    assert not list(adapter.poll())
    os.utime(path, (time.time() - 31, time.time() - 31))
    assert len(list(adapter.poll())) == 1


@pytest.mark.parametrize(
    ("changes", "findings"),
    [
        ({"trailer": None, "min_age_seconds": 1.0}, 1),
        ({"trailer": None, "min_age_seconds": 0}, 1),
        ({"trailer": None, "min_age_seconds": 30}, 0),
        ({"trailer": None, "min_age_seconds": 0, "done_marker": ".done"}, 0),
        ({"min_age_seconds": 0}, 0),
    ],
)
def test_half_a_file_that_looks_whole_is_warned_of(
    home: Path, changes: dict[str, Any], findings: int
) -> None:
    """A short age without trailer or marker is warned of, with the three remedies."""
    spec = load(home / "adapter.toml", BatchSpec)
    advice = spec.model_validate(spec.model_dump() | changes).advice()
    assert len(advice) == findings
    assert all(word in fix for _, fix in advice for word in ("min_age_seconds", "trailer", "done_marker"))


def test_a_name_without_a_date_does_not_block_its_neighbours(home: Path) -> None:
    """A file name without a valid business date fails that file only."""
    drop(home, GOOD, "PAY.20261399")
    drop(home, GOOD, "PAY.20261101")
    found = {e.origin.file: e for e in opened(home).poll()}
    assert read(found["PAY.20261101"])[2] == []
    with pytest.raises(Terminal, match="no valid business date"):
        read(found["PAY.20261399"])


def test_chunks_bound_the_memory_and_change_nothing() -> None:
    """Small chunks give the same records, numbers and offsets as one large one."""
    content = b"".join(claim(i) for i in range(25)) + b"rest"
    by = scanner("fixed", 30, CodePage.named("cp285"))
    whole = list(by.scan(io.BytesIO(content)))
    parts = list(by.scan(io.BytesIO(content), 100))
    assert len(parts) > len(whole)
    for pieces in (whole, parts):
        spans = [p for p in pieces if isinstance(p, Spans)]
        assert b"".join(s.dense(30).view.tobytes() for s in spans) + b"rest" == content
        assert [n for s in spans for n in s.record.tolist()] == list(range(1, 26))
        assert [n for s in spans for n in s.offset.tolist()] == [30 * i for i in range(25)]
        assert pieces[-1] == Broken(26, 750, b"rest", "truncated: the last record has 4 of 30 bytes")


@pytest.mark.parametrize("chunk", [3, 1 << 20])
def test_text_lines_are_padded_and_long_ones_broken(chunk: int) -> None:
    """Lines end by LF or CRLF, may be short, and are bad when longer than the record."""
    content = b"abcde\nab\r\n\nabcdefg\nabcde  \nxyz"
    by = scanner("lines", 5, CodePage.named("ascii"))
    found = list(by.scan(io.BytesIO(content), chunk))
    frames = [f for f in found if isinstance(f, Spans)]
    assert (
        b"|".join(bytes(row) for f in frames for row in f.dense(5, by.pad).view) == b"abcde|ab   |abcde|xyz  "
    )
    assert [n for f in frames for n in f.record.tolist()] == [1, 2, 5, 6]
    assert [n for f in frames for n in f.offset.tolist()] == [0, 6, 19, 27]
    assert [(b.record, b.offset) for b in found if isinstance(b, Broken)] == [(4, 11)]


def test_ebcdic_text_lines_end_by_new_line() -> None:
    """In EBCDIC a line ends by NEL (0x15)."""
    page = CodePage.named("cp1047")
    by = scanner("lines", 2, page)
    (spans,) = by.scan(io.BytesIO(page.encode("ab") + b"\x15" + page.encode("c") + b"\x15"))
    assert isinstance(spans, Spans)
    assert [bytes(row) for row in spans.dense(2, by.pad).view] == [page.encode("ab"), page.encode("c ")]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('key = ["CLAIM-NO"]', 'key = ["CLAIM-NUM"]', "did you mean 'CLAIM-NO'"),
        ('field = "REC-TYPE", equals = "C"', 'field = "REC-TIP", equals = "C"', "did you mean 'REC-TYPE'"),
        ('group = "CLAIM"', 'group = "CLAMI"', "neither redefines"),
        ('count = "TOTAL"', 'count = "TOTALS"', "did you mean 'TOTAL'"),
        ('code_page = "cp285"', 'code_page = "cp99999"', "no code page"),
        ('copybook = "pay.cpy"', 'copybook = "pya.cpy"', "cannot read the copybook"),
        ('entity = "person"', 'entity = "claim"', "one entity name"),
        ("[trailer]", '[dates]\nBRON = "yyyymmdd"\n[trailer]', "is no field"),
        ("min_age_seconds = 0", 'min_age_seconds = 0\ndialect = "vax"', "no dialect"),
        ("[trailer]", '[classification]\nNINO = "secret"\n[trailer]', "classification.NINO"),
        ("(?P<date>", "(?P<day>", "no group called date"),
        ("min_age_seconds = 0", 'min_age_seconds = 0\nentity = "x"', "either entity and key, or"),
    ],
)
def test_wrong_settings_name_the_remedy(home: Path, old: str, new: str, message: str) -> None:
    """Each wrong setting is refused before a file is read, with a remedy."""
    assert old in SETTINGS
    (home / "adapter.toml").write_text(SETTINGS.replace(old, new))
    with pytest.raises((SettingsError, Terminal)) as caught:
        opened(home)
    assert message in str(caught.value)


def test_a_single_entity_needs_no_record_types(home: Path) -> None:
    """One entity, its key and text lines are enough; conditions become the field's doc."""
    (home / "one.cpy").write_text(
        "01 R.\n 05 ID PIC 9(3).\n 05 S PIC X.\n  88 OPEN VALUE 'O'.\n 05 FILLER PIC X(9)."
    )
    spec = BatchSpec.model_validate(
        {"name": "one", "system": "m", "folder": "inbox", "copybook": "one.cpy", "code_page": "ascii",
         "framing": "lines", "entity": "thing", "key": ["id"], "min_age_seconds": 0}
    )  # fmt: skip
    (home / "inbox" / "x.txt").write_bytes(b"001O\n002\n")
    adapter = spec.open(home)
    assert adapter.entities["thing"]["S"].doc == "OPEN: O"
    (extract,) = adapter.poll()
    assert extract.origin.ts_kind == "arrival"
    rows, rejects, problems = read(extract)
    assert rows["thing"] == [{"ID": 1, "S": "O"}, {"ID": 2, "S": ""}]
    assert (rejects, problems) == ([], [])
    assert adapter.entities["thing"].arrow_schema().field("ID") == pa.field("ID", pa.int32(), nullable=False)
