"""Settings of control records: `[header]`, `[trailer]` and `[batch]` of adapter.toml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from adapters.batch.controls import Control
from adapters.batch.copybook import Layout, Slot
from adapters.batch.dates import DateFormat
from adapters.batch.ledger import Total
from adapters.batch.plan import Column, RecordPlan, find, suggestion
from adapters.spec import TopicPart
from schemas.errors import SettingsError
from schemas.names import avro_name

_Frozen = ConfigDict(extra="forbid", frozen=True)
Literals = Annotated[tuple[str | int, ...], Field(min_length=1)]
#: An exact hash total is kept in 64 bits.
_MOST_DIGITS = 18


class WhenSpec(BaseModel):
    """A test on one field of a record."""

    model_config = _Frozen

    field: str = Field(description="The field that tells record types apart.")
    equals: str | int | Literals = Field(description="Its value, or a list of values.")


class TotalSpec(BaseModel):
    """One control total: a field of the control record, and what it must equal."""

    model_config = _Frozen

    field: str = Field(description="The field of the control record that holds the total.")
    sum: str | None = Field(None, description="The entities' field that is summed, exactly.")
    hash: str | None = Field(
        None,
        description="The entities' field whose digits are summed as a number, modulo 10 to the `digits`.",
    )
    of: TopicPart | tuple[TopicPart, ...] | None = Field(
        None, description="The entity or entities that count; all that have the field by default."
    )
    digits: int | None = Field(
        None, ge=1, le=_MOST_DIGITS, description="Digits of a hash total; those of `field` by default."
    )

    @model_validator(mode="after")
    def _one_kind(self) -> TotalSpec:
        if self.sum and self.hash:
            raise ValueError("give `sum` or `hash`, or neither for a count of records")
        return self


class _ControlSpec(BaseModel):
    model_config = _Frozen

    when: WhenSpec = Field(description="Which record it is.")
    count: str | None = Field(None, description="The field that holds the number of records.")
    counts: Literal["details", "all"] = Field(
        "details", description="`details` counts the entities' records, `all` header and trailer too."
    )
    totals: tuple[TotalSpec, ...] = Field(
        (), description="More totals: counts by entity, sums and hash totals of a field."
    )

    def promises(
        self, layout: Layout, plans: Mapping[str, RecordPlan], where: str
    ) -> tuple[tuple[Slot, Total], ...]:
        """Return what this record promises.

        Raises:
            SettingsError: a name that is no field or entity, or a field that cannot be summed.
        """
        found: list[tuple[Slot, Total]] = []
        if self.count is not None:
            whose = None if self.counts == "all" else frozenset(plans)
            slot = find(self.count, layout, where=where)
            found.append((slot, Total(slot.path, "count", whose)))
        return (*found, *(_total(spec, layout, plans, where) for spec in self.totals))


class HeaderSpec(_ControlSpec):
    """A header record: the first one, exactly one; what it says must agree with the file and its name."""

    date: str | None = Field(None, description="The field that holds the business date.")
    date_format: str = Field("yyyymmdd", description="Its format.")
    sequence: str | None = Field(None, description="The field that holds the file's number.")
    in_name: str | None = Field(
        None,
        description="Regular expression on the file name with groups `date` (yyyymmdd or yyyy-mm-dd) and "
        "`sequence`, which must say what the header says; `business_date` by default.",
    )

    @field_validator("in_name")
    @classmethod
    def _has_groups(cls, value: str | None) -> str | None:
        try:
            named = re.compile(value or "").groupindex
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        if value is not None and not named.keys() & {"date", "sequence"}:
            raise ValueError("the expression has no group called date or sequence: write (?P<date>…)")
        return value

    def control(
        self, layout: Layout, plans: Mapping[str, RecordPlan], pivot: int | None, name: str, where: str
    ) -> Control:
        """Return the header's promises; `name` is the expression for file names where there is no other."""
        expression = self.in_name if self.in_name is not None else name
        return Control(
            "header",
            self.promises(layout, plans, f"{where}: header"),
            find(self.date, layout, where=f"{where}: header.date") if self.date else None,
            DateFormat.parse(self.date_format, pivot, where=f"{where}: header.date_format")
            if self.date
            else None,
            find(self.sequence, layout, where=f"{where}: header.sequence") if self.sequence else None,
            re.compile(expression) if expression else None,
        )


