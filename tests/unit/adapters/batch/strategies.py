"""Random copybooks, values that fit them, and records that are whole, damaged or rubbish."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from adapters.batch import iconv
from adapters.batch.codec import RecordCodec
from adapters.batch.codepage import CodePage
from adapters.batch.copybook import CopybookError, Layout, Slot, Storage, layouts, parse
from adapters.batch.dialect import PROFILES, Dialect, Trim
from adapters.batch.odo import chosen
from schemas.names import avro_name

#: Characters that every code page of the tests has, and that no trim cuts.
_SAFE = st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='[]{}~|^\\!$#@`"\xac')
PAGES = ["cp285", "cp037", "cp1047", "ascii", *(n for n in ("cp939", "cp1364") if iconv.available(n))]


#: Settings at values that no profile has them at, or not together.
OTHERS = (
    Dialect("zeros", blank_numbers="zero", nul_numbers="null", packed_sign=False, edited="number",
            binary_full_range=True, hex_floats=False),
    Dialect("nulls", blank_numbers="null", nul_numbers="zero", nul_text="null", long_binaries="16",
            little_endian=True, overpunch="realia", decimal_comma=True, edited="number"),
    Dialect("loose", loose_digits=True, bad_values="null", long_binaries="fewest", binary_sizes="1-8",
            strict_signs=True, little_endian_floats=True, little_endian_national=True, trim="none",
            slack_in_groups=True, sync_doubleword=8),
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class RandomCopybook:
    """A copybook, its layout in a dialect, and the redefinition to read (or None)."""

    text: str
    layout: Layout
    group: str | None
    page: str
    dialect: Dialect

    def __repr__(self) -> str:
        return f"{self.text!r}, {self.dialect.name}, {self.page}, group={self.group}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    @property
    def trim(self) -> Trim:
        """What is cut from text; nothing is cut where values could not be told from their padding."""
        return "padding" if self.dialect.trim == "none" else self.dialect.trim

    def codec(self, **options: Any) -> RecordCodec:
        page = CodePage.named(self.page)
        return RecordCodec.of(self.layout, page, group=self.group, trim=self.trim, **options)


#: Items whose clauses need no number of digits.
PLAIN = (
    "PIC X", "PIC X(3)", "PIC X(9)", "PIC A(4)", "PIC X(5) JUST RIGHT", "PIC A(3) JUSTIFIED",
    "PIC 99/99/99", "PIC XX/XX", "COMP-1", "COMP-2", "COMP-1 SYNC", "COMP-2 SYNC",
    "PIC N(3)", "PIC N(4) USAGE NATIONAL", "PIC N(3) JUST RIGHT", "PIC G(2) DISPLAY-1",
    "INDEX", "INDEX SYNC", "POINTER", "POINTER SYNC", "PIC X(3) COMP-X", "PIC X COMP-X",
    "BINARY-CHAR", "BINARY-SHORT UNSIGNED", "BINARY-LONG", "BINARY-DOUBLE UNSIGNED",
)  # fmt: skip
EDITED = (
    "ZZ9.99", "Z(5)9.99", "-(6)9", "$$,$$9.99CR", "+++9.9", "**,**9", "ZZZ.ZZ", "9(3)/99", "ZB9,9DB",
    "99V99-", "ZZ9,99", "$**9.99", "+9(4)", "Z,ZZ9.99-",
)  # fmt: skip


@st.composite
def numbers(draw: st.DrawFn, dialect: Dialect, usage: str = "") -> str:
    """Return PICTURE, USAGE and other clauses of a number; with a usage, what a group of it may hold."""
    digits, scale = draw(st.integers(1, 20)), draw(st.integers(0, 4))
    signed = "S" if draw(st.booleans()) else ""
    picture = f"PIC {signed}9({digits})"
    if 0 < scale < digits:
        picture = f"PIC {signed}9({digits - scale})V9({scale})"
        if signed and not usage and dialect.loose_digits and draw(st.booleans()):
            sign = draw(st.sampled_from(["", " SIGN LEADING", " SIGN LEADING SEPARATE"]))
            return picture.replace("V", ".") + sign
    elif draw(st.integers(0, 5)) == 0:
        picture = draw(st.sampled_from([f"PIC {signed}9({digits})PP", f"PIC {signed}VPP9({digits})"]))
    if usage:
        return picture
    usages = ["", " COMP-3", " PACKED-DECIMAL", " NATIONAL" + " SIGN TRAILING SEPARATE" * bool(signed)]
    if signed:
        usages += [" SIGN LEADING", " SIGN TRAILING SEPARATE", " SIGN LEADING SEPARATE CHARACTER"]
        usages += [" NATIONAL SIGN LEADING SEPARATE"]
    else:
        usages += [" BLANK WHEN ZERO", " COMP-6"]
    if digits <= 18 or dialect.long_binaries != "refuse":
        usages += [" COMP", " COMP-5", " BINARY SYNC", " COMP SYNC", " COMP-5 SYNC", " COMP-X", " COMP-N"]
        usages += [" COMP-9"]
    return picture + draw(st.sampled_from(usages))


@st.composite
def clauses(draw: st.DrawFn, dialect: Dialect) -> str:
    """Return PICTURE, USAGE and the other clauses of an elementary item."""
    match draw(st.integers(0, 7)):
        case 0 | 1:
            return draw(st.sampled_from(PLAIN))
        case 2:
            edited = f"PIC {draw(st.sampled_from(EDITED))}"
            return edited + draw(st.sampled_from(["", "", " BLANK WHEN ZERO"])) * ("*" not in edited)
        case _:
            return draw(numbers(dialect))


TABLES = ["table", "odo", "redefines"]
#: How the item that a table depends on may be stored.
COUNTERS = (
    "PIC 9", "PIC 9(2)", "PIC S9(2)", "PIC 9(2) COMP", "PIC 9(3) COMP-3", "PIC 9(2) COMP-5",
    "PIC 9(3) COMP-6", "PIC 9(2) COMP-X", "PIC S9(4) SIGN LEADING SEPARATE", "PIC 9(2) NATIONAL",
    "BINARY-SHORT", "PIC 9(4) COMP SYNC",
)  # fmt: skip


class _Writer:
    """Writes one copybook; names are N1, N2 and so on."""

    def __init__(self, draw: st.DrawFn, odo: bool, dialect: Dialect) -> None:
        self.draw, self.odo, self.dialect = draw, odo, dialect
        self.lines: list[str] = []
        self.count = 0
        self.redefining: list[str] = []

    def name(self) -> str:
        self.count += 1
        return f"N{self.count}"

    def clauses(self) -> str:
        return self.draw(clauses(self.dialect))

    def group(self, level: int, depth: int, *, tables: bool = True) -> None:
        """Write the items of a group."""
        for _ in range(self.draw(st.integers(1, 4 if depth else 2))):
            self.item(level, depth, tables=tables)

    def item(self, level: int, depth: int, *, tables: bool) -> None:
        draw = self.draw
        kind = draw(
            st.sampled_from(
                ["plain"] * 5 + ["filler", "group", "group", "typed", "table", "odo", "redefines"]
            )
        )
        if not tables and kind in TABLES:
            kind = "plain"
        if kind == "odo" and not self.odo:
            kind = "table"
        if kind == "filler":
            self.lines.append(f"{level:02} FILLER {self.clauses()}.")
        elif kind == "group" and depth:
            self.lines.append(f"{level:02} {self.name()}.")
            self.group(level + 5, depth - 1, tables=tables)
        elif kind == "typed" and depth:
            self.typed(level)
        elif kind == "table":
            self.table(level, depth, f"OCCURS {draw(st.integers(1, 3))}")
        elif kind == "odo":
            counter, most = self.name(), draw(st.integers(1, 4))
            usage = draw(st.sampled_from(COUNTERS))
            self.lines.append(f"{level:02} {counter} {usage}.")
            if draw(st.booleans()):
                self.lines.append(f"{level:02} {self.name()} {self.clauses()}.")
            self.table(level, depth, f"OCCURS 0 TO {most} DEPENDING ON {counter}")
        elif kind == "redefines":
            self.redefined(level, depth)
        else:
            self.lines.append(f"{level:02} {self.name()} {self.clauses()}.")

    def typed(self, level: int) -> None:
        """Write a group whose USAGE or SIGN clause holds for its numbers."""
        clause = self.draw(
            st.sampled_from(["COMP-3", "USAGE IS COMP", "BINARY SYNC", "COMP-5", "SIGN LEADING SEPARATE"])
        )
        binary = clause in ("USAGE IS COMP", "BINARY SYNC", "COMP-5")
        self.lines.append(f"{level:02} {self.name()} {clause}.")
        for _ in range(self.draw(st.integers(1, 3))):
            picture = self.draw(numbers(self.dialect, clause))
            if binary and self.dialect.long_binaries == "refuse":
                picture = self.draw(st.sampled_from(["PIC S9(4)", "PIC 9(7)V99", "PIC S9(18)", "PIC 9"]))
            self.lines.append(f"{level + 5:02} {self.name()} {picture}.")

    def table(self, level: int, depth: int, occurs: str) -> None:
        if depth and self.draw(st.booleans()):
            self.lines.append(f"{level:02} {self.name()} {occurs}.")
            self.group(level + 5, depth - 1)
        else:
            self.lines.append(f"{level:02} {self.name()} {self.clauses()} {occurs}.")

    def redefined(self, level: int, depth: int) -> None:
        """Write an item, perhaps a group, and one or two that redefine it, shorter or longer."""
        first = self.name()
        if depth and self.draw(st.booleans()):
            self.lines.append(f"{level:02} {first}.")
            self.group(level + 5, depth - 1, tables=False)
        else:
            self.lines.append(f"{level:02} {first} {self.clauses()}.")
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
    dialect = draw(st.sampled_from([PROFILES["ibm"], *PROFILES.values(), *OTHERS]))
    writer = _Writer(draw, odo, dialect)
    writer.lines.append(f"05 {writer.name()} {writer.clauses()}.")
    writer.group(5, 2)
    text = "01 REC.\n" + "\n".join(writer.lines) + "\n"
    try:
        layout = layouts(parse(text), dialect)[0]
    except CopybookError as error:
        assert "over the next entry" in str(error)  # tables in tables with slack, as GnuCOBOL has them
        reject()
    group = draw(st.none() | st.sampled_from(writer.redefining)) if writer.redefining else None
    return RandomCopybook(text, layout, group, draw(st.sampled_from(PAGES)), dialect)


def value_of(kind: Storage, page: CodePage) -> st.SearchStrategy[Any]:
    """Return values that an elementary item can hold, as decoding gives them."""
    if kind.pairs and page.shifts:
        return st.text("一人口日中", max_size=kind.length // 2)
    if kind.kind == "hex":
        return st.binary(min_size=kind.length, max_size=kind.length).map(lambda raw: raw.hex().upper())
    if kind.kind == "text":
        return st.text(_SAFE, max_size=kind.length)
    if kind.kind == "national":
        units = kind.length // 2
        letters = st.characters(min_codepoint=33, exclude_categories=["Cs"])
        return st.text(letters, max_size=units).filter(lambda t: len(t.encode("utf-16-le")) <= units * 2)
    if kind.kind in ("hexfloat", "ieee"):
        # 20 bits are exact in every format: a hexadecimal fraction may lose three bits to its leading digit.
        whole = st.integers(-(2**20), 2**20).map(float)
        return st.builds(math.ldexp, whole, st.integers(-30, 30)).map(lambda v: v + 0.0)
    most = 2 ** (kind.length * 8 - kind.signed) - 1 if kind.full_range else 10**kind.digits - 1
    scaled = st.integers(-most if kind.signed else 0, most)
    if kind.scale > 0:
        return scaled.map(lambda w: Decimal(f"{w}E-{kind.scale}"))
    scaled = scaled.map(lambda w: w * 10**-kind.scale)
    return scaled if kind.avro in ("int", "long") else scaled.map(Decimal)


def maybe_null(kind: Storage, page: CodePage) -> st.SearchStrategy[Any]:
    """Return values of an item, and null where its dialect has bytes that say so and nothing else."""
    by_number = kind.kind in ("zoned", "packed", "edited") and "null" in (kind.blank, kind.nul)
    if not (kind.nul_is_null or by_number) or kind.blank_when_zero:
        return value_of(kind, page)
    if kind.edited is not None and "9" not in kind.edited.symbols:
        return value_of(kind, page)  # spaces are how it writes zero
    return st.integers(0, 7).flatmap(lambda n: value_of(kind, page) if n else st.none())


@st.composite
def values_of(draw: st.DrawFn, book: RandomCopybook) -> dict[str, Any]:
    """Return values of a whole record, each counter equal to its table's length."""
    return _group(draw, book.layout.record, book.group, {}, book.page)


