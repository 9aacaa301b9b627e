"""Every framing: what is written is read back, in chunks of any size, and damage is never a silent loss."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import layouts, parse
from adapters.batch.framing import Broken, FrameSpec, Framing, Scanner, Spans
from adapters.batch.framing.reference import BLANK, records
from adapters.batch.framing.write import write

LAYOUT = layouts(
    parse("01 R.\n 05 KIND PIC X.\n 05 LEN PIC 9(4) COMP.\n 05 ZLEN PIC 9(4).\n 05 REST PIC X(33).")
)[0]
ASCII, EBCDIC = CodePage.named("ascii"), CodePage.named("cp037")


def scanner(framing: Framing, page: CodePage = EBCDIC, **options: Any) -> Scanner:
    return Scanner.of(framing, FrameSpec.model_validate(options), LAYOUT, page, "test")


def scanned(content: bytes, by: Scanner, chunk: int) -> tuple[list[tuple[int, int, bytes]], list[Broken]]:
    """Return (number, offset, bytes) of each record, and what is broken."""
    good, bad = [], []
    for part in by.scan(io.BytesIO(content), chunk):
        if isinstance(part, Broken):
            bad.append(part)
            continue
        assert isinstance(part, Spans)
        raws = [part.raw(i) for i in range(len(part))]
        view = part.dense(20, 0x7F)
        assert [bytes(row) for row in view.view] == [raw[:20].ljust(20, b"\x7f") for raw in raws]
        if view.length is not None:
            assert view.length.tolist() == [min(len(raw), 20) for raw in raws]
        good += zip(part.record.tolist(), part.offset.tolist(), raws, strict=True)
    return good, bad


TRIMS = st.fixed_dictionaries(
    {},
    optional={
        "record_start": st.integers(0, 3),
        "record_end": st.integers(0, 3),
        "file_header": st.integers(0, 9),
        "file_trailer": st.integers(0, 9),
    },
)
WORDS = {"rdw_byte_order": st.sampled_from(["big", "little"]), "rdw_inclusive": st.booleans()}
BLOCKS = {"bdw_byte_order": st.sampled_from(["big", "little"]), "bdw_inclusive": st.booleans()}


def told(body: bytes, kind: int) -> bytes:
    """Return a record that tells its own length, in binary and in digits, and its kind."""
    raw = bytearray(body.ljust(7, b"-"))
    raw[1:3], raw[3:7] = len(raw).to_bytes(2), EBCDIC.encode(f"{len(raw):04d}")
    raw[0] = kind
    return bytes(raw)


class Case:
    """A scanner and records that it can hold; its repr is what a failure needs to show."""

    def __init__(self, by: Scanner, held: list[bytes]) -> None:
        self.by, self.held = by, held

    def __repr__(self) -> str:
        return f"{self.by.framing} {self.by.spec.model_dump(exclude_defaults=True)} {self.held}"


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a framing with its options, and records that it can hold."""
    framing = draw(st.sampled_from(
        ["fixed", "lines", "rdw", "bdw", "vs", "vbs", "length_field", "length_map", "header"]
    ))  # fmt: skip
    options = draw(TRIMS)
    page = EBCDIC
    bodies = st.lists(st.binary(min_size=1, max_size=40), max_size=12)
    if framing in ("rdw", "bdw", "vs", "vbs"):
        options |= {name: draw(strategy) for name, strategy in WORDS.items()}
        if framing in ("bdw", "vbs"):
            options |= {name: draw(strategy) for name, strategy in BLOCKS.items()}
        held = draw(bodies)
    elif framing == "fixed":
        held = [body.ljust(LAYOUT.length, b"\0") for body in draw(bodies)]
    elif framing == "lines":
        page = draw(st.sampled_from([ASCII, EBCDIC]))
        options = {"line_end": draw(st.sampled_from(["auto", "lf", "crlf", "nel", "cr"]))}
        held = [page.encode(t) for t in draw(st.lists(st.text("abc ", max_size=40), max_size=12))]
        held = [raw.rstrip(bytes([page.space])) or bytes([page.space]) for raw in held]
    else:
        held = [told(body, draw(st.sampled_from(b"AB"))) for body in draw(bodies)]
        if framing == "length_field":
            options["length"] = draw(st.sampled_from(["LEN", "ZLEN", "LEN * 2 - ZLEN", "(LEN + ZLEN) / 2"]))
        elif framing == "length_map":
            options |= {"field": "KIND", "lengths": {"A": 7, "*": 9}}
            held = [raw[:1] + b"......" + (b"" if raw[:1] == EBCDIC.encode("A") else b"..") for raw in held]
        else:
            options |= {"header_length": 4, "length": "b2 + 256 * b3", "valid": {"b0": [1, 3]}}
    return Case(scanner(framing, page, **options), held)


