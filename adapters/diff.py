"""Which rows are new, changed or gone: keyed comparison of two pictures, by column.

Pure. The rules (DESIGN 10.1):

* Absence counts only where the caller says so (`absence=True`: a complete extract).
* A rejected key keeps its previous row and emits nothing.
* Rows with the same key and the same value count once. Rows with the same key and *different* values
  contradict each other: none of them is believed, the previous row stays, and they are returned as
  `conflicts` for the dead-letter topic; or the first or last of them counts, where the source is known to
  mean that. A good row beside a rejected one of the same key is never believed.
* A change that does not count (`differing`) gives no event, and the previous row stays in the picture: what
  the next event says was there before is what the last one said was there after.

Order is deterministic: rows in source order, then deletes by key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Int64s = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
READ, CREATE, UPDATE, DELETE = b"rcud"
Duplicates = Literal["reject", "first", "last"]
#: Says of n old and n new values, whose bytes differ, which differ in what counts.
Differing = Callable[[pa.LargeBinaryArray, pa.LargeBinaryArray], Bools]


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs, and the picture that follows.

    Attributes:
        op: m codes (uint8): `ord` of r, c, u or d.
        row: m indexes into the new rows; -1 for a delete.
        key_text: m key texts.
        before: m Avro values; null for r and c.
        after: m Avro values; null for d.
        unchanged: rows that equal their previous value.
        conflicts: indexes of new rows that contradict each other, ascending.
        next_key_text: the following picture's keys, ascending.
        next_value: the following picture's values.
    """

    op: npt.NDArray[np.uint8]
    row: Int64s
    key_text: pa.LargeStringArray
    before: pa.LargeBinaryArray
    after: pa.LargeBinaryArray
    unchanged: int
    conflicts: Int64s
    next_key_text: pa.LargeStringArray
    next_value: pa.LargeBinaryArray


def compare(
    old_key: pa.LargeStringArray,
    old_value: pa.LargeBinaryArray,
    new_key: pa.LargeStringArray,
    new_value: pa.LargeBinaryArray,
    rejected: pa.LargeStringArray,
    *,
    absence: bool,
    first: bool = False,
    duplicates: Duplicates = "reject",
    differing: Differing | None = None,
) -> Changes:
    """Compare m old rows (sorted by key, unique) with n new rows in source order.

    Args:
        old_key: m key texts of the previous picture.
        old_value: m values of the previous picture.
        new_key: n key texts.
        new_value: n values, written with the same schema as `old_value`.
        rejected: key texts of records that could not be decoded.
        absence: True if a key that is not there has been deleted.
        first: True if there was no previous picture: rows are then `r` (read), not `c`.
        duplicates: what becomes of rows with one key and different values.
        differing: which of the changed values differ in what counts; None = all.
    """
    m, n = len(old_key), len(new_key)
    new_code, rejected_code, distinct = codes(old_key, new_key, rejected)

    row_of, distrusted = _contradictions(new_code, rejected_code, distinct, new_value, duplicates)
    believed = ~distrusted[new_code]
    kept = np.flatnonzero(believed & (row_of[new_code] == np.arange(n)))
    conflicts = np.flatnonzero(~believed)

    kept_code = new_code[kept]
    known = kept_code < m
    pairs, pair_code = kept[known], kept_code[known]
    same = pc.equal(take(new_value, pairs), take(old_value, pair_code))
    same_row = np.array(same.to_numpy(zero_copy_only=False), dtype=bool)
    if differing is not None and not same_row.all():
        other = np.flatnonzero(~same_row)
        same_row[other] = ~differing(take(old_value, pair_code[other]), take(new_value, pairs[other]))

    changed = np.ones(len(kept), dtype=bool)
    changed[known] = ~same_row
    rows, row_code = kept[changed], kept_code[changed]
    updated = row_code < m

    seen = distrusted[:m].copy()
    seen[new_code[new_code < m]] = True
    gone = np.flatnonzero(~seen) if absence else np.empty(0, np.int64)

    row = np.concatenate([rows, np.full(len(gone), -1)])
    op = np.full(len(row), READ if first else CREATE, np.uint8)
    op[: len(rows)][updated] = UPDATE
    op[len(rows) :] = DELETE
    previous = np.concatenate([np.where(updated, row_code, -1), gone])
    next_key, next_value = _next(old_key, old_value, new_key, new_value, rows, row_code, gone)
    return Changes(
        op=op,
        row=row,
        key_text=pa.concat_arrays([take(new_key, rows), take(old_key, gone)]),
        before=take(old_value, previous),
        after=take(new_value, row),
        unchanged=int(same_row.sum()),
        conflicts=conflicts,
        next_key_text=next_key,
        next_value=next_value,
    )


