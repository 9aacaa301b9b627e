"""From settings to the reader of a text format: delimited, fixed text, XML or JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.batch.delimited.reader import DelimitedReader
from adapters.batch.delimited.spec import DelimitedSpec
from adapters.batch.fields.assemble import Assembly
from adapters.batch.fields.encoding import Encoding
from adapters.batch.fields.field_plan import FieldMarks, FieldPlan, entity_of, planned
from adapters.batch.fields.field_spec import FieldSpec, ValueSpec
from adapters.batch.fields.kinds import RecordKind, Test, Total
from adapters.batch.reader import Reader
from schemas.entity import KeyPrivacy
from schemas.errors import SettingsError

if TYPE_CHECKING:  # FormatSpec holds these settings, so it cannot be imported at run time
    from adapters.batch.format_spec import FormatSpec, TrailerSpec, WhenSpec

#: The layout of files with one kind of record.
_ONLY = ""
Layouts = Mapping[str, tuple[FieldPlan, ...]]
#: Settings that speak of COBOL records.
_COBOL = ("copybook", "copy_path", "record", "redefinitions", "rename", "drop", "keep_whole", "code_pages")


def text_reader(spec: FormatSpec, folder: Path, *, system: str, key_privacy: KeyPrivacy) -> Reader:
    """Return the reader of a text format.

    Raises:
        SettingsError: a setting is missing, unknown, or of another format.
    """
    where = f"{folder / 'adapter.toml'}"
    for name in _COBOL:
        if getattr(spec, name):
            raise SettingsError(
                f"{name} is for COBOL records, the format is {spec.format}",
                where=where,
                fix=f"delete it; the fields are declared in [{spec.format}]",
            )
    table = getattr(spec, spec.format)
    if table is None:
        raise SettingsError(
            f"the table [{spec.format}] is missing", where=where, fix=f"declare its fields in [{spec.format}]"
        )
    made = _Kinds(spec, table, where, system, key_privacy)
    if isinstance(table, DelimitedSpec):
        return _delimited(made, table)
    raise SettingsError(f"format = {spec.format!r} is not known", where=where, fix="use delimited")


def _delimited(made: _Kinds, table: DelimitedSpec) -> DelimitedReader:
    encoding = Encoding.named(table.encoding, where=f"{made.where}: delimited.encoding")
    layouts = {
        name: tuple(_numbered(made.planned(fields, f"delimited.{name or 'fields'}"), table, made.where))
        for name, fields in _declared(table.fields, table.layouts, "delimited", made.where)
    }
    everything = tuple(field for fields in layouts.values() for field in fields)
    reader = DelimitedReader(
        table, encoding, made.kinds(layouts), everything, made.spec.short_records == "null", made.where
    )
    if encoding.name != "utf-16":
        reader.notation(encoding)
    return reader


def _numbered(fields: Sequence[FieldPlan], table: DelimitedSpec, where: str) -> Iterator[FieldPlan]:
    """Yield the fields; without a header the place of each is its number."""
    for at, field in enumerate(fields, 1):
        if table.header:
            yield field
        elif isinstance(field.source, int):
            if field.source < 1:
                raise SettingsError(
                    "columns count from 1", where=f"{where}: {field.legacy}", fix="say from = 1"
                )
            yield field
        elif field.source != field.legacy:
            raise SettingsError(
                f"from = {field.source!r} names a column, and the file has no header",
                where=f"{where}: {field.legacy}",
                fix="give the column's number",
            )
        else:
            yield dataclasses.replace(field, source=at)


def _declared(
    fields: Sequence[FieldSpec], layouts: Mapping[str, Sequence[FieldSpec]], table: str, where: str
) -> list[tuple[str, Sequence[FieldSpec]]]:
    """Return the layouts by name; a file with one kind of record has one without a name."""
    if bool(fields) == bool(layouts):
        raise SettingsError(
            f"[{table}] needs either fields or layouts",
            where=where,
            fix=f"list them in [[{table}.fields]], or in [{table}.layouts] for several kinds of records",
        )
    return list(layouts.items()) if layouts else [(_ONLY, fields)]


@dataclasses.dataclass(frozen=True, slots=True)
class _Kinds:
    """Makes the kinds of records that settings describe."""

    spec: FormatSpec
    values: ValueSpec
    where: str
    system: str
    key_privacy: KeyPrivacy

    def planned(self, fields: Sequence[FieldSpec], table: str) -> list[FieldPlan]:
        """Return the plans of declared fields."""
        spec = self.spec
        marks = FieldMarks(
            spec.dates, spec.sentinels, spec.classification, spec.century_pivot, spec.trim, self.where
        )
        return [planned(field, self.values, marks, f"{self.where}: {table}") for field in fields]

    def kinds(self, layouts: Layouts) -> tuple[RecordKind, ...]:
        """Return the kinds: header and trailer first, then those of entities.

        Raises:
            SettingsError: a name that is no field or layout.
        """
        spec = self.spec
        self._check_names(layouts)
        found: list[RecordKind] = []
        if spec.header is not None:
            found.append(RecordKind("header", self._test(spec.header.when, layouts)))
        details = {record.group or _ONLY for record in spec.records}
        if spec.trailer is not None:
            totals = self._totals(spec.trailer, {n: f for n, f in layouts.items() if n not in details})
            found.append(RecordKind("trailer", self._test(spec.trailer.when, layouts), None, totals))
        for record in spec.records:
            fields = self._layout(record.group, layouts)
            test = self._test(record.when, {record.group or _ONLY: fields})
            found.append(self._detail(record.entity, record.key, fields, test))
        if spec.entity is not None:
            found.append(self._detail(spec.entity, spec.key, self._layout(spec.group, layouts), None))
        names = [kind.assembly.entity.name for kind in found if kind.assembly is not None]
        if len(names) > len(set(names)):
            raise SettingsError(
                "two kinds of records have one entity name", where=self.where, fix="rename one"
            )
        return tuple(found)

    def _detail(
        self, entity: str, key: Sequence[str], fields: tuple[FieldPlan, ...], test: Test | None
    ) -> RecordKind:
        made = entity_of(
            fields, system=self.system, name=entity, key=key, key_privacy=self.key_privacy, where=self.where
        )
        policy = Assembly.of(made, fields, self.spec.bad_values, self.spec.bad_value_default, self.where)
        return RecordKind("detail", test, policy)

    def _layout(self, group: str | None, layouts: Layouts) -> tuple[FieldPlan, ...]:
        if group is None and len(layouts) == 1:
            return next(iter(layouts.values()))
        if group is None or group not in layouts:
            raise SettingsError(
                f"there is no layout {group!r}" if group else "the record type names no layout",
                where=self.where,
                fix=f"set group to one of: {', '.join(layouts) or 'none is declared'}",
            )
        return layouts[group]

    def _field(self, name: str, layouts: Layouts) -> FieldPlan:
        """Return the field of a name; in several layouts it must stand at the same place."""
        found = {f.source: f for fields in layouts.values() for f in fields if name in (f.legacy, f.name)}
        if len(found) == 1:
            return next(iter(found.values()))
        known = dict.fromkeys(f.legacy for fields in layouts.values() for f in fields)
        raise SettingsError(
            f"{name!r} stands at {len(found)} places" if found else f"no field {name!r}",
            where=self.where,
            fix="give them different names" if found else f"choose from: {', '.join(list(known)[:12])}",
        )

    def _test(self, when: WhenSpec, layouts: Layouts) -> Test:
        texts = when.equals if isinstance(when.equals, tuple) else (when.equals,)
        return Test(self._field(when.field, layouts), tuple(str(text).strip() for text in texts))

    def _totals(self, trailer: TrailerSpec, layouts: Layouts) -> tuple[Total, ...]:
        if trailer.count is None:
            return ()
        everything = trailer.counts == "all"
        entities = [r.entity for r in self.spec.records] + [self.spec.entity or ""]
        whose = None if everything else frozenset(e for e in entities if e)
        return (Total(self._number(trailer.count, layouts), whose),)

    def _number(self, name: str, layouts: Layouts) -> FieldPlan:
        field = self._field(name, layouts)
        if field.kind is None or field.kind.kind not in ("integer", "decimal"):
            raise SettingsError(
                f"the total {name!r} is no number",
                where=self.where,
                fix="declare its type as integer or decimal",
            )
        return field

    def _check_names(self, layouts: Layouts) -> None:
        """Refuse tables that speak of fields that are not there."""
        known = {name for fields in layouts.values() for f in fields for name in (f.legacy, f.name)}
        for table in ("dates", "sentinels", "classification", "bad_values"):
            for name in getattr(self.spec, table):
                if name not in known:
                    raise SettingsError(
                        f"{table}: {name!r} is no field",
                        where=self.where,
                        fix=f"choose from: {', '.join(sorted(known)[:12])}",
                    )
