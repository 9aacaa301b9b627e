"""One record as values and back: what generators, write-back and the command line use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from adapters.batch import kept_bytes
from adapters.batch.chooser import Fillers
from adapters.batch.codepage import CodePage
from adapters.batch.columns import UNMARKED, Column, Marks, RecordPlan
from adapters.batch.copybook import Layout, layouts, parse, union
from adapters.batch.dialect import Dialect
from adapters.batch.odo import shift_record, unshift_record
from adapters.batch.plan import plan
from adapters.batch.record_twin import decode_record
from adapters.batch.reference import Trim
from adapters.batch.writer import RecordWriter
from schemas.errors import SettingsError

Odo = Literal["max", "shift", "pad"]


class RecordCodec:
    """Encodes and decodes single records of one copybook.

    Args:
        copybook_text: the copybook.
        code_page: of text and zoned numbers.
        record: the 01 level to use; by default all of them, as redefinitions of each other.
        group: the redefinition that `decode` reads.
        dialect: the compiler's profile.
        trim: what `decode` cuts from text.
        where: the copybook's name in errors.
        odo: where what follows an OCCURS DEPENDING ON stands: see `FormatSpec.odo`.
    """

    def __init__(
        self,
        copybook_text: str,
        *,
        code_page: str = "cp037",
        record: str | None = None,
        group: str | None = None,
        dialect: str = "ibm",
        trim: Trim = "padding",
        where: str = "<copybook>",
        odo: Odo = "max",
    ) -> None:
        layout = select(layouts(parse(copybook_text, source=where), Dialect.named(dialect)), record, where)
        self._set_up(layout, CodePage.named(code_page), group, trim, odo, UNMARKED, "drop")

    @classmethod
    def of(
        cls,
        layout: Layout,
        page: CodePage,
        *,
        group: str | None = None,
        trim: Trim = "padding",
        odo: Odo = "max",
        marks: Marks = UNMARKED,
        fillers: Fillers = "drop",
    ) -> RecordCodec:
        """Return the codec of a layout that is there already, with what settings say about its items."""
        made = cls.__new__(cls)
        made._set_up(layout, page, group, trim, odo, marks, fillers)  # noqa: SLF001 - of this class
        return made

    def _set_up(
        self, layout: Layout, page: CodePage, group: str | None, trim: Trim, odo: Odo, marks: Marks,
        fillers: Fillers,
    ) -> None:  # fmt: skip
        self.layout = layout
        self._page, self._trim, self._group, self._odo = page, trim, group, odo
        self._plan = _every_field(layout, group, marks, fillers)
        lenient = tuple(_lenient(column) for column in self._plan.columns)
        self._lenient = replace(self._plan, columns=lenient)
        self._writer = RecordWriter(layout, page, marks, fillers)

    @property
    def length(self) -> int:
        """The record's length in bytes; with `odo="shift"` the greatest."""
        return self.layout.length

    def decode(self, raw: bytes, *, keep_raw: bool = False) -> dict[str, Any]:
        """Return the record's values by Avro name; OCCURS are lists.

        With `keep_raw` nothing is bad: what is no value is None, and `_raw` holds, by path and in
        hexadecimal, the bytes of each item that `encode` would write otherwise: other signs, -0, blanks,
        FILLERs, slack (`@12`: from byte 12 on), redefinitions and what is no value.

        Raises:
            BadValueError: bytes that are no value of their item.
        """
        full = raw if self._odo == "max" else self._full(raw)
        if not keep_raw:
            return decode_record(full, self._plan, self._page, self._trim)
        image = full.ljust(self.length, b"\0")[: self.length]
        values = decode_record(image, self._lenient, self._page, self._trim)
        return values | self._kept(raw, image, values)

    def encode(self, values: Mapping[str, Any]) -> bytes:
        """Return one record.

        Keys are COBOL or Avro names; groups are flat or mappings; an OCCURS is a list (of mappings for a
        group). Which redefinition is written follows from the names given. What is not given, or None, is
        its sentinel if it has one, else spaces or zero. What `_raw` holds is written last.

        Raises:
            EncodeError: a value does not fit, or a name is no item.
        """
        if not kept_bytes.NAMES & values.keys():
            return self._stored(self._writer.write(values))
        image, kept = self._writer.write(kept_bytes.without(values)), kept_bytes.of(values)
        return kept.finish(self._stored(kept.put(image, self.layout, self._group)))

    def _full(self, raw: bytes) -> bytes:
        return unshift_record(raw, self.layout, self._page, group=self._group)

    def _stored(self, image: bytes) -> bytes:
        """Return a record of full size as it stands in the file."""
        if self._odo == "max":
            return image
        short = shift_record(image, self.layout, self._page, group=self._group)
        return short.ljust(self.length, bytes([self._page.space])) if self._odo == "pad" else short

    def _kept(self, raw: bytes, image: bytes, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return what `encode` needs beside the values to write `raw` again."""
        written = self._writer.write(values, lenient=True)
        if self._stored(written) == raw:
            return {}
        if self._odo != "max":  # entries not in use are not in the file
            written = self._full(self._stored(written)).ljust(self.length, b"\0")
        kept = kept_bytes.differences(image, written, self.layout, self._group)
        made = self._stored(kept.put(written, self.layout, self._group))
        kept = kept.ending(made, raw)
        return kept.as_values() if kept.finish(made) == raw else kept_bytes.whole(raw)


def select(parts: tuple[Layout, ...], record: str | None, where: str) -> Layout:
    """Return the layout of an 01 level by name, or all as redefinitions of each other.

    Raises:
        SettingsError: no 01 level of that name.
    """
    if record is None:
        return union(parts)
    for part in parts:
        if part.name == record.upper():
            return part
    raise SettingsError(
        f"no record {record!r} in the copybook",
        where=where,
        fix=f"choose from: {', '.join(p.name for p in parts)}",
    )


def _every_field(layout: Layout, group: str | None, marks: Marks, fillers: Fillers) -> RecordPlan:
    """Return a plan of all fields; it has no key, as nothing is published."""
    if not any(s.storage and s.item.name for s in layout.record.walk()):
        raise SettingsError(
            "the copybook names no elementary item", where=layout.source, fix="name at least one"
        )
    made = plan(layout, system="codec", entity="record", key=(), marks=marks, group=group, fillers=fillers)
    if not made.columns:
        raise SettingsError("no field of the record is chosen", where=layout.source, fix="name another group")
    return made


def _lenient(column: Column) -> Column:
    """Return a column whose bad values are null."""
    return replace(column, bad="null", children=tuple(_lenient(c) for c in column.children))
