"""Declared fields made ready: names, types, and the entity that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapters.batch.dates import DateFormat
from adapters.batch.fields.field_spec import FieldSpec, NestedFieldSpec, ValueSpec
from adapters.batch.fields.value_type import ValueType, declared
from adapters.batch.keyless import KeylessEntity
from adapters.batch.moments import MomentFormat
from adapters.batch.reference import Trim
from schemas.entity import AvroType, Entity, Field, KeyPrivacy
from schemas.errors import SettingsError
from schemas.names import avro_name, avro_names


@dataclass(frozen=True, slots=True)
class FieldMarks:
    """What the adapter's tables say about fields by name, as they do for copybooks.

    Attributes:
        dates: forms of dates.
        sentinels: texts that mean nothing, beside the file's null texts.
        classification: personal-data class.
        pivot: two-digit years below it are 20yy.
        trim: what is cut from texts.
        where: the settings file, for errors.
    """

    dates: Mapping[str, str]
    sentinels: Mapping[str, Sequence[str]]
    classification: Mapping[str, str]
    pivot: int | None = None
    trim: Trim = "padding"
    where: str = ""


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """One field, ready to be read.

    Attributes:
        name: Avro name.
        legacy: the name as declared.
        source: where its text stands: a name, a number from 1, a path, or first and last (excluded) place.
        kind: its type; None for a record.
        many: it repeats: an array.
        children: fields of a record.
        doc: what it means.
        classification: personal-data class.
    """

    name: str
    legacy: str
    source: str | int | tuple[int, int]
    kind: ValueType | None
    many: bool = False
    children: tuple[FieldPlan, ...] = ()
    doc: str = ""
    classification: str = "personal"

    def element(self, path: str) -> AvroType:
        """Return the Avro type of one occurrence."""
        if self.kind is not None:
            return self.kind.avro
        fields = [child.nested(path) for child in self.children]
        return {"type": "record", "name": f"{path}_item" if self.many else f"{path}_record", "fields": fields}

    def avro(self, parent: str = "") -> AvroType:
        """Return the Avro type, without the null branch; `parent` keeps names of records apart."""
        path = f"{parent}_{self.name}" if parent else self.name
        element = self.element(path)
        return {"type": "array", "items": ["null", element]} if self.many else element

    def nested(self, parent: str) -> dict[str, Any]:
        """Return this field as a field of a nested Avro record."""
        out: dict[str, Any] = {"name": self.name, "type": ["null", self.avro(parent)], "default": None}
        if self.doc:
            out["doc"] = self.doc
        if self.legacy != self.name:
            out["legacy.name"] = self.legacy
        return out | {"classification": self.classification}


def planned(spec: FieldSpec, values: ValueSpec, marks: FieldMarks, where: str) -> FieldPlan:
    """Return the plan of one field without children.

    Raises:
        SettingsError: no such type, a form that does not fit, or one thing said in two places.
    """
    where = f"{where}: {spec.name}"
    date = _one("dates", spec.format, marks.dates.get(spec.name), where)
    secret = _one("classification", spec.classification, marks.classification.get(spec.name), where)
    kind, digits, scale = declared(spec.type, where=where)
    if spec.format is not None and kind not in ("date", "timestamp"):
        raise SettingsError(
            f"a field of type {spec.type} has no format", where=where, fix="make it a date or timestamp"
        )
    if len({values.decimal, values.grouping}) == 1 or values.decimal in "0123456789+-eE":
        raise SettingsError(
            f"decimal = {values.decimal!r} cannot be the decimal mark",
            where=where,
            fix="give decimal and grouping marks that differ and are no digits",
        )
    if spec.implied_decimals and kind != "decimal":
        raise SettingsError(
            f"a field of type {spec.type} has no implied decimals",
            where=where,
            fix="make it decimal(11,2), say",
        )
    day = moment = None
    if kind == "date":
        form = date or values.date_format
        day = DateFormat.parse(form, marks.pivot, where=where, months=values.month_names, loose=True)
    if kind == "timestamp":
        moment = MomentFormat.parse(
            date or values.timestamp_format, marks.pivot, spec.zone or values.zone,
            where=where, ambiguous=values.ambiguous, months=values.month_names,
        )  # fmt: skip
        digits = digits or (6 if moment.fine else 3)
    made = ValueType(
        kind, digits, scale,
        null=(*(values.null if spec.null is None else spec.null), *_nothing(spec, marks, where)),
        trim=marks.trim, decimal=values.decimal, grouping=values.grouping,
        true=_lower(values.true if spec.true is None else spec.true),
        false=_lower(values.false if spec.false is None else spec.false),
        date=day, moment=moment, implied=spec.implied_decimals,
    )  # fmt: skip
    return FieldPlan(
        avro_name(spec.name), spec.name, spec.name if spec.source is None else spec.source, made,
        doc=spec.doc, classification=secret or "personal",
    )  # fmt: skip


def nested(spec: NestedFieldSpec, values: ValueSpec, marks: FieldMarks, where: str) -> FieldPlan:
    """Return the plan of a field that may repeat and may have fields of its own.

    Raises:
        SettingsError: as `planned`.
    """
    if not spec.fields:
        return replace(planned(spec, values, marks, where), many=spec.many)
    where = f"{where}: {spec.name}"
    children = tuple(nested(child, values, marks, where) for child in spec.fields)
    avro_names([child.legacy for child in children], where=where)
    secret = _one("classification", spec.classification, marks.classification.get(spec.name), where)
    return FieldPlan(
        avro_name(spec.name), spec.name, spec.name if spec.source is None else spec.source, None,
        spec.many, children, spec.doc, secret or "personal",
    )  # fmt: skip


def entity_of(
    fields: Sequence[FieldPlan],
    *,
    system: str,
    name: str,
    key: Sequence[str],
    key_privacy: KeyPrivacy,
    where: str,
) -> Entity:
    """Return the entity that declared fields make.

    Raises:
        SettingsError: two fields of one Avro name, or a key that is no field or repeats.
    """
    avro_names([field.legacy for field in fields], where=where)
    by_name = {n: f for f in fields for n in (f.legacy, f.name)}
    for one in key:
        if one not in by_name:
            raise SettingsError(
                f"the key field {one!r} is none of {name}'s fields",
                where=where,
                fix=f"choose from: {', '.join([f.legacy for f in fields][:12])}",
            )
        if by_name[one].many or by_name[one].kind is None:
            raise SettingsError(
                f"the key field {one!r} is a list or a record", where=where, fix="a key is single values"
            )
    made = tuple(Field(f.name, f.avro(), f.legacy, f.doc, f.classification) for f in fields)
    kind = Entity if key else KeylessEntity
    return kind(system, name, made, tuple(by_name[k].name for k in key), key_privacy)


def _one(table: str, own: str | None, other: str | None, where: str) -> str | None:
    if own is not None and other is not None:
        raise SettingsError(
            f"the field and the table [{table}] both say it", where=where, fix="say it in one place"
        )
    return own if own is not None else other


def _nothing(spec: FieldSpec, marks: FieldMarks, where: str) -> list[str]:
    """Return the field's sentinels as texts; blanks and NULs around a text are cut before it is compared."""
    found = list(marks.sentinels.get(spec.name, ()))
    if "HIGH-VALUES" in found:
        raise SettingsError(
            "HIGH-VALUES is for items of COBOL records", where=where, fix="give the text that means nothing"
        )
    return ["" if text in ("SPACES", "LOW-VALUES") else text for text in found]


def _lower(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(word.lower() for word in words)
