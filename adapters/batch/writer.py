"""Values to one record: the tree of a layout with the names by which values may be given."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.batch.chooser import Fillers, filler_names
from adapters.batch.codepage import CodePage
from adapters.batch.columns import Marks
from adapters.batch.copybook import Layout, Slot, Storage
from adapters.batch.dates import DateFormat
from adapters.batch.encode import EncodeError, blank_value, encode_value
from adapters.batch.items import called, suggestion
from adapters.batch.moments import ISO, MomentFormat
from adapters.batch.reference import BadValueError
from adapters.batch.values import FIGURATIVE
from schemas.names import avro_name

#: Stands for a value that was not given; None was.
_ABSENT = object()


class RecordWriter:
    """Writes values into records of one layout, all tables at full size.

    Args:
        layout: the record.
        page: code page of text and zoned numbers.
        marks: what settings say: names, dates, pages and sentinels are written as they are read.
        fillers: `name` writes FILLER_1 and so on too.
    """

    def __init__(self, layout: Layout, page: CodePage, marks: Marks, fillers: Fillers = "drop") -> None:
        self._layout, self._page, self._marks = layout, page, marks
        self._fillers = filler_names(layout) if fillers == "name" else {}
        self._root = self._node(layout.record)
        kept = {avro_name(name.rpartition(".")[2]).upper() for name in marks.keep_whole}
        # What is kept whole is written by its items; a renamed area by what it renames.
        self._ignored = kept | {f"{name}_whole" for name in kept}

    def write(self, values: Mapping[str, Any], *, lenient: bool = False) -> bytes:
        """Return the record; what is not given is a sentinel if there is one, else spaces or zero.

        None is a sentinel too, or what the dialect reads as null, or else as if it were not given.
        `lenient` writes what is not given for a value that does not fit.

        Raises:
            EncodeError: a value does not fit, or a name is no item.
        """
        left = set(values)
        raw = bytearray(bytes([self._page.space]) * self._layout.length)
        self._group(self._root, raw, 0, values, left, lenient)
        if left := left - self._ignored:
            known = [s.item.name for s in self._layout.record.walk() if s.item.name]
            name = sorted(left)[0]
            raise EncodeError(
                f"no item {name!r} to encode", where=self._layout.name, fix=suggestion(name, known)
            )
        return bytes(raw)

    def _node(self, slot: Slot) -> _Node:
        areas: list[list[_Node]] = []
        by_name: dict[str, list[_Node]] = {}
        for child in slot.children:
            if child.item.redefines is None:
                area: list[_Node] = []
                areas.append(area)
            else:
                area = by_name[child.item.redefines]
            by_name[child.item.name] = area
            area.append(self._node(child))
        name = slot.item.name or self._fillers.get(id(slot), "")
        marks, page = self._marks, self._page
        rename = _mark(marks.rename, slot)
        names = [slot.path, name, avro_name(name), avro_name(name).lower()] if name else []
        page = _mark(marks.code_pages, slot) or page
        blank = blank_value(slot.storage, page) if slot.storage else b""
        null = _null(slot.storage, page, blank) if slot.storage else b""
        date, moment = _mark(marks.dates, slot), _mark(marks.moments, slot)
        sentinels = _mark(marks.sentinels, slot) or ()
        if slot.storage and sentinels:
            blank = null = _sentinel(str(sentinels[0]), slot, page)
        flat = frozenset(n for area in areas for child in area for n in child.flat)
        names = ([rename] if rename else []) + names
        own = frozenset(names)
        policy = _mark(marks.bad_values, slot) or marks.bad_default
        kept = f"{rename or avro_name(name)}_raw" if policy == "raw" and slot.storage and name else ""
        return _Node(
            slot, tuple(names), areas, page, blank, null, date, moment, kept,
            own if slot.item.occurs or slot.storage else own | flat,
        )  # fmt: skip

    def _group(
        self, node: _Node, raw: bytearray, at: int, values: Mapping[str, Any], left: set[str], lenient: bool
    ) -> None:
        for area in node.areas:
            for child in _written(area, values):
                self._item(child, raw, at + child.slot.offset - node.slot.offset, values, left, lenient)

    def _item(
        self, node: _Node, raw: bytearray, at: int, values: Mapping[str, Any], left: set[str], lenient: bool
    ) -> None:
        slot = node.slot
        key = next((n for n in node.names if n in values), None)
        if key is not None:
            left.discard(key)
        given = _ABSENT if key is None else values[key]
        bad = values.get(node.raw_name) if node.raw_name else None
        if node.raw_name in left:
            left.discard(node.raw_name)
        if slot.item.occurs:
            items: Any = () if given is None or given is _ABSENT else given
            if len(items) > slot.count:
                raise EncodeError(f"{len(items)} values for OCCURS {slot.count}", where=slot.path)
            for index in range(slot.count):
                start = at + index * slot.length
                self._one(node, raw, start, items[index] if index < len(items) else _ABSENT, lenient)
                if bad and index < len(bad) and bad[index]:
                    _overwrite(raw, start, bad[index], slot)
        elif slot.storage or isinstance(given, Mapping):
            self._one(node, raw, at, given, lenient)
            if bad:
                _overwrite(raw, at, bad, slot)
        else:
            self._group(node, raw, at, values, left, lenient)

    def _one(self, node: _Node, raw: bytearray, at: int, given: Any, lenient: bool) -> None:
        """Write one occurrence: an elementary value, or a group's values of its own."""
        slot = node.slot
        if slot.storage is not None:
            raw[at : at + slot.length] = self._value(node, given, lenient)
            return
        inner: Mapping[str, Any] = {} if given is None or given is _ABSENT else given
        left = set(inner)
        self._group(node, raw, at, inner, left, lenient)
        if left := left - self._ignored:
            raise EncodeError(f"no item {sorted(left)[0]!r} to encode", where=slot.path)

    def _value(self, node: _Node, given: Any, lenient: bool) -> bytes:
        if given is None or given is _ABSENT:
            return node.blank if given is _ABSENT else node.null
        slot = node.slot
        assert slot.storage is not None
        try:
            if node.date is not None:
                given = _dated(given, node.date, slot)
            elif node.moment is not None:
                given = _timed(given, node.moment, slot)
            elif isinstance(given, datetime.date):
                given = given.strftime("%Y%m%d")
            return encode_value(given, slot.storage, node.page, slot.path)
        except EncodeError:
            if not lenient:
                raise
            return node.blank


