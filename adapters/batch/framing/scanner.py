"""The framing of one kind of file, checked once: from a stream to records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Layout, Slot
from adapters.batch.encode import encode_value
from adapters.batch.framing.blocks import BlockCutter
from adapters.batch.framing.chain import ChainCutter, Prefix, Walker
from adapters.batch.framing.drive import Cutter, Readable, Trimmed, drive
from adapters.batch.framing.expression import Expression
from adapters.batch.framing.fixed import FixedCutter
from adapters.batch.framing.frames import CHUNK, Broken, Spans
from adapters.batch.framing.lines import LineCutter
from adapters.batch.framing.measures import FieldMeasure, HeaderMeasure, MapMeasure, Trims, byte_of
from adapters.batch.framing.shifted import Measured, ShiftedCutter
from adapters.batch.framing.spanned import SpannedCutter
from adapters.batch.framing.spec import FrameSpec, Framing
from adapters.batch.framing.words import Word
from adapters.batch.plan import find
from schemas.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Scanner:
    """Finds the records of files of one kind."""

    framing: Framing
    spec: FrameSpec
    length: int
    page: CodePage
    prefix: Prefix | None = None
    measured: Measured | None = None

    @classmethod
    def of(
        cls, framing: Framing, spec: FrameSpec, layout: Layout, page: CodePage, where: str,
        *, shifted: bool = False,
    ) -> Scanner:  # fmt: skip
        """Return the scanner for a record layout.

        With `shifted` and no other word for it (`fixed`), a record is as long as its OCCURS DEPENDING ON
        counters say.

        Raises:
            SettingsError: an option is missing, belongs to another framing, or names no field.
        """
        check_options(framing, spec, where)
        measured = Measured.of(layout, page) if shifted and framing == "fixed" else None
        if measured and (spec.record_start or spec.record_end):
            raise SettingsError(
                "frame.record_start and record_end have no meaning where counters tell a record's length",
                where=where, fix="describe these bytes as FILLERs of the copybook",
            )  # fmt: skip
        prefix = _prefix(framing, spec, layout, page, where)
        return cls(framing, spec, layout.length, page, prefix, measured)

    @property
    def pad(self) -> int:
        """What stands for the bytes that a short record lacks: text lines are cut at trailing blanks."""
        return self.page.space if self.framing == "lines" else 0

    def scan(self, stream: Readable, chunk: int = CHUNK) -> Iterator[Spans | Broken]:
        """Yield the records of a file in order; memory is bounded by a chunk and the longest record."""
        head, tail = self.spec.file_header, self.spec.file_trailer
        if not (head or tail):
            yield from drive(stream, self.cutter(), chunk)
            return
        trimmed = Trimmed(stream, head, tail)
        yield from drive(trimmed, self.cutter(), chunk, head)
        if trimmed.missing:
            yield Broken(
                1, 0, b"", f"the file is shorter than its header and trailer of {head} and {tail} bytes"
            )

    def cutter(self) -> Cutter:
        """Return what cuts one file."""
        spec = self.spec
        start, end = spec.record_start, spec.record_end
        if self.measured is not None:
            return ShiftedCutter(self.measured)
        if self.framing == "fixed":
            return FixedCutter(self.length, start, end)
        if self.framing == "lines":
            return LineCutter(self.length, self.page, spec.line_end, spec.max_length, start, end)
        if self.framing in ("length_field", "length_map", "header"):
            assert self.prefix is not None  # made by `of`
            return ChainCutter(self.prefix)
        record, block = self.words
        if self.framing == "rdw":
            return ChainCutter(record.prefix(start, end))
        if self.framing == "bdw":
            return BlockCutter(block, Walker(record.prefix(start, end)))
        outer = block if self.framing == "vbs" else None
        return SpannedCutter(outer, record, Walker(record.prefix(0, 0)), spec.max_length, start, end)

    @property
    def words(self) -> tuple[Word, Word]:
        """The record (or segment) descriptor word and the block descriptor word."""
        spec = self.spec
        strict, segments = spec.reserved == "zero", self.framing in ("vs", "vbs")
        record = Word(
            "the segment descriptor word" if segments else "the record descriptor word",
            spec.rdw_byte_order, spec.rdw_inclusive, spec.rdw_adjustment, strict, spec.max_length, segments,
        )  # fmt: skip
        block = Word(
            "the block descriptor word",
            spec.bdw_byte_order, spec.bdw_inclusive, spec.bdw_adjustment, strict, spec.max_length,
            extended=True,
        )  # fmt: skip
        return record, block


#: Options by the framings that they belong to; the others belong to all.
OPTIONS: dict[str, tuple[Framing, ...]] = {
    "rdw_byte_order": ("rdw", "bdw", "vs", "vbs"),
    "rdw_inclusive": ("rdw", "bdw", "vs", "vbs"),
    "rdw_adjustment": ("rdw", "bdw", "vs", "vbs"),
    "reserved": ("rdw", "bdw", "vs", "vbs"),
    "bdw_byte_order": ("bdw", "vbs"),
    "bdw_inclusive": ("bdw", "vbs"),
    "bdw_adjustment": ("bdw", "vbs"),
    "line_end": ("lines",),
    "length": ("length_field", "header"),
    "field": ("length_map",),
    "lengths": ("length_map",),
    "header_length": ("header",),
    "valid": ("header",),
}
_NEEDED: dict[Framing, tuple[str, ...]] = {
    "length_field": ("length",), "length_map": ("field", "lengths"), "header": ("header_length", "length"),
}  # fmt: skip


def check_options(framing: Framing, spec: FrameSpec, where: str) -> None:
    """Refuse options of another framing, and the lack of those that this one needs.

    Raises:
        SettingsError: such an option.
    """
    given = spec.model_dump(exclude_defaults=True)
    for option in sorted(given.keys() & OPTIONS.keys()):
        if framing not in OPTIONS[option]:
            raise SettingsError(
                f"frame.{option} has no meaning with framing = {framing!r}",
                where=where,
                fix=f"remove it, or use framing = {' or '.join(OPTIONS[option])}",
            )
    for option in _NEEDED.get(framing, ()):
        if not getattr(spec, option):
            raise SettingsError(
                f"framing = {framing!r} needs frame.{option}",
                where=where,
                fix=f"set {option} in the table [frame]: {FrameSpec.model_fields[option].description}",
            )


def _prefix(framing: Framing, spec: FrameSpec, layout: Layout, page: CodePage, where: str) -> Prefix | None:
    trims = Trims(spec.record_start, spec.record_end)
    if framing == "length_field":
        assert spec.length is not None  # check_options saw to it
        expression = Expression.parse(spec.length, f"{where}: frame.length")
        slots = {name: find(name, layout, where=f"{where}: frame.length") for name in expression.names}
        if not slots:
            raise SettingsError(
                f"frame.length = {spec.length!r} names no field",
                where=where, fix="name the field that holds the length, or use framing = 'fixed'",
            )  # fmt: skip
        return FieldMeasure(expression, slots, page, trims, spec.max_length).prefix
    if framing == "length_map":
        assert spec.field is not None  # check_options saw to it
        slot = find(spec.field, layout, where=f"{where}: frame.field")
        return _map(spec, slot, page, trims, where).prefix
    if framing == "header":
        assert spec.length is not None  # check_options saw to it
        expression = Expression.parse(spec.length, f"{where}: frame.length")
        valid = {
            byte_of(name): values if isinstance(values, tuple) else (values,)
            for name, values in spec.valid.items()
        }
        measure = HeaderMeasure(spec.header_length, expression, valid, trims, spec.max_length)
        if measure.prefix.last > spec.header_length:
            raise SettingsError(
                f"a header of {spec.header_length} bytes has no byte b{measure.prefix.last - 1}",
                where=where, fix="bytes count from b0; look at frame.length, valid and header_length",
            )  # fmt: skip
        return measure.prefix
    return None


def _map(spec: FrameSpec, slot: Slot, page: CodePage, trims: Trims, where: str) -> MapMeasure:
    assert slot.storage is not None  # find() returns elementary items
    lengths = {
        encode_value(value, slot.storage, page, f"{where}: frame.lengths"): length
        for value, length in spec.lengths.items()
        if value != "*"
    }
    # Text is padded by blanks or by NULs.
    lengths |= {raw.rstrip(bytes([page.space])).ljust(slot.length, b"\0"): n for raw, n in lengths.items()}
    end = slot.offset + slot.length
    if wrong := [n for n in spec.lengths.values() if not end <= n <= spec.max_length]:
        raise SettingsError(
            f"frame.lengths: no record of {wrong[0]} bytes can hold {slot.path}",
            where=where, fix=f"lengths are in bytes, from {end} to frame.max_length",
        )  # fmt: skip
    return MapMeasure(slot, lengths, spec.lengths.get("*"), trims)
