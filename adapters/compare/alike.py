"""When two images of a row count as alike: ignored fields, and numbers within a tolerance."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import numpy as np

from adapters.compare.fingerprint import Bools

if TYPE_CHECKING:
    import pyarrow as pa


def differing(
    before: pa.Table,
    after: pa.Table,
    *,
    ignore: Collection[str] = (),
    tolerance: Mapping[str, Decimal] | None = None,
) -> Bools:
    """Return which of n pairs of rows differ, in the columns of `after`.

    A column that `before` lacks is compared as empty (null and the empty text are the same there): a file
    that has gained a column has changed only where that column says something. Columns that `after` lacks
    do not count.

    Args:
        before: n rows.
        after: n rows.
        ignore: columns whose changes do not count.
        tolerance: column → greatest difference between two numbers that still does not count.
    """
    tolerance = tolerance or {}
    found: Bools = np.zeros(after.num_rows, dtype=np.bool_)
    for name in after.schema.names:
        if name in ignore:
            continue
        new = after.column(name)
        if name not in before.schema.names:
            found |= _says_something(new)
            continue
        old = before.column(name)
        differ = _unequal(old, new)
        if name in tolerance and differ.any():
            rows = np.flatnonzero(differ)
            differ[differ] = [
                not within(a, b, tolerance[name])
                for a, b in zip(old.take(rows).to_pylist(), new.take(rows).to_pylist(), strict=True)
            ]
        found |= differ
    return found


def within(a: Any, b: Any, tolerance: Decimal) -> bool:
    """Return whether two values are numbers, or texts of numbers, no farther apart than the tolerance."""
    try:
        left, right = Decimal(str(a).strip()), Decimal(str(b).strip())
        return left.is_finite() and right.is_finite() and abs(left - right) <= tolerance
    except InvalidOperation:
        return False


def changed_fields(
    before: Mapping[str, Any], after: Mapping[str, Any], columns: Sequence[str], ignore: Collection[str]
) -> list[str]:
    """Return the columns that differ, ignored ones left out; a missing one counts as empty."""
    return [
        c
        for c in columns
        if before.get(c) != after[c] and (before.get(c) or "") != (after[c] or "") and c not in ignore
    ]


def _unequal(old: pa.ChunkedArray, new: pa.ChunkedArray) -> Bools:
    import pyarrow.compute as pc

    differ = pc.not_equal(old, new).fill_null(False)
    if old.null_count or new.null_count:
        differ = pc.or_(differ, pc.xor(old.is_null(), new.is_null()))
    return _mask(differ)


def _says_something(column: pa.ChunkedArray) -> Bools:
    import pyarrow as pa
    import pyarrow.compute as pc

    said = column.is_valid()
    if pa.types.is_large_string(column.type) or pa.types.is_string(column.type):
        said = pc.and_(said, pc.not_equal(column, "").fill_null(False))
    return _mask(said)


def _mask(column: pa.ChunkedArray) -> Bools:
    return np.array(column.to_numpy(), np.bool_)
