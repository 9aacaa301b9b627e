"""A file of made-up records that settings describe: for an adapter's own test, before there is a real one."""

from __future__ import annotations

import datetime
import io

from adapters.batch.codepage import CodePage
from adapters.batch.columns import Column, Marks
from adapters.batch.controls import Control
from adapters.batch.copybook import Slot, Storage
from adapters.batch.encode import encode_value
from adapters.batch.format_spec import FormatSpec
from adapters.batch.framing.write import write
from adapters.batch.reader import Reader
from adapters.batch.records import RecordType
from adapters.batch.source import Source
from adapters.batch.text_made_up import text_made_up
from adapters.batch.writer import RecordWriter

_DAY = datetime.date(2026, 11, 2)
_NOON = datetime.time(12, tzinfo=datetime.UTC)


def made_up(spec: FormatSpec, reader: Reader, n: int = 3) -> bytes:
    """Return a file with `n` records of each entity, whose header and trailer agree with it.

    Keys count up, other numbers are zero, texts are short, dates are one day. Nothing in it is real.

    Raises:
        EncodeError: a record that the settings describe cannot be written.
    """
    if not isinstance(reader, Source):
        return text_made_up(spec, n)
    details = [kind for kind in reader.types if kind.role == "detail"]
    records = [record for kind in details for record in _details(reader, kind, n)]
    for kind in reader.types:
        control = {"header": reader.header, "trailer": reader.trailer}.get(kind.role)
        if control is not None:
            made = _control(reader, kind, control, n)
            records = [made, *records] if kind.role == "header" else [*records, made]
    out = io.BytesIO()
    write(records, reader.scanner, out)
    return out.getvalue()


def _details(source: Source, kind: RecordType, n: int) -> list[bytes]:
    assert kind.plan is not None  # a detail type has one
    writer = RecordWriter(source.layout, source.page, Marks())
    out = []
    for number in range(1, n + 1):
        raw = bytearray(writer.write({}))
        for column in kind.plan.columns:
            if column.storage is None or column.count is not None:
                continue  # tables stay empty
            is_key = column.name in kind.plan.entity.key
            raw[column.offset : column.offset + column.length] = _value(
                column, number if is_key else 0, source.page
            )
        _mark(raw, kind)
        out.append(bytes(raw))
    return out


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
    ends = sum(k.role in ("header", "trailer") for k in source.types)
    details = sum(k.role == "detail" for k in source.types) * each
    for slot, total in control.promises:
        # What could be summed is zero in every record but its key.
        number = 0
        if total.kind == "count":
            number = details + ends if total.entities is None else len(total.entities) * each
        _put(raw, slot, number, source.page)
    if control.date is not None and control.date_format is not None:
        _put(raw, control.date, control.date_format.format(_DAY), source.page)
    _mark(raw, kind)
    return bytes(raw)


def _put(raw: bytearray, slot: Slot, given: str | int, page: CodePage) -> None:
    assert slot.storage is not None  # control records speak of elementary items
    value = str(given) if slot.storage.kind == "text" else int(given)
    raw[slot.offset : slot.offset + slot.length] = encode_value(value, slot.storage, page, slot.path)
