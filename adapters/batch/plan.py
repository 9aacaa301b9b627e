"""Which items of a record become which fields of an entity: the plan that decoder and schema share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from adapters.batch.chooser import Chooser, Fillers, Groups
from adapters.batch.columns import UNMARKED, Column, Counter, Marks, RecordPlan, ShortRecords
from adapters.batch.copybook import Layout
from adapters.batch.items import find, suggestion
from adapters.batch.keyless import KeylessEntity
from schemas.entity import Entity, Field, KeyPrivacy
from schemas.errors import SettingsError
from schemas.names import avro_name, avro_names

__all__ = ["Column", "Counter", "Marks", "RecordPlan", "find", "plan", "suggestion"]


def plan(
    layout: Layout,
    *,
    system: str,
    entity: str,
    key: Sequence[str],
    marks: Marks = UNMARKED,
    group: str | None = None,
    redefinitions: Iterable[str] = (),
    key_privacy: KeyPrivacy = "plain",
    fillers: Fillers = "drop",
    groups: Groups = "flat",
    short_records: ShortRecords = "reject",
) -> RecordPlan:
    """Return the plan of one entity.

    Groups are flat: their items become fields, the group itself does not; with `groups="nested"` each is a
    record in its place. FILLERs are dropped; with `fillers="name"` those with a value are FILLER_1, FILLER_2
    and so on, counted over the whole record. Of items that redefine each other the first counts, unless
    `group` chooses another; `redefinitions` adds more.

    Raises:
        SettingsError: a key or group that is no item, two items with one Avro name, or a policy for bad
            values that the item cannot have.
    """
    chooser = Chooser(layout, marks, group, tuple(redefinitions), tuple(key), fillers, groups)
    columns = (*chooser.columns(layout.record, layout.record.offset, ""), *chooser.renames())
    chooser.check_choices()
    avro_names([c.name for c in columns], where=f"{layout.source}: {layout.name}")
    fields = tuple(Field(c.name, c.avro, c.legacy, c.doc, c.classification) for c in columns)
    names = tuple(_key_field(k, columns, layout) for k in key)
    counters = tuple(chooser.counters(layout.record))
    kind = Entity if names else KeylessEntity
    made = kind(system, entity, fields, names, key_privacy)
    return RecordPlan(made, columns, counters, layout.length, short_records, marks)


def _key_field(name: str, columns: Sequence[Column], layout: Layout) -> str:
    wanted = name.upper()
    for column in columns:
        if name == column.name or wanted in (column.legacy, column.path, avro_name(column.legacy)):
            if column.count is not None or column.children or column.sentinels:
                raise SettingsError(
                    f"the key field {name!r} may be empty or repeated",
                    where=layout.source, fix="a key is one value in every record",
                )  # fmt: skip
            if column.bad in ("null", "raw"):
                raise SettingsError(
                    f"bad_values: {name!r} is a key field and cannot be null",
                    where=layout.source, fix='leave it at "reject", or write "fail"',
                )  # fmt: skip
            return column.name
    raise SettingsError(
        f"the key field {name!r} is not in {layout.name}",
        where=layout.source, fix=suggestion(name, [c.legacy for c in columns]),
    )  # fmt: skip