def codes(
    old_key: pa.LargeStringArray, new_key: pa.LargeStringArray, rejected: pa.LargeStringArray
) -> tuple[Int64s, Int64s, int]:
    """Number the distinct keys; the m old ones, which are unique, get 0..m-1.

    Returns:
        The new rows' numbers, the rejects' numbers, and how many there are.
    """
    m, n = len(old_key), len(new_key)
    none = np.empty(0, np.int64)
    if not len(rejected) and old_key.equals(new_key):
        return np.arange(m), none, m
    if not len(rejected) and not m and _distinct(new_key):
        return np.arange(n), none, n
    keys = pa.concat_arrays([old_key, new_key, rejected]).dictionary_encode()
    codes = keys.indices.to_numpy(zero_copy_only=False).astype(np.int64, copy=False)
    return codes[m : m + n], codes[m + n :], len(keys.dictionary)


def _distinct(keys: pa.LargeStringArray) -> bool:
    """Return whether no two keys are alike. Files are often sorted, which makes this cheaper than hashing."""
    ordered = take(keys, pc.sort_indices(keys).to_numpy().astype(np.int64))
    return not pc.any(pc.equal(ordered.slice(1), ordered.slice(0, max(len(keys) - 1, 0)))).as_py()


def take(column: pa.Array, index: Int64s) -> pa.Array:
    """Return `column[index]`, null where the index is negative; the column itself where that is it."""
    if len(index) == len(column) and np.array_equal(index, np.arange(len(column))):
        return column
    return column.take(pa.array(index, mask=index < 0))


def _contradictions(
    new_code: Int64s,
    rejected_code: Int64s,
    distinct: int,
    value: pa.LargeBinaryArray,
    duplicates: Duplicates,
) -> tuple[Int64s, Bools]:
    """Return the row of each key that counts (any where it has none), and the keys not to be believed."""
    n = len(new_code)
    row_of = np.zeros(distinct, np.int64)
    if duplicates == "last":
        np.maximum.at(row_of, new_code, np.arange(n))
    else:
        # Assigned backwards, so the earliest row is the one that stays.
        row_of[new_code[::-1]] = np.arange(n - 1, -1, -1)
    distrusted = np.zeros(distinct, dtype=bool)
    repeats = np.flatnonzero(row_of[new_code] != np.arange(n))
    if len(repeats) and duplicates == "reject":
        firsts = row_of[new_code[repeats]]
        differ = pc.not_equal(take(value, repeats), take(value, firsts))
        distrusted[new_code[repeats[np.asarray(differ.to_numpy(zero_copy_only=False), dtype=bool)]]] = True
    distrusted[rejected_code] = True
    return row_of, distrusted


def _next(
    old_key: pa.LargeStringArray,
    old_value: pa.LargeBinaryArray,
    new_key: pa.LargeStringArray,
    new_value: pa.LargeBinaryArray,
    rows: Int64s,
    row_code: Int64s,
    gone: Int64s,
) -> tuple[pa.LargeStringArray, pa.LargeBinaryArray]:
    """Apply the changes to the old picture; sorts only where keys were added."""
    m = len(old_key)
    if not len(rows) and not len(gone):
        return old_key, old_value
    place = np.arange(m)
    updated = row_code < m
    place[row_code[updated]] = m + rows[updated]
    created = rows[~updated]
    stay = np.ones(m, dtype=bool)
    stay[gone] = False
    key_index = np.concatenate([np.flatnonzero(stay), m + created])
    value_index = np.concatenate([place[stay], m + created])
    keys = pa.concat_arrays([old_key, new_key]).take(pa.array(key_index))
    if len(created):
        order = pc.sort_indices(keys)
        keys = keys.take(order)
        value_index = value_index[order.to_numpy()]
    return keys, pa.concat_arrays([old_value, new_value]).take(pa.array(value_index))
