"""Made-up lines: delimited and fixed text."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from adapters.batch.delimited.spec import DelimitedSpec
from adapters.batch.fields.encoding import Encoding
from adapters.batch.fields.field_spec import FieldSpec
from adapters.batch.fixedtext.reader import FixedTextReader
from adapters.batch.fixedtext.spec import FixedFieldSpec, FixedTextSpec
from adapters.batch.format_spec import FormatSpec
from adapters.batch.framing.write import write
from adapters.batch.made_up.values import MadeUp, records

#: What stands in columns that no field names, in lines above the header, and in records at the end.
_FILLER = "x"
_ENDS = {"crlf": "\r\n", "cr": "\r", "lf": "\n", "any": "\n"}


def delimited_file(spec: FormatSpec, n: int) -> bytes:
    """Return a delimited file."""
    table = spec.delimited
    assert table is not None  # the format says so
    encoding = Encoding.named(table.encoding)
    end = "\x85" if encoding.page is not None and encoding.page.space == 0x40 else "\n"
    end = end if table.line_end == "any" else _ENDS.get(table.line_end, table.line_end)
    lines = [_FILLER] * table.skip_top
    if table.header:
        fields = table.fields or [f for layout in table.layouts.values() for f in layout]
        lines.append(table.delimiter.join(_heads(fields)))
    layouts = table.layouts or {"": table.fields}
    if not table.header:
        layouts = {name: tuple(_numbered(fields)) for name, fields in layouts.items()}
    lines += [_line(made, table) for made in records(spec, table, layouts, n)]
    lines += [table.delimiter.join(_FILLER for _ in next(iter(layouts.values())))] * table.skip_bottom
    return _encoded("".join(line + end for line in lines), encoding)


def fixed_file(spec: FormatSpec, n: int) -> bytes:
    """Return a file of fixed text in its framing."""
    table = spec.fixed_text
    assert table is not None  # the format says so
    reader = spec.read_as(Path(), system="made_up")
    assert isinstance(reader, FixedTextReader)  # see there
    layouts = {name: _with_places(f) for name, f in (table.layouts or {"": table.fields}).items()}
    rows = [_placed(made, table, reader.length) for made in records(spec, table, layouts, n)]
    out = io.BytesIO()
    write([_encoded(row, reader.encoding) for row in rows], reader.scanner, out)
    return out.getvalue()


def _heads(fields: Sequence[FieldSpec]) -> list[str]:
    """Return the header's cells: columns by name in the order of the fields, by number at their place."""
    numbered = {f.source: f.name for f in fields if isinstance(f.source, int)}
    if not numbered:
        return list(dict.fromkeys(str(f.source or f.name) for f in fields))
    return [numbered.get(at, f"{_FILLER}{at}") for at in range(1, max(numbered) + 1)]


def _line(made: MadeUp, table: DelimitedSpec) -> str:
    texts = {f.name: made.text(f, table) for f in made.fields}
    if table.header and table.layouts:
        whole = _heads([f for layout in table.layouts.values() for f in layout])
        by_head = {str(f.source or f.name): texts[f.name] for f in made.fields}
        return table.delimiter.join(_cell(by_head.get(head, ""), table) for head in whole)
    numbered = {f.source: texts[f.name] for f in made.fields if isinstance(f.source, int)}
    if numbered:
        width = max(*numbered, table.columns or 0)
        cells = [numbered.get(at, _FILLER) for at in range(1, width + 1)]
    else:
        heads = {str(f.source or f.name): texts[f.name] for f in made.fields}
        cells = list((heads if table.header else texts).values())
        cells += [_FILLER] * ((table.columns or 0) - len(cells))
    return table.delimiter.join(_cell(cell, table) for cell in cells)


def _cell(text: str, table: DelimitedSpec) -> str:
    special = (table.delimiter, table.quote, table.comment)
    if table.quote and any(mark and mark in text for mark in special):
        return f"{table.quote}{text.replace(table.quote, table.quote * 2)}{table.quote}"
    return text


def _placed(made: MadeUp, table: FixedTextSpec, length: int) -> str:
    """Return a record: numbers at the right of their fields, with zeros in front, all else at the left."""
    line = [" "] * length
    for field in made.fields:
        assert isinstance(field, FixedFieldSpec)  # fixed text has no others
        assert field.start is not None and field.length is not None  # see _with_places
        start, width = field.start - 1, field.length
        text = made.text(field, table)
        numeric = field.type.partition("(")[0] in ("integer", "decimal")
        text = text.zfill(width)[-width:] if numeric else _cut(text, width).ljust(width)
        line[start : start + width] = text
    return "".join(line)


def _with_places(fields: Sequence[FixedFieldSpec]) -> list[FixedFieldSpec]:
    """Return the fields with their places said, so that some of them can be put elsewhere."""
    made: list[FixedFieldSpec] = []
    behind = 0
    for field in fields:
        start = behind if field.start is None else field.start - 1
        behind = field.end if field.end is not None else start + (field.length or 0)
        said = {"start": start + 1, "length": behind - start, "end": None}
        made.append(field.model_copy(update=said))
    return made


def _numbered(fields: Sequence[FieldSpec]) -> list[FieldSpec]:
    """Return the fields with the numbers of their columns."""
    return [
        f if isinstance(f.source, int) else f.model_copy(update={"source": at})
        for at, f in enumerate(fields, 1)
    ]


def _cut(text: str, width: int) -> str:
    """Return a text that fits: of a number its last digits tell records apart."""
    return text[-width:] if text.isdigit() and len(text) == _KEY else text[:width]


#: Digits of a made-up key that is a text.
_KEY = 6


def _encoded(text: str, encoding: Encoding) -> bytes:
    if encoding.page is not None:
        return encoding.page.encode(text)
    return text.encode(encoding.name)
