"""Casts of a row projection: a field's column to another kind, and which rows cannot be cast.

What is accepted is written down as a pattern or a range, never left to a library's leniency, so the columns
and the one-value twin (`Cast.one`) agree on every input.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.readmodel.table import Kind
from schemas.errors import SettingsError

Mask = npt.NDArray[np.bool_]
_FORM = re.compile(r"(text|integer|date|decimal)(?:\(([^)]*)\))?\Z")
#: Digits that always fit in 64 bits.
_INTEGER = r"[+-]?0*[0-9]{1,18}"
#: The kinds that each target can be made from.
_FROM: dict[str, frozenset[str]] = {
    "text": frozenset({"text", "integer", "decimal", "date", "boolean"}),
    "integer": frozenset({"text", "integer", "decimal"}),
    "decimal": frozenset({"text", "integer", "decimal"}),
    "date": frozenset({"text", "date"}),
}


class Uncastable(ValueError):
    """A value cannot be cast; the message names the target, never the value."""


@dataclass(frozen=True, slots=True)
class Cast:
    """One target: `text`, `integer`, `decimal(9,2)`, `date` or `date(DDMMYYYY)`.

    Attributes:
        kind: the kind of the column that comes out.
        precision: digits of a decimal.
        scale: digits behind its point.
        form: how a text shows a date, of `YYYY`, `MM` and `DD`.
    """

    kind: Kind
    precision: int = 0
    scale: int = 0
    form: str = ""

    def __str__(self) -> str:
        if self.kind == "decimal":
            return f"decimal({self.precision},{self.scale})"
        return f"date({self.form})" if self.form else str(self.kind)

    def check(self, source: str, where: str) -> None:
        """Raise SettingsError where a field of the kind `source` can never become this."""
        if source not in _FROM[self.kind]:
            raise SettingsError(
                f"a field of the kind {source} cannot be cast to {self}",
                where=where,
                fix=f"{self.kind} can be made of: {', '.join(sorted(_FROM[self.kind]))}",
            )

    def column(self, array: pa.Array) -> tuple[pa.Array, Mask]:
        """Return the column cast, null where that fails, and where it fails."""
        is_text = pa.types.is_string(array.type)
        if self.kind == "text":
            return (array if is_text else pc.cast(array, pa.string())), np.zeros(len(array), np.bool_)
        if is_text:
            texts = pc.ascii_trim(array, " ")
            good = _true(pc.match_substring_regex(texts, f"^(?:{self._pattern()})$"))
            if self.kind == "date":
                return self._dates(array, texts, good)
            bad = np.asarray(array.is_valid()) & ~good
            return pc.cast(_only(texts, ~bad), self._arrow()), bad
        if self.kind == "date":
            return array, np.zeros(len(array), np.bool_)
        bad = ~self._in_range(array)
        kept = _only(array, ~bad)
        if self.kind == "integer":
            return pc.cast(kept, pa.int64()), bad
        if pa.types.is_integer(array.type):
            kept = pc.cast(kept, pa.decimal128(19, 0))
        return pc.cast(kept, self._arrow()), bad

    def one(self, value: Any) -> Any:
        """Return one value cast: the obvious twin of `column`.

        Raises:
            Uncastable: it cannot be.
        """
        if value is None or (self.kind == "date" and isinstance(value, date)):
            return value
        if self.kind == "text":
            return _text(value)
        if isinstance(value, str):
            value = value.strip(" ")
            if not (found := re.fullmatch(self._pattern(), value, re.ASCII)):
                raise Uncastable(f"not a {self}")
            if self.kind == "date":
                try:
                    return date(*(int(found.group(part)) for part in ("y", "m", "d")))
                except ValueError:
                    raise Uncastable(f"not a {self}") from None
        number = Decimal(value)
        if self.kind == "integer":
            if number != number.to_integral_value() or not -(2**63) <= number < 2**63:
                raise Uncastable("not an integer of 64 bits")
            return int(number)
        quantum = Decimal(1).scaleb(-self.scale)
        if abs(number) >= 10 ** (self.precision - self.scale) or number != number.quantize(quantum):
            raise Uncastable(f"not a {self}")
        return number.quantize(quantum)

    def _arrow(self) -> pa.DataType:
        return pa.int64() if self.kind == "integer" else pa.decimal128(self.precision, self.scale)

    def _pattern(self) -> str:
        if self.kind == "integer":
            return _INTEGER
        if self.kind == "decimal":
            whole = f"[0-9]{{1,{self.precision - self.scale}}}" if self.precision > self.scale else "0"
            return rf"[+-]?0*{whole}(?:\.[0-9]{{1,{self.scale}}})?" if self.scale else rf"[+-]?0*{whole}"
        form = re.escape(self.form or "YYYY-MM-DD")
        for token, group in (("YYYY", "y"), ("MM", "m"), ("DD", "d")):
            form = form.replace(token, f"(?P<{group}>[0-9]{{{len(token)}}})")
        return form

    def _dates(self, array: pa.Array, texts: pa.Array, good: Mask) -> tuple[pa.Array, Mask]:
        form = self.form or "YYYY-MM-DD"
        parts = []
        for token in ("YYYY", "MM", "DD"):
            at = form.index(token)
            piece = pc.utf8_slice_codeunits(_only(texts, good), at, at + len(token))
            parts.append(np.asarray(pc.fill_null(pc.cast(piece, pa.int64()), 1)))
        year, month, day = parts
        months = (year - 1970) * 12 + np.clip(month, 1, 12) - 1
        first = months.astype("M8[M]")
        days = first.astype("M8[D]").astype(np.int64)
        last = (first + 1).astype("M8[D]").astype(np.int64) - days
        good = good & (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= last)
        found = pa.array((days + day - 1).astype(np.int32), mask=~good).cast(pa.date32())
        return found, np.asarray(array.is_valid()) & ~good

    def _in_range(self, array: pa.Array) -> Mask:
        """Return where a number fits; null does."""
        if pa.types.is_integer(array.type):
            if self.kind == "integer":
                return np.ones(len(array), np.bool_)
            limit = 10 ** (self.precision - self.scale)
            values = np.asarray(pc.fill_null(array, 0), np.int64)
            return np.ones(len(array), np.bool_) if limit > 2**63 else (values < limit) & (values > -limit)
        # Decimals whose scale shrinks are rare enough for the twin.
        good = np.ones(len(array), np.bool_)
        for i, value in enumerate(array.to_pylist()):
            try:
                self.one(value)
            except Uncastable:
                good[i] = False
        return good


def cast_of(text: str, where: str) -> Cast:
    """Return the cast that a projection's declaration names.

    Raises:
        SettingsError: it is none.
    """
    found = _FORM.match(text)
    kind, inner = found.groups() if found else ("", None)
    if kind in ("text", "integer") and inner is None:
        return Cast(kind)  # type: ignore[arg-type]
    if kind == "date" and (inner is None or all(inner.count(t) == 1 for t in ("YYYY", "MM", "DD"))):
        return Cast("date", form=inner or "")
    if kind == "decimal" and inner and re.fullmatch(r"[0-9]{1,2} *, *[0-9]{1,2}", inner):
        precision, scale = (int(part) for part in inner.split(","))
        if 0 < precision <= 38 and scale <= precision:
            return Cast("decimal", precision, scale)
    raise SettingsError(
        f"{text!r} is no cast",
        where=where,
        fix="write text, integer, decimal(PRECISION,SCALE), date or date(FORM) with YYYY, MM and DD in it",
    )


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return format(value, "f")
    return value.isoformat() if isinstance(value, date) else str(value)


def _true(array: pa.Array) -> Mask:
    return np.asarray(pc.fill_null(array, False))


def _only(array: pa.Array, keep: Mask) -> pa.Array:
    return array if keep.all() else pc.if_else(pa.array(keep), array, pa.scalar(None, array.type))
