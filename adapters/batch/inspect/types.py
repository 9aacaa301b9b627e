"""Record types, header and trailer, by the bytes alone: a place with few values that splits the layouts."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from adapters.batch.inspect.guess import Guess
from adapters.batch.inspect.matrix import Matrix
from adapters.batch.inspect.period import classes

Bytes = npt.NDArray[np.uint8]
#: A record type stands near the front, in up to three characters; a file has at most a dozen.
_PLACES, _WIDTHS, _MOST = 48, (1, 2, 3), 12
#: Rows and bytes of a row whose kinds are weighed.
_ROWS, _COLUMNS = 600, 600


@dataclass(frozen=True, slots=True)
class Types:
    """Where the record type stands, and its values.

    Attributes:
        offset, width: of the type.
        values: value (as bytes) → share of the records.
        header, trailer: the value of the first and the last record, where it comes only there.
        count: (offset, width) of a number in the trailer that is the count of records.
        counts: `details` or `all`.
    """

    offset: int
    width: int
    values: dict[bytes, float] = field(default_factory=dict)
    header: bytes | None = None
    trailer: bytes | None = None
    count: tuple[int, int] | None = None
    counts: str = "details"

    @property
    def details(self) -> tuple[bytes, ...]:
        """The values of detail records, the most frequent first."""
        ranked = sorted(self.values, key=lambda v: (-self.values[v], v))
        return tuple(v for v in ranked if v not in (self.header, self.trailer))


def record_types(matrix: Matrix, text: npt.NDArray[np.bool_], zero: int) -> tuple[list[Guess], Types] | None:
    """Guess `record_types`, `header` and `trailer`; None where all records look alike.

    Args:
        matrix: the records.
        text: which bytes may stand in a type: letters and digits of the file's alphabet.
        zero: the digit 0 there.
    """
    if len(matrix.view) < 4:
        return None
    best: tuple[float, int, int] | None = None
    kinds = _kinds(matrix)
    rows = np.unique(np.linspace(0, len(matrix.view) - 1, min(_ROWS, len(matrix.view))).astype(int))
    whole = _disorder(kinds[rows])
    outliers = _outliers(matrix, kinds)
    for offset in range(min(_PLACES, matrix.length)):
        for width in _WIDTHS:
            values = _values(matrix.view, offset, width)
            if values is None or not text[matrix.view[:, offset : offset + width]].all():
                continue
            distinct, labels = np.unique(values, return_inverse=True)
            if not 2 <= len(distinct) <= min(_MOST, len(values) // 2):
                continue
            ends = _ends(values, outliers)
            rest = 0.6 * ends - 0.02 * width - 0.002 * offset - 0.03 * len(distinct)
            gain = _gain(kinds[rows], labels[rows], whole)
            least = best[0] + 1e-6 if best is not None else -math.inf
            if gain / max(whole, 1e-9) + rest <= least:
                continue
            large = gain > max(0.2 * whole, 1.0)
            if large and not _varied(matrix.view[rows], kinds[rows], labels[rows], whole):
                gain, large = 0.0, False
            score = gain / max(whole, 1e-9) + rest
            if score <= least:
                continue
            if ends or (large and _clear(kinds[rows], labels[rows], whole, gain)):
                best = (score, offset, width)
    if best is None or best[0] < 0.15:
        return None
    _, offset, width = best
    # Only the first and the last record may differ: then the rest must be alike, else it was a chance value.
    return _described(matrix, offset, width, best[0], zero)


def _described(
    matrix: Matrix, offset: int, width: int, score: float, zero: int
) -> tuple[list[Guess], Types] | None:
    found = [row.tobytes() for row in matrix.view[:, offset : offset + width]]
    counts = Counter(found)
    header = found[0] if matrix.first and counts[found[0]] == 1 and len(counts) > 1 else None
    trailer = found[-1] if matrix.last and counts[found[-1]] == 1 and len(counts) > 1 else None
    details = [v for v in counts if v not in (header, trailer)]
    if not details:
        return None
    singles = [v for v in details if counts[v] == 1]
    if len(singles) > len(details) // 2 and len(details) > 2:
        return None
    place = f"byte {offset}" if width == 1 else f"bytes {offset} to {offset + width - 1}"
    values = {v: n / len(found) for v, n in counts.items()}
    made = Types(offset, width, values, header, trailer)
    guesses = []
    sure = float(min(0.95, 0.55 + 0.5 * score))
    if len(details) > 1:
        guesses.append(Guess(
            "record_types", len(details), sure,
            [f"{place} hold{'s' if width == 1 else ''} one of {len(details)} values, and the records of "
             "one value are more alike than those of all"],
        ))  # fmt: skip
    if header is not None:
        guesses.append(
            Guess("header", True, min(sure, 0.9), [f"{place}: the first record's value comes only there"])
        )
    if trailer is not None:
        count = _count(matrix, made, zero)
        made = Types(offset, width, values, header, trailer, *count) if count else made
        why = [f"{place}: the last record's value comes only there"]
        if count:
            why.append(
                f"it holds the number of {'all' if count[1] == 'all' else 'detail'} records at byte "
                f"{count[0][0]}"
            )
        guesses.append(Guess("trailer", True, 0.97 if count else min(sure, 0.85), why))
    return (guesses, made) if guesses else None


def _kinds(matrix: Matrix) -> Bytes:
    kinds = classes(matrix.view[:, :_COLUMNS]).copy()
    beyond = np.arange(kinds.shape[1])[None, :] >= matrix.lengths[:, None]
    kinds[beyond] = 9
    return kinds


def _values(view: Bytes, offset: int, width: int) -> npt.NDArray[np.int64] | None:
    if offset + width > view.shape[1]:
        return None
    made = np.zeros(len(view), np.int64)
    for column in range(offset, offset + width):
        made = made << 8 | view[:, column]
    return made


def _disorder(kinds: Bytes) -> float:
    """Return the entropy of the kinds of bytes, summed over the columns, in bits."""
    n, columns = kinds.shape
    if not n:
        return 0.0
    counts = np.bincount((kinds + np.arange(columns) * 10).ravel(), minlength=columns * 10)
    seen = counts[counts > 0]
    total: float = float((seen * np.log2(n / seen)).sum()) / n
    # The estimate is too small by about this much a free kind (Miller and Madow, 1955).
    return float(total + (len(seen) - columns) / (2 * n * math.log(2)))


def _gain(kinds: Bytes, labels: npt.NDArray[np.int64], whole: float) -> float:
    """Return how much of the disorder a split takes away, in bits."""
    n = len(kinds)
    parts = (kinds[labels == label] for label in np.unique(labels))
    return whole - float(sum(len(part) / n * _disorder(part) for part in parts))


def _varied(view: Bytes, kinds: Bytes, labels: npt.NDArray[np.int64], whole: float) -> bool:
    """Tell whether a split says something of columns that vary within its parts.

    The first letter of a word such as OPEN or CLOSED says all of the word, and is no record type.
    """
    # One header or trailer is unlike everything, whatever stands here.
    many = np.isin(labels, np.flatnonzero(np.bincount(labels) > 1))
    view, kinds, labels = view[many][:, : kinds.shape[1]], kinds[many], labels[many]
    parts = [view[labels == label] for label in np.unique(labels)]
    constant = np.logical_and.reduce([(part == part[0]).all(axis=0) for part in parts])
    rest = kinds[:, ~constant]
    return _gain(rest, labels, _disorder(rest)) > 0.1 * whole


def _clear(kinds: Bytes, labels: npt.NDArray[np.int64], whole: float, gain: float) -> bool:
    """Tell whether a split does far better than the same labels dealt out at random."""
    chance = np.random.default_rng(7)
    dealt = [_gain(kinds, chance.permutation(labels), whole) for _ in range(4)]
    return gain > 2.5 * max(max(dealt), 0.0)


def _outliers(matrix: Matrix, kinds: Bytes) -> tuple[bool, bool]:
    """Return whether the first and the last record's layout differs from the usual one."""
    counts = np.bincount(
        (kinds[1:-1] + np.arange(kinds.shape[1]) * 10).ravel(), minlength=kinds.shape[1] * 10
    )
    typical = counts.reshape(kinds.shape[1], 10).argmax(axis=1)
    inner = (kinds[1:-1] != typical).mean(axis=1)
    # The first and last must be further from the usual layout than nearly all others.
    limit = max(0.1, float(np.quantile(inner, 0.98)) * 1.5)
    first, last = ((kinds[at] != typical).mean() > limit for at in (0, -1))
    return matrix.first and bool(first), matrix.last and bool(last)


