"""Which rows a projection keeps: conditions on Avro fields, decided for whole columns."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.errors import SettingsError

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "is null", "is not null"]
_COLUMNS: dict[str, Callable[[Any, Any], Any]] = {
    "=": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_VALUES: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a field; a null field fulfils only `is null`.

    Attributes:
        field: Avro name.
        operator: how it is compared.
        value: what with, as Python writes it (`Decimal`, `date` …); a sequence for `in`, nothing for nulls.
    """

    field: str
    operator: Operator
    value: Any = None

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Return whether a row of Python values fulfils it: the obvious twin of `mask`."""
        value = row.get(self.field)
        if self.operator == "is null":
            return value is None
        if value is None:
            return False
        if self.operator == "in":
            return value in self.value
        return self.operator == "is not null" or _VALUES[self.operator](value, self.value)

    def mask(self, columns: Mapping[str, pa.Array], n: int) -> npt.NDArray[np.bool_]:
        """Return for n rows whether each fulfils it; a field that an older schema lacks is null."""
        array = columns.get(self.field)
        if array is None:
            return np.full(n, self.operator == "is null")
        if self.operator in ("is null", "is not null"):
            found = pc.is_null(array) if self.operator == "is null" else pc.is_valid(array)
        elif self.operator == "in":
            found = pc.and_(pc.is_in(array, pa.array(list(self.value), array.type)), pc.is_valid(array))
        else:
            found = pc.fill_null(_COLUMNS[self.operator](array, pa.scalar(self.value, array.type)), False)
        return np.asarray(found)

    def check(self, kind: pa.DataType) -> None:
        """Raise pyarrow's error where the value is not of the field's type."""
        if self.operator not in ("is null", "is not null"):
            pa.array(list(self.value) if self.operator == "in" else [self.value], kind)


def conditions(given: Sequence[Sequence[Any]], where: str) -> tuple[Condition, ...]:
    """Return conditions from `("FIELD", "=", value)` triples.

    Raises:
        SettingsError: something else, an unknown operator, or a comparison with None.
    """
    found = []
    for one in given:
        parts = (one,) if isinstance(one, str) else tuple(one)
        if len(parts) not in (2, 3) or not all(isinstance(p, str) for p in parts[:2]):
            raise SettingsError(
                f"the condition {one!r} is not (field, operator, value)",
                where=where,
                fix='write where=[("FIELD", "=", "value")]',
            )
        if parts[1] not in get_args(Operator):
            raise SettingsError(
                f"the operator {parts[1]!r} is not known",
                where=where,
                fix=f"choose from: {', '.join(get_args(Operator))}",
            )
        condition = Condition(*parts)
        if (condition.value is None) != (condition.operator in ("is null", "is not null")):
            raise SettingsError(
                f"the condition on {condition.field!r} compares with nothing, or a null with something",
                where=where,
                fix='use "is null" and "is not null" without a value, all others with one',
            )
        if condition.operator == "in":
            if isinstance(condition.value, (str, bytes)):
                raise SettingsError(
                    f"`in` for {condition.field!r} needs a list", where=where, fix='write ["a", "b"]'
                )
            condition = Condition(condition.field, "in", tuple(condition.value))
        found.append(condition)
    return tuple(found)
