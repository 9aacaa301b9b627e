"""Made-up records of a copybook, in their framing."""

from __future__ import annotations

import datetime
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal

from adapters.batch.codepage import CodePage
from adapters.batch.columns import Column, Marks
from adapters.batch.controls import Control
from adapters.batch.copybook import Slot, Storage
from adapters.batch.encode import encode_value
from adapters.batch.format_spec import FormatSpec
from adapters.batch.framing.write import write
from adapters.batch.ledger import Total
from adapters.batch.records import RecordType, Role
from adapters.batch.source import Source
from adapters.batch.writer import RecordWriter

_DAY = datetime.date(2026, 11, 2)
_NOON = datetime.time(12, tzinfo=datetime.UTC)
#: What is said of a delta's records: the field, and its code.
_ACTION = ("field", "code")


def cobol_file(spec: FormatSpec, source: Source, n: int) -> bytes:
    """Return a file with `n` records of each entity in its framing, with its control records."""
    kinds = {kind.role: kind for kind in source.types}
    delta = spec.delta
    action = (delta.action, *delta.create, *delta.update, *delta.delete) if delta else ()
    details = [
        record
        for kind in source.types
        if kind.role == "detail"
        for record in _details(source, kind, n, action[:2])
    ]
    records = _between(source, kinds, "batch_header", details, "batch_trailer", source.batch, n)
    records = _between(source, kinds, "header", records, "trailer", source.trailer, n)
    out = io.BytesIO()
    write(records, source.scanner, out)
    return out.getvalue()


def _between(
    source: Source, kinds: Mapping[Role, RecordType], first: Role, records: list[bytes], last: Role,
    control: Control | None, n: int,
) -> list[bytes]:  # fmt: skip
    """Return records with the control records that stand around them."""
    if first in kinds:
        promises = source.header if first == "header" else None
        records = [_control(source, kinds[first], promises or Control(first), n), *records]
    if last in kinds and control is not None:
        records = [*records, _control(source, kinds[last], control, n)]
    return records


def _details(source: Source, kind: RecordType, n: int, action: Sequence[str]) -> list[bytes]:
    assert kind.plan is not None  # a detail type has one
    writer = RecordWriter(source.layout, source.page, Marks())
    out = []
    for number in range(1, n + 1):
        raw = bytearray(writer.write({}))
        for column in kind.plan.columns:
            is_key = column.name in kind.plan.entity.key
            _fill(raw, column, 0, number if is_key else 0, source.page)
            if len(action) == len(_ACTION) and action[0] in (column.name, column.legacy, column.path):
                assert column.storage is not None  # an action is one value
                code = encode_value(action[1], column.storage, source.page, column.path)
                raw[column.offset : column.offset + column.length] = code
        _mark(raw, kind)
        out.append(bytes(raw))
    return out


def _fill(raw: bytearray, column: Column, base: int, number: int, page: CodePage) -> None:
    """Put a value into an item, and into the items of a group or of each entry of a table.

    Tables whose number of entries another item says stay empty.
    """
    if column.count is not None and column.counter is not None:
        return
    for index in range(column.count or 1):
        start = base + column.offset + index * column.length
        if column.storage is not None:
            raw[start : start + column.length] = _value(column, number, page)
        for child in column.children:
            _fill(raw, child, start, 0, page)


def _value(column: Column, number: int, page: CodePage) -> bytes:
    storage = column.storage
    assert storage is not None  # the caller looked
    if column.date is not None:
        text = column.date.format(_DAY + datetime.timedelta(days=number))
        return encode_value(text if storage.kind == "text" else int(text), storage, page, column.path)
    if column.moment is not None:
        at = datetime.datetime.combine(_DAY + datetime.timedelta(days=number), _NOON)
        return encode_value(column.moment.format(at), storage, page, column.path)
    if storage.kind in ("hexfloat", "ieee"):
        return encode_value(0, storage, page, column.path)
    if storage.kind in ("zoned", "packed", "binary"):
        return _number(storage, number, page, column.path)
    width = min(storage.length, 6)
    return encode_value(f"{number:0{width}d}"[-width:] if number else "A", storage, page, column.path)


def _number(storage: Storage, number: int, page: CodePage, where: str) -> bytes:
    whole = number % 10 ** min(storage.digits or 9, 9)
    scaled = f"{whole}e{-storage.scale}" if storage.scale else whole
    return encode_value(scaled, storage, page, where)


def _mark(raw: bytearray, kind: RecordType) -> None:
    """Put the record type where it is looked for."""
    if kind.when is not None:
        pattern = kind.when.patterns[0]
        raw[kind.when.offset : kind.when.offset + len(pattern)] = pattern


def _control(source: Source, kind: RecordType, control: Control, each: int) -> bytes:
    raw = bytearray(RecordWriter(source.layout, source.page, Marks()).write({}))
    ends = sum(k.role != "detail" for k in source.types)
    details = sum(k.role == "detail" for k in source.types) * each
    for slot, total in control.promises:
        _put(raw, slot, _total(total, source, details, ends, each), source.page)
    if control.date is not None and control.date_format is not None:
        _put(raw, control.date, control.date_format.format(_DAY), source.page)
    _mark(raw, kind)
    return bytes(raw)


def _total(total: Total, source: Source, details: int, ends: int, each: int) -> Decimal:
    """Return what a control record must say: keys count from 1, and what is no key is zero."""
    if total.kind == "count":
        return Decimal(details + ends if total.entities is None else len(total.entities) * each)
    keys = [e.key for e in source.entities.values() if e.name in (total.entities or ())]
    summed = Decimal(sum(total.column in key for key in keys) * each * (each + 1) // 2)
    return summed if total.kind == "hash" else summed.scaleb(-total.scale)


def _put(raw: bytearray, slot: Slot, given: str | Decimal, page: CodePage) -> None:
    assert slot.storage is not None  # control records speak of elementary items
    value = str(given) if slot.storage.kind == "text" or isinstance(given, Decimal) else int(given)
    raw[slot.offset : slot.offset + slot.length] = encode_value(value, slot.storage, page, slot.path)
