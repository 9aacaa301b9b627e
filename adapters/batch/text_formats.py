"""From settings to the reader of a text format: delimited, fixed text, XML or JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from adapters.batch.codepage import CodePage
from adapters.batch.control_spec import HeaderSpec, TrailerSpec, WhenSpec
from adapters.batch.delimited.reader import DelimitedReader
from adapters.batch.delimited.spec import DelimitedSpec
from adapters.batch.fields.assemble import Assembly
from adapters.batch.fields.encoding import Encoding
from adapters.batch.fields.field_plan import FieldMarks, FieldPlan, entity_of, nested, planned
from adapters.batch.fields.field_spec import FieldSpec, NestedFieldSpec, ValueSpec
from adapters.batch.fields.kinds import RecordKind, Role, Test
from adapters.batch.fixedtext.reader import FixedTextReader
from adapters.batch.fixedtext.spec import FixedFieldSpec, FixedTextSpec
from adapters.batch.framing import Scanner
from adapters.batch.framing.scanner import check_options
from adapters.batch.json.reader import JsonReader
from adapters.batch.ledger import Total
from adapters.batch.reader import FormatReader
from adapters.batch.xml.paths import Path as ElementPath
from adapters.batch.xml.reader import XmlReader
from adapters.batch.xml.spec import XmlSpec
from schemas.entity import KeyPrivacy
from schemas.errors import SettingsError

if TYPE_CHECKING:  # FormatSpec holds these settings, so it cannot be imported at run time
    from adapters.batch.format_spec import FormatSpec

_Spec = TypeVar("_Spec", bound=FieldSpec)
#: The layout of files with one kind of record.
_ONLY = ""
Layouts = Mapping[str, tuple[FieldPlan, ...]]
#: Settings that speak of COBOL records, and what says the same of a text format, if anything does.
_COBOL = {
    "copybook": "", "copy_path": "", "record": "", "redefinitions": "", "rename": "", "drop": "",
    "keep_whole": "", "code_pages": "", "code_page": "encoding", "dialect": "", "dialect_options": "",
    "odo": "", "long_records": "long_records", "fillers": "", "groups": "", "check_conditions": "",
    "timestamps": "", "zone": "zone", "ambiguous": "ambiguous",
}  # fmt: skip
#: Settings that some text formats have.
_OF = {
    "framing": ("fixed_text",),
    "frame": ("fixed_text",),
    "record_length": ("fixed_text",),
    "short_records": ("delimited", "fixed_text"),
}
_TABLES = {"delimited": "delimited", "fixed_text": "fixed_text", "xml": "xml", "json_": "json"}


def check_settings(spec: FormatSpec, where: str) -> None:
    """Refuse settings that were given and that the format would not heed.

    Raises:
        SettingsError: such a setting; a setting that is ignored is a promise that nobody keeps.
    """
    given, kind = spec.model_fields_set, spec.format
    for field, table in _TABLES.items():
        if field in given and getattr(spec, field) is not None and table != kind:
            raise SettingsError(
                f"the table [{table}] is given, the format is {kind}",
                where=where,
                fix=f"set format = '{table}', or delete the table",
            )
    if kind == "copybook":
        return
    own = type(getattr(spec, _field_of(kind)))
    for name, instead in _COBOL.items():
        if name in given:
            there = instead in getattr(own, "model_fields", ())
            raise SettingsError(
                f"{name} is for COBOL records, the format is {kind}",
                where=where,
                fix=f"set {kind}.{instead} instead"
                if there
                else f"delete it; the fields are declared in [{kind}]",
            )
    for name, formats in _OF.items():
        if name in given and kind not in formats:
            raise SettingsError(f"{name} has no meaning, the format is {kind}", where=where, fix="delete it")


def text_reader(spec: FormatSpec, where: str, *, system: str, key_privacy: KeyPrivacy) -> FormatReader:
    """Return the reader of a text format.

    Raises:
        SettingsError: a setting is missing, unknown, or of another format.
    """
    table = getattr(spec, _field_of(spec.format))
    if table is None:
        raise SettingsError(
            f"the table [{spec.format}] is missing", where=where, fix=f"declare its fields in [{spec.format}]"
        )
    made = _Kinds(spec, table, where, system, key_privacy)
    if isinstance(table, DelimitedSpec):
        return _delimited(made, table)
    if isinstance(table, FixedTextSpec):
        return _fixed(made, table)
    if isinstance(table, XmlSpec):
        return _xml(made, table)
    return JsonReader(table, made.kinds({_ONLY: made.nested(table.fields, "json.fields")}))


def _field_of(kind: str) -> str:
    return next(field for field, table in _TABLES.items() if table == kind)


def _delimited(made: _Kinds, table: DelimitedSpec) -> DelimitedReader:
    encoding = Encoding.named(table.encoding, where=f"{made.where}: delimited.encoding")
    layouts = {
        name: tuple(_numbered(made.planned(fields, f"delimited.{name or 'fields'}"), table, made.where))
        for name, fields in _declared(table.fields, table.layouts, "delimited", made.where)
    }
    everything = tuple(field for fields in layouts.values() for field in fields)
    reader = DelimitedReader(
        table,
        encoding,
        made.kinds(layouts, table.leave_out),
        everything,
        made.spec.short_records == "null",
        made.where,
    )
    if encoding.name != "utf-16":
        reader.notation(encoding)
    return reader


def _fixed(made: _Kinds, table: FixedTextSpec) -> FixedTextReader:
    spec = made.spec
    encoding = Encoding.named(table.encoding, where=f"{made.where}: fixed_text.encoding")
    if encoding.size > 1:
        raise SettingsError(
            f"fixed text cannot be in {encoding.name}",
            where=f"{made.where}: fixed_text.encoding",
            fix="use utf-8 or a single-byte page, or read it as delimited with a delimiter that is not there",
        )
    framing = spec.framing if "framing" in spec.model_fields_set else "lines"
    if framing in ("length_field", "length_map", "header"):
        raise SettingsError(
            f"framing = {framing!r} is for COBOL records",
            where=made.where,
            fix="use lines, fixed, rdw, bdw or vbs",
        )
    layouts = {
        name: tuple(_placed(made.planned(fields, f"fixed_text.{name or 'fields'}"), fields))
        for name, fields in _declared(table.fields, table.layouts, "fixed_text", made.where)
    }
    ends = [f.source[1] for fields in layouts.values() for f in fields if isinstance(f.source, tuple)]
    length = max(ends)
    if spec.record_length is not None:
        if spec.record_length < length:
            raise SettingsError(
                f"record_length is {spec.record_length}, the last field ends at {length}",
                where=made.where,
                fix="is a field's place wrong?",
            )
        length = spec.record_length
    check_options(framing, spec.frame, made.where)
    widest = 4 if encoding.page is None and framing == "lines" else 1
    page = encoding.page or CodePage.named("ascii")
    scanner = Scanner(framing, spec.frame, length * widest, page)
    kinds = made.kinds(layouts, table.leave_out)
    return FixedTextReader(encoding, scanner, kinds, length, spec.short_records == "null")


def _xml(made: _Kinds, table: XmlSpec) -> XmlReader:
    fields = made.nested(table.fields, "xml.fields")
    paths: dict[str, ElementPath] = {}

    def collect(plans: Sequence[FieldPlan]) -> None:
        for plan in plans:
            where = f"{made.where}: xml.fields: {plan.legacy}"
            paths[str(plan.source)] = ElementPath.parse(str(plan.source), table.namespaces, where)
            collect(plan.children)

    collect(fields)
    records = ElementPath.parse(table.records, table.namespaces, f"{made.where}: xml.records")
    if records.attribute is not None or not records.steps:
        raise SettingsError(
            f"{table.records!r} names no elements",
            where=f"{made.where}: xml.records",
            fix="write /a/b or //b",
        )
    return XmlReader(table, made.kinds({_ONLY: fields}), records, paths)


def _placed(fields: Sequence[FieldPlan], specs: Sequence[FixedFieldSpec]) -> Iterator[FieldPlan]:
    """Yield the fields with their places; one without a start follows the one before."""
    behind = 0
    for field, spec in zip(fields, specs, strict=True):
        start = behind if spec.start is None else spec.start - 1
        behind = spec.end if spec.end is not None else start + (spec.length or 0)
        yield dataclasses.replace(field, source=(start, behind))


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
    fields: Sequence[_Spec], layouts: Mapping[str, Sequence[_Spec]], table: str, where: str
) -> list[tuple[str, Sequence[_Spec]]]:
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
        return [planned(field, self.values, self._marks, f"{self.where}: {table}") for field in fields]

    @property
    def _marks(self) -> FieldMarks:
        spec = self.spec
        return FieldMarks(
            spec.dates,
            spec.sentinels,
            spec.classification,
            spec.century_pivot,
            spec.trim or "padding",
            self.where,
        )

    def nested(self, fields: Sequence[NestedFieldSpec], table: str) -> tuple[FieldPlan, ...]:
        """Return the plans of the fields of a document."""
        return tuple(nested(field, self.values, self._marks, f"{self.where}: {table}") for field in fields)

    def kinds(self, layouts: Layouts, leave_out: Sequence[WhenSpec] = ()) -> tuple[RecordKind, ...]:
        """Return the kinds: header and trailer first, then those that are left out, then those of entities.

        Raises:
            SettingsError: a name that is no field or layout.
        """
        spec = self.spec
        self._check_names(layouts)
        self._check_controls()
        found: list[RecordKind] = []
        roles: tuple[tuple[Role, HeaderSpec | TrailerSpec | None], ...]
        roles = (("header", spec.header), ("trailer", spec.trailer))
        for role, control in roles:
            if control is not None:
                totals = self._totals(control, role, layouts)
                named = control.sequence if isinstance(control, HeaderSpec) else None
                number = None if named is None else self._number(named, self._own(layouts))
                found.append(RecordKind(role, self._test(control.when, layouts), None, totals, number))
        found += [RecordKind("left_out", self._test(when, layouts)) for when in leave_out]
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
        default = self.spec.bad_value_default or "reject"
        policy = Assembly.of(made, fields, self.spec.bad_values, default, self.where)
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

    def _totals(
        self, control: HeaderSpec | TrailerSpec, table: str, layouts: Layouts
    ) -> tuple[tuple[FieldPlan, Total], ...]:
        """Return what a header or trailer promises; its own fields are in a layout that no entity has."""
        own = self._own(layouts)
        entities = self._entities(layouts)
        found: list[tuple[FieldPlan, Total]] = []
        if control.count is not None:
            whose = None if control.counts == "all" else frozenset(entities)
            field = self._number(control.count, own)
            found.append((field, Total(field.legacy, "count", whose)))
        for spec in control.totals:
            where = f"{self.where}: {table}.totals"
            chosen = (spec.of,) if isinstance(spec.of, str) else spec.of
            if unknown := [name for name in chosen or () if name not in entities]:
                raise SettingsError(
                    f"no entity {unknown[0]!r}", where=where, fix=f"choose from: {', '.join(entities)}"
                )
            field, over = self._number(spec.field, own), spec.sum or spec.hash
            if over is None:
                found.append((field, Total(field.legacy, "count", frozenset(chosen or entities))))
                continue
            columns = {
                name: one
                for name in chosen or entities
                for one in entities[name]
                if over in (one.legacy, one.name)
            }
            kinds = {(one.name, one.kind.scale) for one in columns.values() if one.kind is not None}
            numeric = all(one.kind and one.kind.kind in ("integer", "decimal") for one in columns.values())
            if (
                not columns
                or len(kinds) > 1
                or (spec.sum and not numeric)
                or (chosen and len(columns) < len(chosen))
            ):
                raise SettingsError(
                    f"{over!r} is no field of {', '.join(chosen or entities)} that can be totalled",
                    where=where,
                    fix="name an integer or decimal field; where it differs between entities, use `of`",
                )
            name, scale = kinds.pop()
            digits = spec.digits or min(field.kind.digits if field.kind else 18, 18)
            total = Total(
                field.legacy, "sum" if spec.sum else "hash", frozenset(columns), name, scale, digits
            )
            found.append((field, total))
        return tuple(found)

    def _own(self, layouts: Layouts) -> Layouts:
        """Return the layouts that no entity has: those of control records."""
        details = {record.group or _ONLY for record in self.spec.records} | {self.spec.group or _ONLY}
        return {n: f for n, f in layouts.items() if n not in details} or layouts

    def _entities(self, layouts: Layouts) -> dict[str, tuple[FieldPlan, ...]]:
        """Return the fields of each entity."""
        found = {record.entity: self._layout(record.group, layouts) for record in self.spec.records}
        if self.spec.entity is not None:
            found[self.spec.entity] = self._layout(self.spec.group, layouts)
        return found

    def _number(self, name: str, layouts: Layouts) -> FieldPlan:
        field = self._field(name, layouts)
        if field.kind is None or field.kind.kind not in ("integer", "decimal"):
            raise SettingsError(
                f"the total {name!r} is no number",
                where=self.where,
                fix="declare its type as integer or decimal",
            )
        return field

    def _check_controls(self) -> None:
        """Refuse what only files of COBOL records have, and a number that nobody asks for."""
        spec = self.spec
        header = spec.header.model_fields_set if spec.header else set()
        # Only an adapter has files in a sequence.
        numbered = getattr(spec, "sequence_from", "name") == "header"
        for name, given in (
            ("batch", spec.batch),
            ("parent", next((r.parent for r in spec.records if r.parent), None)),
            ("parent_prefix", any(r.parent_prefix for r in spec.records)),
            ("records.redefinitions", any(r.redefinitions for r in spec.records)),
            *((f"header.{n}", n in header) for n in ("date", "date_format", "in_name")),
            ("header.sequence", "sequence" in header and not numbered),
        ):
            if given:
                raise SettingsError(
                    f"{name} is for COBOL records, the format is {spec.format}",
                    where=self.where,
                    fix="set sequence_from = 'header'"
                    if name == "header.sequence"
                    else "delete it, or describe the file by a copybook",
                )

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
