"""Which items of a record become which fields of an entity: the plan that decoder and schema share."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.batch.copybook import Layout, Slot, Storage
from adapters.batch.dates import DateFormat
from schemas.entity import AvroType, Entity, Field, KeyPrivacy
from schemas.errors import SettingsError
from schemas.names import avro_name, avro_names


@dataclass(frozen=True, slots=True)
class Marks:
    """What settings say about items, by COBOL name, dotted path or Avro name.

    Attributes:
        rename: Avro name to use.
        dates: declared date format.
        sentinels: values that mean "nothing": text, a number, or LOW-VALUES, HIGH-VALUES, SPACES.
        classification: personal-data class.
        drop: items to leave out.
    """

    rename: Mapping[str, str] = field(default_factory=dict)
    dates: Mapping[str, DateFormat] = field(default_factory=dict)
    sentinels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    classification: Mapping[str, str] = field(default_factory=dict)
    drop: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Column:
    """One field: an elementary item, or a group that occurs.

    Attributes:
        name: Avro name.
        path: COBOL path with `[]` after each item that occurs.
        offset: bytes from the start of the enclosing occurrence (or record).
        length: bytes of one occurrence.
        count: greatest number of occurrences; None where it does not occur.
        counter: the name of the DEPENDING ON item.
        storage: for an elementary item.
        children: for a group that occurs.
        date, sentinels, doc, classification, legacy: what settings and copybook say about it.
        counters: DEPENDING ON items inside one occurrence, for tables inside it.
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

    @property
    def element(self) -> AvroType:
        """The Avro type of one occurrence."""
        if self.children:
            # By path, as an Avro schema defines a name once and siblings elsewhere may share this one.
            name = avro_name(f"{self.path.replace('[]', '')}_item")
            return {"type": "record", "name": name, "fields": [c.nested() for c in self.children]}
        if self.date:
            return {"type": "int", "logicalType": "date"}
        assert self.storage is not None  # a column without children is elementary
        return self.storage.avro

    @property
    def avro(self) -> AvroType:
        """The Avro type of the field, without the null branch."""
        if self.count is None:
            return self.element
        return {"type": "array", "items": ["null", self.element] if self.sentinels else self.element}

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


@dataclass(frozen=True, slots=True)
class RecordPlan:
    """How records become rows of one entity."""

    entity: Entity
    columns: tuple[Column, ...]
    counters: tuple[Counter, ...]
    length: int


def plan(
    layout: Layout,
    *,
    system: str,
    entity: str,
    key: Sequence[str],
    marks: Marks = Marks(),
    group: str | None = None,
    redefinitions: Iterable[str] = (),
    key_privacy: KeyPrivacy = "plain",
) -> RecordPlan:
    """Return the plan of one entity.

    Groups are flat: their items become fields, the group itself does not. FILLERs are dropped. Of items that
    redefine each other the first counts, unless `group` chooses another; `redefinitions` adds more.

    Raises:
        SettingsError: a key or group that is no item, or two items with one Avro name.
    """
    chooser = _Chooser(layout, marks, group, tuple(redefinitions))
    columns = tuple(chooser.columns(layout.record, layout.record.offset, ""))
    chooser.check_choices()
    avro_names([c.name for c in columns], where=f"{layout.source}: {layout.name}")
    fields = tuple(Field(c.name, c.avro, c.legacy, c.doc, c.classification) for c in columns)
    names = tuple(_key_field(k, columns, layout) for k in key)
    counters = tuple(chooser.counters(layout.record))
    made = Entity(system, entity, fields, names, key_privacy)
    return RecordPlan(made, columns, counters, layout.length)


