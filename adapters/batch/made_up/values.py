"""Made-up records of text formats, before they are written: control records, and values of fields."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from adapters.batch.control_spec import HeaderSpec, TrailerSpec, WhenSpec
from adapters.batch.dates import DateFormat
from adapters.batch.fields.field_spec import FieldSpec, ValueSpec
from adapters.batch.format_spec import FormatSpec
from schemas.names import avro_name

_DAY = datetime.date(2026, 11, 2)
#: Texts of fields that are no key: the first that does not mean nothing.
_TEXTS = ("A", "B", "C", "MADE-UP")
_MOMENT = {
    "yyyy": "2026", "yy": "26", "mm": "11", "dd": "02", "hh": "12", "mi": "00", "ss": "00", "zz": "+00:00",
}  # fmt: skip
Layouts = Mapping[str, Sequence[FieldSpec]]


@dataclass(frozen=True, slots=True)
class MadeUp:
    """One record: its fields, and their texts by name where these are not what `text_of` gives."""

    fields: Sequence[FieldSpec]
    key: Sequence[str]
    number: int
    given: Mapping[str, str]

    def text(self, field: FieldSpec, values: ValueSpec) -> str:
        """Return the text of one of its fields."""
        if field.name in self.given:
            return self.given[field.name]
        return text_of(field, values, self.number if _among(field, self.key) else 0)


def records(spec: FormatSpec, values: ValueSpec, layouts: Layouts, n: int) -> Iterator[MadeUp]:
    """Yield the records of a file in order: header, `n` of each entity, trailer.

    Args:
        spec: the settings.
        values: how the format writes values.
        layouts: the fields of each kind of record by name; '' where there is one kind only.
        n: how many of each entity.
    """
    details = list(_details(spec, layouts, n))
    extra = sum(control is not None for control in (spec.header, spec.trailer))
    if spec.header is not None:
        yield _control(spec, spec.header, values, layouts, details, extra)
    yield from (made for _, made in details)
    if spec.trailer is not None:
        yield _control(spec, spec.trailer, values, layouts, details, extra)


def _details(spec: FormatSpec, layouts: Layouts, n: int) -> Iterator[tuple[str, MadeUp]]:
    """Yield each record with the name of its entity."""
    kinds: list[tuple[str, str | None, Sequence[str], Mapping[str, str]]] = [
        (r.entity, r.group, r.key, {r.when.field: _first(r.when)}) for r in spec.records
    ]
    if spec.entity is not None:
        kinds.append((spec.entity, spec.group, spec.key, {}))
    action = {} if spec.delta is None else {spec.delta.action: _action(spec)}
    for entity, group, key, given in kinds:
        fields = layouts[group] if group else next(iter(layouts.values()))
        for number in range(1, n + 1):
            yield entity, MadeUp(fields, key, number, {**_of(fields, given), **_of(fields, action)})


def _control(
    spec: FormatSpec,
    control: HeaderSpec | TrailerSpec,
    values: ValueSpec,
    layouts: Layouts,
    details: Sequence[tuple[str, MadeUp]],
    extra: int,
) -> MadeUp:
    """Return a header or trailer whose totals are those of the records."""
    names = {control.when.field, *filter(None, [control.count]), *(t.field for t in control.totals)}
    fields = _holding(names, layouts, {r.group for r in spec.records} | {spec.group})
    told: dict[str, Decimal] = {}
    if control.count is not None:
        told[control.count] = Decimal(len(details) + (extra if control.counts == "all" else 0))
    for total in control.totals:
        chosen = (total.of,) if isinstance(total.of, str) else total.of
        over = total.sum or total.hash
        mine = [made for entity, made in details if chosen is None or entity in chosen]
        summed = [(made, f) for made in mine for f in made.fields if over is not None and _among(f, [over])]
        amounts = [Decimal(made.number if _among(f, made.key) else 0) for made, f in summed]
        if total.hash:
            digits = (int(re.sub(r"\D", "", made.text(f, values)) or 0) for made, f in summed)
            told[total.field] = Decimal(sum(digits))
        else:
            told[total.field] = sum(amounts, Decimal(0)) if over else Decimal(len(mine))
    texts = {f.name: _number(f, values, told[name]) for f in fields for name in _names(f) if name in told}
    return MadeUp(fields, (), 0, {**_of(fields, {control.when.field: _first(control.when)}), **texts})


def _holding(names: set[str], layouts: Layouts, details: set[str | None]) -> Sequence[FieldSpec]:
    """Return the fields of a control record: of one layout that has them all, else of those that have some.

    What marks the record may be in a layout for all labels, and what it says in one of its own.
    """
    ranked = [fields for _, fields in sorted(layouts.items(), key=lambda one: one[0] in details)]
    whole = next((fields for fields in ranked if names <= {n for f in fields for n in _names(f)}), None)
    if whole is not None:
        return whole
    found: dict[str, FieldSpec] = {}
    for fields in ranked:
        for field in fields:
            if names & set(_names(field)):
                found.setdefault(field.name, field)
    return list(found.values())


def text_of(field: FieldSpec, values: ValueSpec, number: int) -> str:
    """Return a text that a field takes: of a key one that differs by number, else a plain one (number 0)."""
    kind = field.type.partition("(")[0]
    if kind in ("integer", "decimal"):
        return _number(field, values, Decimal(number))
    if kind == "date":
        pattern = field.format or values.date_format
        form = DateFormat.parse(pattern, 50, where="date_format", months=values.month_names, loose=True)
        return form.format(_DAY + datetime.timedelta(days=number))
    if kind == "timestamp":
        return _moment(field.format or values.timestamp_format)
    if kind == "boolean":
        return (field.true or values.true)[0]
    nothing = values.null if field.null is None else field.null
    return f"{number:06d}" if number else next(t for t in _TEXTS if t not in nothing)


def _number(field: FieldSpec, values: ValueSpec, number: Decimal) -> str:
    kind, _, sizes = field.type.rstrip(")").partition("(")
    scale = int(sizes.partition(",")[2] or 0) if kind == "decimal" else 0
    text = f"{number:.{scale}f}"
    return text.replace(".", "" if field.implied_decimals else values.decimal)


def _moment(form: str) -> str:
    """Return noon in a form of time stamps."""
    if form == "iso":
        return "2026-11-02T12:00:00Z"
    text = re.sub("f+", lambda found: "0" * len(found[0]), form)
    for part, value in _MOMENT.items():
        text = text.replace(part, value)
    return text


def _first(when: WhenSpec) -> str:
    return str(when.equals[0] if isinstance(when.equals, tuple) else when.equals)


def _action(spec: FormatSpec) -> str:
    """Return a code that says of a record that it is new, or else what is declared."""
    assert spec.delta is not None  # the caller looked
    return next(iter((*spec.delta.create, *spec.delta.update, *spec.delta.delete)), "")


def _of(fields: Sequence[FieldSpec], given: Mapping[str, str]) -> dict[str, str]:
    """Return given texts by the names that fields have; settings may use Avro names too."""
    return {f.name: given[name] for f in fields for name in _names(f) if name in given}


def _among(field: FieldSpec, names: Sequence[str]) -> bool:
    return any(name in names for name in _names(field))


def _names(field: FieldSpec) -> tuple[str, str]:
    return field.name, avro_name(field.name)