def _ends(values: npt.NDArray[np.int64], outliers: tuple[bool, bool]) -> float:
    """Return which share of what stands out (first record, last) has a value that comes only there."""
    middle = set(values[1:-1].tolist())
    # Few values in the middle: a serial number's first and last value also come only there.
    if len(middle) > _MOST:
        return 0.0
    alone = (int(values[at]) not in middle and values[0] != values[-1] for at in (0, -1))
    told = [own for out, own in zip(outliers, alone, strict=True) if out]
    return float(sum(told) / max(len(told), 1))


def _count(matrix: Matrix, types: Types, zero: int) -> tuple[tuple[int, int], str] | None:
    """Return where the trailer holds the number of records."""
    if matrix.total is None:
        return None
    last = matrix.view[-1]
    outside = 1 + (types.header is not None)
    digits = (last >= zero) & (last <= zero + 9)
    start = 0
    while start < len(last):
        if not digits[start] or types.offset <= start < types.offset + types.width:
            start += 1
            continue
        end = start
        while end < len(last) and digits[end] and not types.offset <= end < types.offset + types.width:
            end += 1
        for first in range(start, end):
            for stop in range(end, first + 2, -1):
                number = int("".join(str(int(b) - zero) for b in last[first:stop]))
                # A count of a few records is also any small number: three digits, leading zeros and all.
                if number == matrix.total - outside and number:
                    return (first, stop - first), "details"
                if number == matrix.total:
                    return (first, stop - first), "all"
            break
        start = end
    return None
