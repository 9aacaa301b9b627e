"""Random copybooks, values that fit them, and records that are whole, damaged or rubbish."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from adapters.batch.codec import RecordCodec
from adapters.batch.copybook import Layout, Slot, Storage, layouts, parse
from adapters.batch.odo import chosen
from schemas.names import avro_name

#: Characters that every code page of the tests has, and that no trim cuts.
_SAFE = st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='[]{}~|^\\!$#@`"\xac')
PAGES = ("cp285", "cp037", "cp1047", "ascii")


@dataclass(frozen=True)
class RandomCopybook:
    """A copybook, its layout, and the redefinition to read (or None)."""

    text: str
    layout: Layout
    group: str | None
    page: str

    def codec(self, **options: Any) -> RecordCodec:
        return RecordCodec(self.text, code_page=self.page, group=self.group, **options)


@st.composite
def clauses(draw: st.DrawFn) -> str:
    """Return PICTURE, USAGE and the other clauses of an elementary item."""
    if draw(st.integers(0, 3)) == 0:
        return draw(
            st.sampled_from(
                ["PIC X", "PIC X(3)", "PIC X(9)", "PIC A(4)", "PIC X(5) JUST RIGHT", "PIC ZZ9.99",
                 "PIC 99/99/99", "COMP-1", "COMP-2", "COMP-2 SYNC"]
            )
        )  # fmt: skip
    digits, scale = draw(st.integers(1, 20)), draw(st.integers(0, 4))
    signed = "S" if draw(st.booleans()) else ""
    picture = (
        f"PIC {signed}9({digits - scale})V9({scale})" if 0 < scale < digits else f"PIC {signed}9({digits})"
    )
    usages = ["", " COMP-3", " PACKED-DECIMAL", " BLANK WHEN ZERO"]
    if signed:
        usages += [" SIGN LEADING", " SIGN TRAILING SEPARATE", " SIGN LEADING SEPARATE CHARACTER"]
        usages.remove(" BLANK WHEN ZERO")
    if digits <= 18:
        usages += [" COMP", " COMP-5", " BINARY SYNC", " COMP SYNC"]
    return picture + draw(st.sampled_from(usages))


class _Writer:
    """Writes one copybook; names are N1, N2 and so on."""

    def __init__(self, draw: st.DrawFn, odo: bool) -> None:
        self.draw, self.odo = draw, odo
        self.lines: list[str] = []
        self.count = 0
        self.redefining: list[str] = []

    def name(self) -> str:
        self.count += 1
        return f"N{self.count}"

    def group(self, level: int, depth: int, *, tables: bool = True) -> None:
        """Write the items of a group."""
        for _ in range(self.draw(st.integers(1, 4 if depth else 2))):
            self.item(level, depth, tables=tables)

    def item(self, level: int, depth: int, *, tables: bool) -> None:
        draw = self.draw
        kind = draw(
            st.sampled_from(["plain"] * 5 + ["filler", "group", "group", "table", "odo", "redefines"])
        )
        if not tables and kind in ("table", "odo", "redefines"):
            kind = "plain"
        if kind == "odo" and not self.odo:
            kind = "table"
        if kind == "filler":
            self.lines.append(f"{level:02} FILLER {draw(clauses())}.")
        elif kind == "group" and depth:
            self.lines.append(f"{level:02} {self.name()}.")
            self.group(level + 5, depth - 1, tables=tables)
        elif kind == "table":
            self.table(level, depth, f"OCCURS {draw(st.integers(1, 3))}")
        elif kind == "odo":
            counter, most = self.name(), draw(st.integers(1, 4))
            usage = draw(st.sampled_from(["PIC 9", "PIC 9(2) COMP", "PIC 9(3) COMP-3", "PIC 9(2)"]))
            self.lines.append(f"{level:02} {counter} {usage}.")
            if draw(st.booleans()):
                self.lines.append(f"{level:02} {self.name()} {draw(clauses())}.")
            self.table(level, depth, f"OCCURS 0 TO {most} DEPENDING ON {counter}")
        elif kind == "redefines":
            self.redefined(level, depth)
        else:
            self.lines.append(f"{level:02} {self.name()} {draw(clauses())}.")

    def table(self, level: int, depth: int, occurs: str) -> None:
        if depth and self.draw(st.booleans()):
            self.lines.append(f"{level:02} {self.name()} {occurs}.")
            self.group(level + 5, depth - 1)
        else:
            self.lines.append(f"{level:02} {self.name()} {self.draw(clauses())} {occurs}.")

    def redefined(self, level: int, depth: int) -> None:
        """Write an item, perhaps a group, and one or two that redefine it, shorter or longer."""
        first = self.name()
        if depth and self.draw(st.booleans()):
            self.lines.append(f"{level:02} {first}.")
            self.group(level + 5, depth - 1, tables=False)
        else:
            self.lines.append(f"{level:02} {first} {self.draw(clauses())}.")
        for _ in range(self.draw(st.integers(1, 2))):
            name = self.name()
            self.redefining.append(name)
            if self.draw(st.booleans()):
                self.lines.append(
                    f"{level:02} {name} REDEFINES {first} PIC X({self.draw(st.integers(1, 12))})."
                )
            else:
                self.lines.append(f"{level:02} {name} REDEFINES {first}.")
                self.group(level + 5, 0, tables=False)


@st.composite
def copybooks(draw: st.DrawFn, *, odo: bool = True) -> RandomCopybook:
    """Return a copybook that parses and has at least one field that occurs once."""
    writer = _Writer(draw, odo)
    writer.lines.append(f"05 {writer.name()} {draw(clauses())}.")
    writer.group(5, 2)
    text = "01 REC.\n" + "\n".join(writer.lines) + "\n"
    layout = layouts(parse(text))[0]
    group = draw(st.none() | st.sampled_from(writer.redefining)) if writer.redefining else None
    return RandomCopybook(text, layout, group, draw(st.sampled_from(PAGES)))


def value_of(kind: Storage) -> st.SearchStrategy[Any]:
    """Return values that an elementary item can hold, as decoding gives them."""
    if kind.kind == "text":
        return st.text(_SAFE, max_size=kind.length)
    if kind.kind in ("hexfloat", "ieee"):
        # 20 bits are exact in every format: a hexadecimal fraction may lose three bits to its leading digit.
        whole = st.integers(-(2**20), 2**20).map(float)
        return st.builds(math.ldexp, whole, st.integers(-30, 30)).map(lambda v: v + 0.0)
    low = -(10**kind.digits) + 1 if kind.signed else 0
    numbers = st.integers(low, 10**kind.digits - 1)
    if kind.scale > 0:
        return numbers.map(lambda w: Decimal(w).scaleb(-kind.scale))
    numbers = numbers.map(lambda w: w * 10**-kind.scale)
    return numbers if kind.avro in ("int", "long") else numbers.map(Decimal)


@st.composite
def values_of(draw: st.DrawFn, book: RandomCopybook) -> dict[str, Any]:
    """Return values of a whole record, each counter equal to its table's length."""
    return _group(draw, book.layout.record, book.group, {})


