"""Put a document together from a root row and its embeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.readmodel.reader import Row, RowReader
from streams.document import Document, Embed

Values = dict[str, Any]


def assemble(document: Document, root: Row, readers: Mapping[str, RowReader]) -> Values:
    """Return the document of `root`: its fields, then each embed under its name.

    Rows are read in several queries, so a document may show one entity a moment newer than another; each
    row in it is whole.
    """
    result: Values = dict(root.values)
    found: dict[str, list[Values]] = {}
    for embed in document.embed:
        parents = found[embed.through] if embed.through else [root.values]
        rows = _embed(embed, parents, readers[embed.projection])
        found[embed.name] = rows
        if not (embed.through and embed.nest):
            result[embed.name] = rows if embed.many else (rows[0] if rows else None)
    return result


def _embed(embed: Embed, parents: Sequence[Values], reader: RowReader) -> list[Values]:
    """Return the distinct rows that match any parent; with `nest`, also place them inside their parents."""
    distinct: dict[tuple[Any, ...], Values] = {}
    asked: dict[tuple[Any, ...], list[Row]] = {}
    for parent in parents:
        wanted = tuple(parent.get(field) for field in embed.match.values())
        if wanted not in asked:
            missing = any(value is None for value in wanted)
            filters = dict(zip(embed.match, wanted, strict=True))
            asked[wanted] = [] if missing else reader.rows(filters)
        rows = asked[wanted]
        if embed.through and embed.nest:
            values = [dict(row.values) for row in rows]
            parent[embed.name] = values if embed.many else (values[0] if values else None)
            distinct |= {row.key: value for row, value in zip(rows, values, strict=True)}
        else:
            for row in rows:
                distinct.setdefault(row.key, row.values)
    return list(distinct.values())
