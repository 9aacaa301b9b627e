"""One record as values and back: what generators, write-back and the command line use."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Layout, Slot, layouts, parse, union
from adapters.batch.decoder import decode_record
from adapters.batch.dialect import Dialect
from adapters.batch.encode import EncodeError, blank_value, encode_value
from adapters.batch.plan import Marks, RecordPlan, plan, suggestion
from adapters.batch.reference import Trim
from schemas.errors import SettingsError
from schemas.names import avro_name


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
    ) -> None:
        self.layout = select(
            layouts(parse(copybook_text, source=where), Dialect.named(dialect)), record, where
        )
        self._page, self._trim = CodePage.named(code_page), trim
        first = next((s for s in self.layout.record.walk() if s.storage and s.item.name), None)
        if first is None:
            raise SettingsError("the copybook names no elementary item", where=where, fix="name at least one")
        self._plan = _whole(self.layout, group)

    @property
    def length(self) -> int:
        """The record's length in bytes."""
        return self.layout.length

    def decode(self, raw: bytes) -> dict[str, Any]:
        """Return the record's values by Avro name; OCCURS are lists.

        Raises:
            BadValueError: bytes that are no value of their item.
        """
        return decode_record(raw, self._plan, self._page, self._trim)

    def encode(self, values: Mapping[str, Any]) -> bytes:
        """Return one record of full length.

        Keys are COBOL or Avro names; groups are flat; an OCCURS is a list (of dicts for a group). Which
        redefinition is written follows from the names given. What is not given is spaces or zero.

        Raises:
            EncodeError: a value does not fit, or a name is no item.
        """
        left = set(values)
        raw = self._group(self.layout.record, values, left)
        if left:
            known = [s.item.name for s in self.layout.record.walk() if s.item.name]
            name = sorted(left)[0]
            raise EncodeError(
                f"no item {name!r} to encode", where=self.layout.name, fix=suggestion(name, known)
            )
        return raw

    def _group(self, slot: Slot, values: Mapping[str, Any], left: set[str]) -> bytes:
        raw = bytearray(bytes([self._page.space]) * slot.length)
        for child in _written(slot.children, values):
            start = child.offset - slot.offset
            raw[start : start + child.length * child.count] = self._slot(child, values, left)
        return bytes(raw)

    def _slot(self, slot: Slot, values: Mapping[str, Any], left: set[str]) -> bytes:
        if slot.item.occurs:
            return self._table(slot, values, left)
        if slot.storage is None:
            return self._group(slot, values, left)
        key = _key(slot, values)
        if key is None:
            return blank_value(slot.storage, self._page)
        left.discard(key)
        return self._value(slot, values[key])

    def _table(self, slot: Slot, values: Mapping[str, Any], left: set[str]) -> bytes:
        key = _key(slot, values)
        items: Sequence[Any] = () if key is None else values[key]
        if key is not None:
            left.discard(key)
        if len(items) > slot.count:
            raise EncodeError(f"{len(items)} values for OCCURS {slot.count}", where=slot.path)
        parts = [self._item(slot, item) for item in items]
        blank = blank_value(slot.storage, self._page) if slot.storage else self._group(slot, {}, set())
        return b"".join([*parts, *[blank] * (slot.count - len(parts))])

    def _item(self, slot: Slot, item: Any) -> bytes:
        if slot.storage is not None:
            return self._value(slot, item)
        left = set(item)
        raw = self._group(slot, item, left)
        if left:
            raise EncodeError(f"no item {sorted(left)[0]!r} to encode", where=slot.path)
        return raw

    def _value(self, slot: Slot, value: Any) -> bytes:
        assert slot.storage is not None
        if isinstance(value, datetime.date):
            value = value.strftime("%Y%m%d")
        return encode_value(value, slot.storage, self._page, slot.path)


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


def _whole(layout: Layout, group: str | None) -> RecordPlan:
    """Return a plan of all fields; any field may be the key, as nothing is published."""
    names = [s.path for s in layout.record.walk() if s.storage and s.item.name]
    for name in names:
        try:
            return plan(layout, system="codec", entity="record", key=[name], marks=Marks(), group=group)
        except SettingsError as error:
            if "key field" not in error.what:
                raise
    raise SettingsError("no field of the record is chosen", where=layout.source, fix="name another group")


def _written(children: Sequence[Slot], values: Mapping[str, Any]) -> Iterator[Slot]:
    """Yield one slot of each storage area: the redefinition with most of the given names, else the first."""
    areas: dict[int, list[Slot]] = {}
    roots: dict[str, int] = {}
    for index, child in enumerate(children):
        root = roots[child.item.redefines] if child.item.redefines is not None else index
        roots[child.item.name] = root
        areas.setdefault(root, []).append(child)
    for area in areas.values():
        scores = [sum(_key(s, values) is not None for s in _flat(slot)) for slot in area]
        best = area[scores.index(max(scores))]
        if best is not area[0]:
            yield area[0]  # its defaults fill what the chosen redefinition leaves
        yield best


def _flat(slot: Slot) -> Iterator[Slot]:
    """Yield the slots that a flat mapping can name: elementary items and tables, not the inside of tables."""
    if slot.item.occurs or slot.storage:
        yield slot
        return
    for child in slot.children:
        yield from _flat(child)


def _key(slot: Slot, values: Mapping[str, Any]) -> str | None:
    name = slot.item.name
    candidates = (slot.path, name, avro_name(name), avro_name(name).lower()) if name else ()
    return next((key for key in candidates if key in values), None)