def _group(draw: st.DrawFn, slot: Slot, group: str | None, counts: dict[str, int]) -> dict[str, Any]:
    wanted = {s.item.occurs.depending_on: s.count for s in slot.walk() if s.item.occurs}
    out: dict[str, Any] = {}
    for child in chosen(slot.children, group):
        name = avro_name(child.item.name) if child.item.name else ""
        if child.children and not _has_fields(child, group):
            continue
        if child.item.occurs and (name or child.children):
            times = counts.get(child.item.occurs.depending_on or "", child.count)
            out[name or "FILLER"] = [_one(draw, child, group, counts) for _ in range(times)]
        elif child.children:
            out |= _group(draw, child, group, counts)
        elif child.item.name in wanted and name:
            out[name] = counts[child.item.name] = draw(st.integers(0, wanted[child.item.name]))
        elif name:
            out[name] = _one(draw, child, group, counts)
    return out


def _has_fields(slot: Slot, group: str | None) -> bool:
    return any(
        _has_fields(child, group) if child.children else child.item.name
        for child in chosen(slot.children, group)
    )


def _one(draw: st.DrawFn, slot: Slot, group: str | None, counts: dict[str, int]) -> Any:
    if slot.storage is not None:
        return draw(value_of(slot.storage))
    return _group(draw, slot, group, dict(counts))


@st.composite
def records_of(draw: st.DrawFn, book: RandomCopybook, **options: Any) -> bytes:
    """Return a record as it stands in a file: valid, with a few bytes changed, or rubbish throughout."""
    codec = book.codec(**options)
    kind = draw(st.integers(0, 4))
    likely = st.sampled_from(
        [0x00, 0x0C, 0x1D, 0x40, 0x20, 0x30, 0x39, 0x44, 0x99, 0xC1, 0xD1, 0xF0, 0xF9, 0xFF]
    )
    if kind == 0:
        byte = st.one_of(likely, likely, st.integers(0, 255))
        return bytes(draw(st.lists(byte, min_size=codec.length, max_size=codec.length)))
    raw = bytearray(codec.encode(draw(values_of(book))))
    if kind > 2 and raw:
        at = st.integers(0, len(raw) - 1)
        for where, byte in draw(st.lists(st.tuples(at, likely | st.integers(0, 255)), max_size=4)):
            raw[where] = byte
    return bytes(raw)
