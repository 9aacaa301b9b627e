"""Join two sides' rows by key fingerprint and keep those that differ. Pure."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt

from adapters.compare.fingerprint import Words
from adapters.compare.prints import KEY, KEY_2, NUMBER, PLACE, ROW, ROW_2, Prints

Duplicates = Literal["error", "first", "last"]
Indexes = npt.NDArray[np.intp]
#: Four columns of n words: place and number of the old row, of the new row; `NONE` where there is none.
Differences = npt.NDArray[np.uint64]
OLD, OLD_NUMBER, NEW, NEW_NUMBER = range(4)
NONE = np.uint64(2**64 - 1)
#: Multiplies a key's first word when it is mixed with the second; any odd number does.
_ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Joined:
    """What differs between two sides of one part.

    Attributes:
        differences: shape (4, m), in no order.
        unchanged: rows that are alike.
        old_repeats: rows of the old side whose key another row before has; each group's first row after them.
        new_repeats: the same for the new side.
    """

    differences: Differences
    unchanged: int
    old_repeats: Prints
    new_repeats: Prints


@dataclass(frozen=True, slots=True)
class _Side:
    """One row a key, in the order of the leading bits of the keys, which all differ.

    `key` holds these bits only.
    """

    key: Words
    index: Indexes
    repeats: Prints

    def halves(self, middle: Words) -> list[_Side]:
        """Return the keys below the given one, and the others."""
        at = int(np.searchsorted(self.key, middle)[0]) if len(middle) else 0
        parts = slice(at), slice(at, None)
        return [_Side(self.key[part], self.index[part], self.repeats[:, :0]) for part in parts]


class _SharedWord(Exception):
    """Two different keys have the same leading bits."""


def join(
    old: Prints, new: Prints, duplicates: Duplicates = "error", pool: ThreadPoolExecutor | None = None
) -> Joined:
    """Match rows by key; of rows with one key on one side the first (the last, with `last`) counts.

    Args:
        old: the old side's columns.
        new: the new side's columns, by the same fingerprint.
        duplicates: which row of a repeated key counts.
        pool: two threads, which sort one side each and then match half of the keys each.
    """
    width = max(old.shape[1], new.shape[1]).bit_length()
    while True:
        try:
            run = pool.map if pool else map
            left, right = run(partial(_side, duplicates=duplicates, width=width), (old, new))
            middle = left.key[len(left.key) // 2 :][:1]
            found = list(run(partial(_joined, old, new), left.halves(middle), right.halves(middle)))
            differences = np.concatenate([half[0] for half in found], axis=1)
            return Joined(differences, sum(half[1] for half in found), left.repeats, right.repeats)
        except _SharedWord:
            if width:
                width = 0
            else:  # 1 chance in 2^33 a pair at worst
                old, new = _mixed(old), _mixed(new)


def _joined(old: Prints, new: Prints, left: _Side, right: _Side) -> tuple[Differences, int]:
    """Return what differs between two sides, and how many rows do not."""
    at = np.searchsorted(left.key, right.key)
    at[at == len(left.key)] = 0
    known = left.key[at] == right.key if len(left.key) else np.zeros(len(right.key), dtype=bool)
    partner, mate = left.index[at[known]], right.index[known]
    differ = (old[ROW][partner] != new[ROW][mate]) | (old[ROW_2][partner] != new[ROW_2][mate])
    unchanged = int(len(differ) - differ.sum())
    gone = np.ones(len(left.index), dtype=bool)
    gone[at[known]] = False
    partner, mate = partner[differ], mate[differ]
    if any(not np.array_equal(old[word][partner], new[word][mate]) for word in (KEY, KEY_2)):
        raise _SharedWord
    found = [
        _differences(old[:, partner], new[:, mate]),
        _differences(None, new[:, right.index[~known]]),
        _differences(old[:, left.index[gone]], None),
    ]
    return np.concatenate(found, axis=1), unchanged


def _side(rows: Prints, duplicates: Duplicates, width: int) -> _Side:
    """Sort one side by the leading bits of the keys, and see to keys that are there twice.

    Sorting words that hold leading bits and index is three times as fast as sorting indexes by words. It
    needs keys that differ in these bits; if two do not, all bits count.
    """
    index_bits = np.uint64(width)
    if width or not rows.shape[1]:
        packed = (rows[KEY] >> index_bits << index_bits) | np.arange(rows.shape[1], dtype=np.uint64)
        packed.sort()
        key = packed >> index_bits
        if not (key[1:] == key[:-1]).any():
            index = packed & np.uint64((1 << width) - 1)
            return _Side(key, index.view(np.int64), rows[:, :0])
    order = np.lexsort((rows[NUMBER], rows[KEY_2], rows[KEY]))
    key, key_2 = rows[KEY][order], rows[KEY_2][order]
    shared = key[1:] == key[:-1]
    repeats = shared & (key_2[1:] == key_2[:-1])
    if not np.array_equal(shared, repeats):
        raise _SharedWord
    if ((key[1:] >> index_bits == key[:-1] >> index_bits) & ~shared).any():
        raise _SharedWord
    after, before = np.append(False, repeats), np.append(repeats, False)
    stay = ~before if duplicates == "last" else ~after
    told = np.concatenate([order[after], order[before & ~after]])
    return _Side(key[stay] >> index_bits, order[stay], rows[:, told])


def _mixed(rows: Prints) -> Prints:
    rows = rows.copy()
    rows[KEY] = rows[KEY] * _ODD + rows[KEY_2]
    return rows


def _differences(old: Prints | None, new: Prints | None) -> Differences:
    side = old if old is not None else new
    assert side is not None
    out = np.full((4, side.shape[1]), NONE, np.uint64)
    if old is not None:
        out[OLD], out[OLD_NUMBER] = old[PLACE], old[NUMBER]
    if new is not None:
        out[NEW], out[NEW_NUMBER] = new[PLACE], new[NUMBER]
    return out