@settings(max_examples=100, deadline=None)
@given(case=cases(), chunk=st.integers(1, 60), block=st.integers(60, 90))
def test_what_is_written_is_read(case: Case, chunk: int, block: int) -> None:
    """Every framing gives back the records that its writer was given, whatever the chunks."""
    by, held = case.by, case.held
    out = io.BytesIO()
    assert write(held, by, out, block) == len(held)
    good, bad = scanned(out.getvalue(), by, chunk)
    assert not bad
    assert [raw for _, _, raw in good] == held
    assert [number for number, _, _ in good] == list(range(1, len(held) + 1))
    if by.framing not in ("vs", "vbs"):
        for _, offset, raw in good:
            assert out.getvalue()[offset : offset + len(raw)] == raw


@settings(max_examples=200, deadline=None)
@given(case=cases(), data=st.data(), chunk=st.integers(1, 90))
def test_the_scanner_agrees_with_its_slow_twin_on_damage(case: Case, data: st.DataObject, chunk: int) -> None:
    """Cut off, with bytes changed or put in: scanner and twin find the same records and broken places."""
    by, held = case.by, case.held
    out = io.BytesIO()
    write(held, by, out, 60)
    content = bytearray(out.getvalue())
    for _ in range(data.draw(st.integers(0, 3))):
        if content:
            at = data.draw(st.integers(0, len(content) - 1))
            content[at] = data.draw(st.sampled_from([0, 1, 2, 3, 4, 0x40, 0x15, 10, 13, 255]))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content))) :]
    good, bad = scanned(bytes(content), by, chunk)
    twin = records(bytes(content), by)
    assert [(offset, raw) for _, offset, raw in good] == [(at, raw) for at, raw, why in twin if not why]
    if by.framing not in ("vs", "vbs") and not by.spec.record_start:
        assert [n for n, _, _ in good] == [n for n, (_, _, why) in enumerate(twin, 1) if not why]
    if len(content) < by.spec.file_header + by.spec.file_trailer:
        assert "shorter than its header" in bad[-1].reason
        return
    assert sorted(b.offset for b in bad) == [at for at, _, why in twin if why and why != BLANK]
    numbers = [n for n, _, _ in good] + [b.record for b in bad]
    assert len(set(numbers)) == len(numbers)
    assert max(numbers, default=0) <= len(twin)


def test_the_page_on_framing_names_every_word_and_option() -> None:
    """docs/framing.md has each framing, and each option of [frame]."""
    text = (Path(__file__).parents[5] / "docs" / "framing.md").read_text(encoding="utf-8")
    words = [*get_args(Framing), *FrameSpec.model_fields]
    assert [word for word in words if f"`{word}`" not in text] == []


SHIFTED = layouts(
    parse("01 R.\n 05 N PIC 9.\n 05 T OCCURS 0 TO 9 DEPENDING ON N.\n 10 M PIC 9.\n"
          " 10 U PIC X OCCURS 0 TO 3 DEPENDING ON M.\n 05 Z PIC X.")
)[0]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(
    tables=st.lists(st.lists(st.text("ab", max_size=3), max_size=4), max_size=6),
    cut=st.integers(0, 60), damage=st.sampled_from(b"09x"), chunk=st.integers(1, 30),
)  # fmt: skip
def test_shifted_records_tell_their_own_length(
    tables: list[list[str]], cut: int, damage: int, chunk: int
) -> None:
    """Records of tables in use only follow each other; damaged, scanner and twin agree where reading ends."""
    held = [f"{len(t)}{''.join(f'{len(u)}{u}' for u in t)}z".encode() for t in tables]
    by = Scanner.of("fixed", FrameSpec.model_validate({}), SHIFTED, ASCII, "test", shifted=True)
    out = io.BytesIO()
    write(held, by, out)
    good, bad = scanned(out.getvalue(), by, chunk)
    assert ([raw for _, _, raw in good], bad) == (held, [])
    content = bytearray(out.getvalue())
    if cut < len(content):
        content[cut] = damage
    good, bad = scanned(bytes(content), by, chunk)
    twin = records(bytes(content), by)
    assert [(at, raw) for _, at, raw in good] == [(at, raw) for at, raw, why in twin if not why]
    assert [b.offset for b in bad] == [at for at, _, why in twin if why]
