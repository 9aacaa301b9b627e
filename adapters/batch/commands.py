"""What `banyan layout` and `banyan decode` print: pure functions over texts and files."""

from __future__ import annotations

import base64
import datetime
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

from adapters.batch.codec import RecordCodec
from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Slot, layouts, parse
from adapters.batch.dialect import Dialect
from adapters.batch.framing import Broken, FrameSpec, Framing, Scanner
from adapters.batch.reference import BadValueError, Trim
from schemas.errors import SettingsError

#: Settings that `decode_file` takes, with their defaults.
SETTINGS = {
    "code_page": "cp037",
    "framing": "fixed",
    "dialect": "ibm",
    "record": "",
    "group": "",
    "trim": "padding",
}


def layout_rows(
    copybook_text: str, *, dialect: str = "ibm", where: str = "<copybook>"
) -> list[dict[str, Any]]:
    """Return one dict an item, in order: level, name, path, offset (from 0), length and so on.

    Raises:
        CopybookError: the copybook cannot be read.
    """
    parts = layouts(parse(copybook_text, source=where), Dialect.named(dialect))
    return [_row(slot, part.name) for part in parts for slot in part.record.walk()]


def decode_file(
    path: Path, copybook: Path, settings: Mapping[str, str] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield one dict a record, ready for JSON; a bad record is `{"_record", "_offset", "_error", "_raw"}`.

    Raises:
        SettingsError: a key that is no setting. CopybookError: the copybook cannot be read.
    """
    chosen = SETTINGS | dict(settings or {})
    if unknown := sorted(set(chosen) - set(SETTINGS)):
        raise SettingsError(f"no setting {unknown[0]!r}", where="--set", fix=f"use {', '.join(SETTINGS)}")
    for key, choices in (("framing", get_args(Framing)), ("trim", get_args(Trim))):
        if chosen[key] not in choices:
            raise SettingsError(f"{key} = {chosen[key]!r}", where="--set", fix=f"use {' or '.join(choices)}")
    trim: Trim = next(t for t in get_args(Trim) if t == chosen["trim"])
    codec = RecordCodec(
        copybook.read_text(encoding="utf-8", errors="replace"),
        code_page=chosen["code_page"], record=chosen["record"] or None, group=chosen["group"] or None,
        dialect=chosen["dialect"], trim=trim, where=str(copybook),
    )  # fmt: skip
    page = CodePage.named(chosen["code_page"])
    framing: Framing = next(f for f in get_args(Framing) if f == chosen["framing"])
    scanner = Scanner.of(framing, FrameSpec.model_validate({}), codec.layout, page, "--set")
    with path.open("rb") as stream:
        for part in scanner.scan(stream):
            if isinstance(part, Broken):
                yield _bad(part.record, part.offset, part.raw, part.reason)
                continue
            frames = part.dense(codec.length, scanner.pad)
            for view, record, offset in zip(
                frames.view, part.record.tolist(), part.offset.tolist(), strict=True
            ):
                raw = view.tobytes()
                try:
                    yield {name: _plain(value) for name, value in codec.decode(raw).items()}
                except BadValueError as error:
                    yield _bad(record, offset, raw, str(error))


def _row(slot: Slot, record: str) -> dict[str, Any]:
    item, occurs = slot.item, slot.item.occurs
    usage = item.usage if slot.storage else ""
    avro = slot.storage.avro if slot.storage else "record"
    if isinstance(avro, dict):
        avro = f"decimal({avro['precision']}, {avro['scale']})"
    times = "" if occurs is None else str(occurs.most)
    if occurs is not None and occurs.depending_on:
        times = f"{occurs.least} to {occurs.most}"
    name = item.name or "FILLER"
    return {
        "level": item.level, "name": name, "field": name, "record": record, "path": slot.path,
        "offset": slot.offset, "length": slot.length * slot.count, "occurs": times,
        "depends_on": (occurs.depending_on or "") if occurs else "", "redefines": item.redefines or "",
        "picture": item.picture.text if item.picture else "", "usage": usage, "type": avro,
        "conditions": [str(c) for c in item.conditions],
    }  # fmt: skip


def _bad(record: int, offset: int, raw: bytes, reason: str) -> dict[str, Any]:
    return {"_record": record, "_offset": offset, "_error": reason, "_raw": base64.b64encode(raw).decode()}


def _plain(value: object) -> object:
    """Return a value as JSON has it: decimals as strings at their scale, dates ISO."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(v) for v in value]
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    return value
