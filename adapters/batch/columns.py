"""Fields of a record: what they are called, where their bytes lie and what settings say about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Storage
from adapters.batch.dates import DateFormat
from adapters.batch.moments import MomentFormat
from schemas.entity import AvroType, Entity
from schemas.names import avro_name

#: What becomes of bytes that are no value of their item: the record is rejected, the field is null, it is
#: null and a further field `<name>_raw` holds the bytes in hexadecimal, or the whole file is refused.
BadValues = Literal["reject", "null", "raw", "fail"]
ShortRecords = Literal["reject", "null"]


@dataclass(frozen=True, slots=True)
class Marks:
    """What settings say about items, by COBOL name, dotted path or Avro name.

    Attributes:
        rename: Avro name to use.
        dates: declared date format.
        moments: declared form of time stamps.
        sentinels: values that mean "nothing": text, a number, or LOW-VALUES, HIGH-VALUES, SPACES.
        classification: personal-data class.
        drop: items to leave out.
        code_pages: page of an item, where it is not the file's.
        bad_values, bad_default: what becomes of bytes that are no value of an item.
        keep_whole: groups to keep as one text too, and level-66 items to read.
        check_conditions: items whose values must be named by a level 88 of theirs; `*` for all that have one.
    """

    rename: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, DateFormat] = field(default_factory=dict)
    moments: Mapping[str, MomentFormat] = field(default_factory=dict)
    sentinels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    classification: Mapping[str, str] = field(default_factory=dict)
    drop: Sequence[str] = ()
    code_pages: Mapping[str, CodePage] = field(default_factory=dict)
    bad_values: Mapping[str, BadValues] = field(default_factory=dict)
    bad_default: BadValues = "reject"
    keep_whole: Sequence[str] = ()
    check_conditions: Sequence[str] = ()


#: Nothing said.
UNMARKED = Marks()


@dataclass(frozen=True, slots=True)
class Column:
    """One field: an elementary item, or a group that occurs.

    Attributes:
        name: Avro name.
        path: COBOL path with `[]` after each item that occurs.
        offset: bytes from the start of the enclosing occurrence (or record).
        length: bytes of one occurrence.
        count: greatest number of occurrences; None where it does not occur.
        counter: the path of the DEPENDING ON item.
        storage: for an elementary item.
        children: for a group that occurs, or that is kept as a record.
        date, moment, sentinels, doc, classification, legacy: what settings and copybook say about it.
        counters: DEPENDING ON items inside one occurrence, for tables inside it.
        page: its code page, where it is not the file's.
        bad: what becomes of bytes that are no value of it.
        raw: the field holds those bytes in hexadecimal, and null where the value is good.
        named: ranges of values, of which each must be in one; empty where any value will do.
    """

    name: str
    path: str
    legacy: str
    offset: int
    length: int
    count: int | None
    counter: str | None
    storage: Storage | None
    children: tuple[Column, ...]
    date: DateFormat | None
    sentinels: tuple[str, ...]
    doc: str
    classification: str
    counters: tuple[Counter, ...] = ()
    page: CodePage | None = None
    bad: BadValues = "reject"
    raw: bool = False
    named: tuple[tuple[str, str | None], ...] = ()
    moment: MomentFormat | None = None

    @property
    def element(self) -> AvroType:
        """The Avro type of one occurrence."""
        if self.children:
            # By path, as an Avro schema defines a name once and siblings elsewhere may share this one.
            name = avro_name(f"{self.path.replace('[]', '')}_item")
            return {"type": "record", "name": name, "fields": [c.nested() for c in self.children]}
        if self.raw:
            return "string"
        if self.date:
            return {"type": "int", "logicalType": "date"}
        if self.moment:
            return {
                "type": "long",
                "logicalType": f"timestamp-{'micros' if self.moment.micros else 'millis'}",
            }
        assert self.storage is not None  # a column without children is elementary
        return self.storage.avro

    @property
    def avro(self) -> AvroType:
        """The Avro type of the field, without the null branch."""
        if self.count is None:
            return self.element
        may_be_null = self.sentinels or self.raw or self.bad in ("null", "raw")
        maybe_null = self.storage and (may_be_null or self.storage.nullable)
        return {"type": "array", "items": ["null", self.element] if maybe_null else self.element}

    def nested(self) -> dict[str, Any]:
        """Return this column as a field of a nested Avro record."""
        out: dict[str, Any] = {"name": self.name, "type": ["null", self.avro], "default": None}
        if self.doc:
            out["doc"] = self.doc
        if self.legacy != self.name:
            out["legacy.name"] = self.legacy
        return out | {"classification": self.classification}


@dataclass(frozen=True, slots=True)
class Counter:
    """A DEPENDING ON item: its place in the enclosing occurrence, and the counts that it may have."""

    name: str
    offset: int
    storage: Storage
    page: CodePage | None = None


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """How records become rows of one entity.

    Attributes:
        entity: what the rows are.
        columns: its fields, in the order of `entity.fields`.
        counters: DEPENDING ON items outside tables.
        length: bytes of a record with all tables full.
        short_records: what becomes of a field behind the end of a record that is shorter.
        marks: what the settings said; encoding needs it too.
    """

    entity: Entity
    columns: tuple[Column, ...]
    counters: tuple[Counter, ...]
    length: int
    short_records: ShortRecords = "reject"
    marks: Marks = UNMARKED

    @property
    def key_paths(self) -> frozenset[str]:
        """Paths of the key's fields, which are never null."""
        return frozenset(c.path for c in self.columns if c.name in self.entity.key)