@dataclass(frozen=True, slots=True)
class _Node:
    """A slot with the names of its value.

    `raw_name` is the field of its bad bytes; `flat` are all names by which something inside may be given.
    """

    slot: Slot
    names: tuple[str, ...]
    areas: list[list[_Node]]
    page: CodePage
    blank: bytes
    null: bytes
    date: DateFormat | None
    moment: MomentFormat | None
    raw_name: str
    flat: frozenset[str]


def _null(storage: Storage, page: CodePage, blank: bytes) -> bytes:
    """Return the bytes that the dialect reads as null, or the blank value where it has none."""
    try:
        return encode_value(None, storage, page) if storage.nullable else blank
    except EncodeError:
        return blank


def _written(area: list[_Node], values: Mapping[str, Any]) -> Iterator[_Node]:
    """Yield what is written of one area: the redefinition with most of the given names, or the first."""
    if len(area) == 1:
        yield area[0]
        return
    scores = [sum(name in node.flat for name in values) for node in area]
    best = area[scores.index(max(scores))]
    if best is not area[0]:
        yield area[0]  # its defaults fill what the chosen redefinition leaves
    yield best


def _mark(marks: Mapping[str, Any], slot: Slot) -> Any:
    if not slot.item.name or not marks:
        return None
    return next((value for name, value in marks.items() if called(slot, name)), None)


def _sentinel(text: str, slot: Slot, page: CodePage) -> bytes:
    fill = (FIGURATIVE | {"SPACES": page.space}).get(text.upper())
    if fill is not None:
        return bytes([fill]) * slot.length
    assert slot.storage is not None
    try:
        return encode_value(text, slot.storage, page, slot.path)
    except EncodeError:
        return blank_value(slot.storage, page)


def _dated(given: Any, date: DateFormat, slot: Slot) -> Any:
    try:
        return date.format(given if isinstance(given, datetime.date) else datetime.date.fromisoformat(given))
    except (TypeError, ValueError):
        return given  # as it stands in the file, such as 20241124 or 0


def _timed(given: Any, form: MomentFormat, slot: Slot) -> Any:
    """Return the text of a point in time; one of the form stands for itself, as does what is none."""
    with contextlib.suppress(BadValueError):
        read = form.value(given if isinstance(given, str) else "")
        return given if form.text != ISO else form.format(read)
    try:
        moment = given if isinstance(given, datetime.datetime) else datetime.datetime.fromisoformat(given)
    except (TypeError, ValueError):
        return given
    if moment.tzinfo is None:
        raise EncodeError("a time stamp without offset", where=slot.path, fix="end it in Z, say")
    try:
        return form.format(moment)
    except BadValueError as error:
        raise EncodeError(str(error), where=slot.path) from None


def _overwrite(raw: bytearray, at: int, digits: str, slot: Slot) -> None:
    """Put back bytes that were no value."""
    try:
        kept = bytes.fromhex(digits)
    except (TypeError, ValueError):
        raise EncodeError("the kept bytes are not hexadecimal", where=slot.path) from None
    if len(kept) > slot.length:
        raise EncodeError(f"{len(kept)} kept bytes for {slot.length}", where=slot.path)
    raw[at : at + len(kept)] = kept
