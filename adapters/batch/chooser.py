"""Which items become columns: redefinitions, FILLERs, groups, RENAMES and what settings say of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from adapters.batch.columns import BadValues, Column, Counter, Marks
from adapters.batch.copybook import Layout, Slot, Storage
from adapters.batch.items import called, suggestion
from adapters.batch.moments import ISO
from schemas.errors import SettingsError
from schemas.names import avro_name, avro_names

Fillers = Literal["drop", "name"]
Groups = Literal["flat", "nested"]


@dataclass(slots=True)
class Chooser:
    """Yields the columns of one entity from a layout, and remembers which choices found an item.

    Attributes:
        layout: the record.
        marks: what settings say about items.
        group: the redefinition that stands for its area.
        redefinitions: those that are read beside it.
        key: names of the key fields; a default for bad values is not theirs.
        fillers: whether FILLERs with a value are read.
        groups: whether a group that does not occur is a record of its own.
    """

    layout: Layout
    marks: Marks
    group: str | None
    redefinitions: tuple[str, ...]
    key: tuple[str, ...] = ()
    fillers: Fillers = "drop"
    groups: Groups = "flat"
    used: set[str] = field(default_factory=set)
    names: dict[int, str] = field(init=False)

    def __post_init__(self) -> None:
        self.names = filler_names(self.layout) if self.fillers == "name" else {}
        known = [s.item.name for s in self.layout.record.walk() if s.children and s.item.name]
        known += [alias.item.name for alias in self.layout.aliases]
        for name in self.marks.keep_whole:
            if not any(name.upper().rpartition(".")[2] in (n, avro_name(n)) for n in known):
                raise SettingsError(
                    f"keep_whole: {name!r} is no group of {self.layout.name}",
                    where=self.layout.source, fix=suggestion(name, known),
                )  # fmt: skip

    def columns(self, slot: Slot, base: int, prefix: str) -> Iterator[Column]:
        """Yield the fields below a group, whose enclosing occurrence starts at `base`."""
        for child in self._chosen(slot.children):
            if self._marked(self.marks.drop, child):
                continue
            name = child.item.name or self.names.get(id(child), "")
            nested = self.groups == "nested" and child.item.name
            if child.children and (child.item.occurs or nested):
                yield from self._kept(self._column(child, base, prefix))
            elif child.children:
                yield from self.columns(child, base, f"{prefix}{child.item.name or 'FILLER'}.")
            elif name:
                yield from self._kept(self._column(child, base, prefix))
            if child.children and self._marked(self.marks.keep_whole, child):
                yield self._whole(child, base, prefix)

    def renames(self) -> Iterator[Column]:
        """Yield the level-66 items that settings ask for."""
        for alias in self.layout.aliases:
            if self._marked(self.marks.keep_whole, alias):
                yield self._column(alias, self.layout.record.offset, "")

    def counters(self, slot: Slot) -> Iterator[Counter]:
        """Yield the DEPENDING ON items of one occurrence of `slot` (not those of tables inside it)."""
        wanted = {s.counter for s in self.layout.record.walk() if s.counter}

        def inside(group: Slot) -> Iterator[Counter]:
            for child in self._chosen(group.children):
                if child.storage and child.path in wanted and not child.item.occurs:
                    page = self._mark(self.marks.code_pages, child)
                    yield Counter(child.path, child.offset - slot.offset, child.storage, page)
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
        if any(called(s, wanted) for s in named if s.item.name):
            self.used.add(wanted)
            return True
        return False

    def _column(self, slot: Slot, base: int, prefix: str) -> Column:
        item = slot.item
        legacy = item.name or self.names.get(id(slot), "FILLER")
        path = f"{prefix}{legacy}{'[]' if item.occurs else ''}"
        children: tuple[Column, ...] = ()
        date, moment = self._mark(self.marks.dates, slot), self._mark(self.marks.moments, slot)
        if date:
            self._check_form(slot, date.text, "a date", 18)
        if moment:
            self._check_form(slot, moment.text, "a time stamp", 38)
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
            counter=slot.counter,
            storage=slot.storage,
            children=children,
            date=date,
            moment=moment,
            sentinels=tuple(self._mark(self.marks.sentinels, slot) or ()),
            doc="; ".join(str(c) for c in item.conditions),
            classification=self._mark(self.marks.classification, slot) or "personal",
            counters=tuple(self.counters(slot)) if slot.children and item.occurs else (),
            page=self._mark(self.marks.code_pages, slot),
            bad=self._bad_values(slot),
            named=self._named(slot),
        )

    def _check_form(self, slot: Slot, form: str, what: str, digits: int) -> None:
        """Refuse a date or time stamp in an item that cannot hold one of its form.

        Raises:
            SettingsError: it cannot.
        """
        storage = slot.storage
        whole = storage is not None and not storage.is_text and storage.scale <= 0
        if storage is None or storage.kind in ("hex", "hexfloat", "ieee") or not (whole or storage.is_text):
            fix = "name a text or whole number item"
        elif whole and ("mmm" in form or not re.fullmatch("([ymdhsf]|mi)+", form)):
            fix = f"a number holds digits alone, and {form!r} says more"
        elif whole and storage.precision > digits:
            fix = f"a number has at most {digits} digits here"
        elif storage.is_text and storage.length // (2 if storage.kind == "national" else 1) < _shortest(form):
            fix = f"{form!r} is longer than it"
        else:
            return
        raise SettingsError(f"{slot.path} cannot be {what}", where=self.layout.source, fix=fix)

    def _whole(self, slot: Slot, base: int, prefix: str) -> Column:
        """Return a group as one text; its name gets `_whole` where the group is a field itself."""
        plain = replace(slot, storage=Storage("text", slot.length), children=())
        made = self._column(plain, base, prefix)
        if slot.item.occurs or self.groups == "nested":
            return replace(made, name=f"{made.name}_whole")
        return made

    def _kept(self, column: Column) -> Iterator[Column]:
        """Yield a column, and after it the one of its bad bytes where settings ask for it."""
        if column.storage is None and not column.children:
            return  # a group of FILLERs
        yield column
        if column.bad == "raw":
            yield replace(column, name=f"{column.name}_raw", raw=True, doc="", sentinels=column.sentinels)

    def _named(self, slot: Slot) -> tuple[tuple[str, str | None], ...]:
        """Return the ranges that level 88 gives an item, where they are to be checked."""
        names = self.marks.check_conditions
        asked = self._marked(names, slot)
        if slot.storage is None or not ("*" in names or asked):
            return ()
        if slot.storage.avro == "string" and slot.storage.kind != "text":
            if not asked:
                return ()
            raise SettingsError(
                f"check_conditions: {slot.path} is {slot.storage.kind}, whose conditions cannot be checked",
                where=self.layout.source, fix="take it out of check_conditions",
            )  # fmt: skip
        return tuple(ends for condition in slot.item.conditions for ends in condition.values)

    def _bad_values(self, slot: Slot) -> BadValues:
        said: BadValues | None = self._mark(self.marks.bad_values, slot)
        if said == "raw" and slot.storage is None:
            raise SettingsError(
                f"bad_values: {slot.path} is a table and has no bytes of its own to keep",
                where=self.layout.source, fix="name a field inside it",
            )  # fmt: skip
        if said is not None:
            return said
        if any(called(slot, name) for name in self.key):
            return "reject"
        default = self.marks.bad_default
        return "null" if default == "raw" and slot.storage is None else default

    def _mark(self, marks: Mapping[str, Any], slot: Slot) -> Any:
        if not slot.item.name:
            return None
        return next((value for name, value in marks.items() if called(slot, name)), None)

    def _marked(self, names: Sequence[str], slot: Slot) -> bool:
        return bool(slot.item.name) and any(called(slot, name) for name in names)


def filler_names(layout: Layout) -> dict[int, str]:
    """Return FILLER_1, FILLER_2… by the `id` of each FILLER that holds a value, in the copybook's order."""
    unnamed = [s for s in layout.record.walk() if s.storage and not s.item.name]
    return {id(slot): f"FILLER_{number}" for number, slot in enumerate(unnamed, 1)}


def _shortest(form: str) -> int:
    """Return the characters that a text of this form has at least."""
    return len("yyyy-mm-ddThh:mi") if form == ISO else len(form.replace("zz", "z"))