def find(name: str, layout: Layout, *, where: str) -> Slot:
    """Return the elementary item of a COBOL name, dotted path or Avro name.

    Raises:
        SettingsError: none or several.
    """
    found = [s for s in layout.record.walk() if s.storage and s.item.name and _called(s, name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SettingsError(
            f"{name!r} is {len(found)} items", where=where, fix=f"write {found[0].path!r}, say"
        )
    known = [s.item.name for s in layout.record.walk() if s.storage and s.item.name]
    raise SettingsError(f"no item {name!r} in {layout.name}", where=where, fix=suggestion(name, known))


def suggestion(name: str, known: Sequence[str]) -> str:
    """Return a remedy for an unknown name."""
    close = difflib.get_close_matches(name.upper().replace("_", "-"), known, 1)
    return f"did you mean {close[0]!r}?" if close else f"choose from: {', '.join(known[:12])}"


def _called(slot: Slot, name: str) -> bool:
    wanted = name.upper()
    return wanted in (slot.item.name, slot.path) or wanted == avro_name(slot.item.name)


def _key_field(name: str, columns: Sequence[Column], layout: Layout) -> str:
    wanted = name.upper()
    for column in columns:
        if name == column.name or wanted in (column.legacy, column.path, avro_name(column.legacy)):
            if column.count is not None or column.sentinels:
                raise SettingsError(
                    f"the key field {name!r} may be empty or repeated",
                    where=layout.source, fix="a key is one value in every record",
                )  # fmt: skip
            return column.name
    raise SettingsError(
        f"the key field {name!r} is not in {layout.name}",
        where=layout.source, fix=suggestion(name, [c.legacy for c in columns]),
    )  # fmt: skip


@dataclass(slots=True)
class _Chooser:
    layout: Layout
    marks: Marks
    group: str | None
    redefinitions: tuple[str, ...]
    used: set[str] = field(default_factory=set)

    def columns(self, slot: Slot, base: int, prefix: str) -> Iterator[Column]:
        """Yield the fields below a group, whose enclosing occurrence starts at `base`."""
        for child in self._chosen(slot.children):
            if self._marked(self.marks.drop, child):
                continue
            if child.item.occurs and (child.item.name or child.children):
                yield self._column(child, base, prefix)
            elif child.children:
                yield from self.columns(child, base, f"{prefix}{child.item.name or 'FILLER'}.")
            elif child.item.name:
                yield self._column(child, base, prefix)

    def counters(self, slot: Slot) -> Iterator[Counter]:
        """Yield the DEPENDING ON items of one occurrence of `slot` (not those of tables inside it)."""
        wanted = {s.item.occurs.depending_on for s in self.layout.record.walk() if s.item.occurs}

        def inside(group: Slot) -> Iterator[Counter]:
            for child in group.children:
                if child.storage and child.item.name in wanted and not child.item.occurs:
                    yield Counter(child.item.name, child.offset - slot.offset, child.storage)
                elif not child.item.occurs:
                    yield from inside(child)

        yield from inside(slot)

    def check_choices(self) -> None:
        """Refuse a chosen group that is no item that redefines or is redefined."""
        for name in (*([self.group] if self.group else []), *self.redefinitions):
            if name.upper() not in self.used:
                known = [s.item.name for s in self.layout.record.walk() if s.item.redefines and s.item.name]
                raise SettingsError(
                    f"{name!r} neither redefines an item of {self.layout.name} nor is redefined",
                    where=self.layout.source, fix=suggestion(name, known),
                )  # fmt: skip

    def _chosen(self, children: Sequence[Slot]) -> Iterator[Slot]:
        areas: list[list[Slot]] = []
        by_name: dict[str, list[Slot]] = {}
        for child in children:
            if child.item.redefines is not None:
                area = by_name[child.item.redefines]
                area.append(child)
            else:
                area = [child]
                areas.append(area)
            by_name[child.item.name] = area
        for area in areas:
            if len(area) == 1:
                yield area[0]
                continue
            chosen = [s for s in area if self.group and self._picks(self.group, s)] or area[:1]
            more = [s for s in area if s not in chosen and any(self._picks(r, s) for r in self.redefinitions)]
            yield from (*chosen, *more)

    def _picks(self, name: str, slot: Slot) -> bool:
        wanted = name.upper()
        named = [slot] if slot.item.name else list(slot.walk())
        if any(_called(s, wanted) for s in named if s.item.name):
            self.used.add(wanted)
            return True
        return False

    def _column(self, slot: Slot, base: int, prefix: str) -> Column:
        item = slot.item
        legacy = item.name or "FILLER"
        path = f"{prefix}{legacy}{'[]' if item.occurs else ''}"
        children: tuple[Column, ...] = ()
        date = self._mark(self.marks.dates, slot)
        if date and (slot.storage is None or slot.storage.avro not in ("string", "int", "long")):
            raise SettingsError(
                f"{slot.path} cannot be a date",
                where=self.layout.source,
                fix="name a text or whole number item",
            )
        if slot.children:
            children = tuple(self.columns(slot, slot.offset, f"{path}."))
            avro_names([c.name for c in children], where=f"{self.layout.source}: {slot.path}")
        return Column(
            name=self._mark(self.marks.rename, slot) or avro_name(legacy),
            path=path,
            legacy=legacy,
            offset=slot.offset - base,
            length=slot.length,
            count=slot.count if item.occurs else None,
            counter=item.occurs.depending_on if item.occurs else None,
            storage=slot.storage,
            children=children,
            date=date,
            sentinels=tuple(self._mark(self.marks.sentinels, slot) or ()),
            doc="; ".join(str(c) for c in item.conditions),
            classification=self._mark(self.marks.classification, slot) or "personal",
            counters=tuple(self.counters(slot)) if slot.children else (),
        )

    def _mark(self, marks: Mapping[str, Any], slot: Slot) -> Any:
        if not slot.item.name:
            return None
        return next((value for name, value in marks.items() if _called(slot, name)), None)

    def _marked(self, names: Sequence[str], slot: Slot) -> bool:
        return bool(slot.item.name) and any(_called(slot, name) for name in names)
