"""The shape of a read-model table: columns with the meaning that the API needs, and the key."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

#: What a column means. How it is stored: text, decimal, date, timestamp and json as TEXT; integer and
#: boolean as INTEGER; real as REAL; bytes as BLOB. Decimals keep their declared scale as text.
Kind = Literal["text", "integer", "real", "boolean", "decimal", "date", "timestamp", "bytes", "json"]

SQLITE_TYPES: dict[Kind, str] = {
    "text": "TEXT",
    "decimal": "TEXT",
    "date": "TEXT",
    "timestamp": "TEXT",
    "json": "TEXT",
    "integer": "INTEGER",
    "boolean": "INTEGER",
    "real": "REAL",
    "bytes": "BLOB",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `name` as the API shows it, `field` as Avro calls it."""

    name: str
    field: str
    kind: Kind
    nullable: bool = True
    doc: str = ""
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A projection's table. `key` names columns in the key's declared order; it is never empty."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    indexes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in stored order."""
        return tuple(c.name for c in self.columns)

    def column(self, name: str) -> Column:
        """Return the column called `name`; KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def widened(self, other: Table) -> Table:
        """Return this table with the columns of `other` that it lacks, as nullable ones at the end."""
        known = set(self.names)
        new = tuple(c for c in other.columns if c.name not in known)
        if not new:
            return self
        return Table(self.columns + new, self.key, self.indexes)

    def to_json(self) -> str:
        """Return the table as JSON text, which is how a store keeps it."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> Table:
        """Return the table that `to_json` wrote."""
        document: dict[str, Any] = json.loads(text)
        return Table(
            tuple(Column(**c) for c in document["columns"]),
            tuple(document["key"]),
            tuple(document["indexes"]),
        )