def _group(
    draw: st.DrawFn, slot: Slot, group: str | None, counts: dict[str, int], page: str
) -> dict[str, Any]:
    wanted = {s.item.occurs.depending_on: s.count for s in slot.walk() if s.item.occurs}
    out: dict[str, Any] = {}
    for child in chosen(slot.children, group):
        name = avro_name(child.item.name) if child.item.name else ""
        if child.children and not _has_fields(child, group):
            continue
        if child.item.occurs and (name or child.children):
            times = counts.get(child.item.occurs.depending_on or "", child.count)
            out[name or "FILLER"] = [_one(draw, child, group, counts, page) for _ in range(times)]
        elif child.children:
            out |= _group(draw, child, group, counts, page)
        elif child.item.name in wanted and name:
            out[name] = counts[child.item.name] = draw(st.integers(0, wanted[child.item.name]))
        elif name:
            out[name] = _one(draw, child, group, counts, page)
    return out


def _has_fields(slot: Slot, group: str | None) -> bool:
    return any(
        _has_fields(child, group) if child.children else child.item.name
        for child in chosen(slot.children, group)
    )


def _one(draw: st.DrawFn, slot: Slot, group: str | None, counts: dict[str, int], page: str) -> Any:
    if slot.storage is not None:
        return draw(maybe_null(slot.storage, CodePage.named(page)))
    return _group(draw, slot, group, dict(counts), page)


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