class TrailerSpec(_ControlSpec):
    """A trailer record: its count and totals must agree with the file, else the extract is held."""

    def control(self, layout: Layout, plans: Mapping[str, RecordPlan], where: str) -> Control:
        """Return the trailer's promises."""
        return Control("trailer", self.promises(layout, plans, f"{where}: trailer"))


class BatchTrailerSpec(_ControlSpec):
    """A trailer of each batch inside a file; its totals cover the records since the one before."""


class BatchesSpec(BaseModel):
    """Batches inside a file, each with a trailer and, often, a header of its own."""

    model_config = _Frozen

    header: WhenSpec | None = Field(None, description="Which record begins a batch, if one does.")
    trailer: BatchTrailerSpec = Field(description="The record that ends a batch, and its totals.")

    def control(self, layout: Layout, plans: Mapping[str, RecordPlan], where: str) -> Control:
        """Return the batch trailers' promises."""
        return Control("batch trailer", self.trailer.promises(layout, plans, f"{where}: batch.trailer"))


def _total(
    spec: TotalSpec, layout: Layout, plans: Mapping[str, RecordPlan], where: str
) -> tuple[Slot, Total]:
    slot = find(spec.field, layout, where=f"{where}.totals")
    assert slot.storage is not None  # find() returns elementary items
    chosen = (spec.of,) if isinstance(spec.of, str) else spec.of
    if unknown := [name for name in chosen or () if name not in plans]:
        raise SettingsError(
            f"totals: no entity {unknown[0]!r}", where=where, fix=f"choose from: {', '.join(plans)}"
        )
    over = spec.sum or spec.hash
    if over is None:
        return slot, Total(slot.path, "count", frozenset(chosen or plans))
    columns = {
        name: column
        for name, made in plans.items()
        if (chosen is None or name in chosen) and (column := _column(over, made)) is not None
    }
    if len(columns) < len(chosen or (1,)):
        known = [c.legacy for name in chosen or plans for c in plans[name].columns]
        raise SettingsError(f"totals: {over!r} is no field", where=where, fix=suggestion(over, known))
    storages = [column.storage for column in columns.values() if column.storage and not column.date]
    floats = any(s.avro in ("float", "double") for s in storages)
    texts = any(s.avro == "string" for s in storages)
    if len(storages) < len(columns) or floats or (texts and spec.sum):
        raise SettingsError(
            f"totals: {over!r} has no exact {'sum' if spec.sum else 'hash total'}",
            where=where, fix="name a whole number or a decimal; a hash total may also be over text",
        )  # fmt: skip
    names, scales = {c.name for c in columns.values()}, {max(s.scale, 0) for s in storages}
    if len(names) > 1 or len(scales) > 1:
        raise SettingsError(
            f"totals: {over!r} differs between {', '.join(columns)} in name or decimals",
            where=where, fix="write one entry an entity, with `of`",
        )  # fmt: skip
    digits = min(spec.digits or slot.storage.digits or _MOST_DIGITS, _MOST_DIGITS)
    kind: Literal["sum", "hash"] = "sum" if spec.sum else "hash"
    return slot, Total(slot.path, kind, frozenset(columns), names.pop(), scales.pop(), digits)


def _column(name: str, plan: RecordPlan) -> Column | None:
    wanted = name.upper()
    return next(
        (
            c
            for c in plan.columns
            if c.count is None and (name == c.name or wanted in (c.legacy, c.path, avro_name(c.legacy)))
        ),
        None,
    )
