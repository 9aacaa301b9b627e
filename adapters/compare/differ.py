"""Change events between two tables, in memory that does not grow with them.

A row is 48 bytes of fingerprint, place and number until it is known to differ (`prints`). Where the rows
are many, these are spread over files by key fingerprint and joined part by part; what differs is spread
again by row number. So memory is bounded by a part, time is in line with size, and the order is always the
same: changes in the order of the new table, then deletes in the order of the old one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from adapters.compare.alike import differing
from adapters.compare.fingerprint import Bools, Fingerprint, Int64s, Words
from adapters.compare.join import NEW, NEW_NUMBER, NONE, OLD, OLD_NUMBER, Differences, Duplicates, join
from adapters.compare.merge import merge
from adapters.compare.ordered import NotOrdered, RowSource, sides
from adapters.compare.prints import KEY, KEY_STREAM, NUMBER, Parts, Prints, places
from adapters.compare.spool import Spool
from adapters.compare.table import Hasty, Images, NotProven, Table
from schemas.errors import SettingsError, Terminal

if TYPE_CHECKING:
    import pyarrow as pa

#: Rows of a part: 48 MB a side, and about as much again while they are joined.
_PART_ROWS = 1 << 20
#: Differences that are parsed and handed out at once.
_BATCH = 8192


@dataclass(frozen=True, slots=True)
class Comparison:
    """What counts as a row and as a difference.

    Attributes:
        key: columns of the key, in order.
        ignore: columns whose changes do not count.
        tolerance: column → greatest difference between two numbers that does not count.
        duplicates: what to do with a key that one side has twice.
    """

    key: tuple[str, ...]
    ignore: frozenset[str] = frozenset()
    tolerance: Mapping[str, Decimal] = field(default_factory=dict)
    duplicates: Duplicates = "error"


@dataclass(slots=True)
class Counts:
    """The figures of one comparison; complete when the events are exhausted."""

    old_rows: int = 0
    new_rows: int = 0
    created: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0
    #: Rows that differ only in what does not count; they are among the unchanged.
    alike: int = 0
    old_duplicates: int = 0
    new_duplicates: int = 0
    #: Records of either side that cannot be decoded; no event is made for their keys.
    rejected: int = 0

    def reset(self) -> None:
        """Begin anew."""
        for figure in fields(self):
            setattr(self, figure.name, 0)

    @property
    def differ(self) -> bool:
        """Whether there is any event."""
        return bool(self.created or self.updated or self.deleted)


@dataclass(frozen=True, slots=True)
class Changes:
    """n change events.

    Attributes:
        old_number: n record numbers in the old table, 0 where there is none (a create).
        new_number: n record numbers in the new table, 0 where there is none (a delete).
        before: the old images, of those that have one.
        after: the new images, of those that have one.
    """

    old_number: Int64s
    new_number: Int64s
    before: pa.Table
    after: pa.Table

    @property
    def updated(self) -> Bools:
        """Which events have both images."""
        both: Bools = (self.old_number > 0) & (self.new_number > 0)
        return both


class Differ:
    """One comparison of two tables; iterate once."""

    def __init__(
        self,
        old: Table,
        new: Table,
        comparison: Comparison,
        *,
        work: Path | None = None,
        part_rows: int = _PART_ROWS,
    ) -> None:
        """Check the names.

        Args:
            old: the table before.
            new: the table after.
            comparison: what counts.
            work: where temporary files go; None = the system's folder for them.
            part_rows: rows of one part.

        Raises:
            SettingsError: a name is no column.
        """
        self.counts = Counts()
        self._old, self._new, self._comparison = old, new, comparison
        self._work, self._part_rows = work, part_rows
        for table in (old, new):
            for name in comparison.key:
                _known(name, table, "--key")
        for option, names in (("--ignore", comparison.ignore), ("--tolerance", comparison.tolerance)):
            for name in names:
                if name not in old.columns:
                    _known(name, new, option)

    def __iter__(self) -> Iterator[Changes]:
        """Yield the events.

        Raises:
            Terminal: a file cannot be read, or a key is there twice.
        """
        with (
            TemporaryDirectory(prefix="banyan-diff-", dir=self._work) as folder,
            ThreadPoolExecutor(3) as pool,
        ):
            pool.submit(
                import_module, "pyarrow.compute"
            )  # a tenth of a second that the first images would wait
            for columns in self._found(Path(folder), pool):
                for start in range(0, columns.shape[1], _BATCH):
                    changes = self._changes(columns[:, start : start + _BATCH])
                    if len(changes.old_number):
                        yield changes

    def _found(self, folder: Path, pool: ThreadPoolExecutor) -> Iterator[Differences]:
        """Yield what differs in the order of the events, of tables in bytes if they can be had so."""
        try:
            yield from self._matched(folder, pool)
        except NotProven:  # raised before anything was found
            self._old, self._new = (
                t.careful() if isinstance(t, Hasty) else t for t in (self._old, self._new)
            )
            self.counts.reset()
            yield from self._matched(folder / "again", pool)

    def _matched(self, folder: Path, pool: ThreadPoolExecutor) -> Iterator[Differences]:
        """Yield what differs in the order of the events: by a merge if both sides are in order."""
        old, new = self._old, self._new
        if isinstance(old, RowSource) and isinstance(new, RowSource) and self._same_columns:
            folder.mkdir(exist_ok=True)
            with Spool(folder) as changes, Spool(folder) as deletes:
                try:
                    self._merge(old, new, pool, changes, deletes)
                except NotOrdered:
                    self.counts.reset()
                else:
                    yield from changes
                    yield from deletes
                    return
        with self._differences(folder, pool) as found:
            for part in range(len(found)):
                columns = found.read(part)
                fresh = bool((columns[NEW_NUMBER] != NONE).any())
                yield columns[:, np.argsort(columns[NEW_NUMBER if fresh else OLD_NUMBER])]

    @property
    def _same_columns(self) -> bool:
        return tuple(self._old.columns) == tuple(self._new.columns)

    def _merge(
        self, old: RowSource, new: RowSource, pool: ThreadPoolExecutor, changes: Spool, deletes: Spool
    ) -> None:
        counts, key = self.counts, self._comparison.key
        left, right = sides(old.raw_rows(key), new.raw_rows(key), pool)
        _keep_freed_memory()
        for merged in merge(left, right):
            changes.add(merged.changes)
            deletes.add(merged.deletes)
            counts.unchanged += merged.unchanged
            counts.old_rows += merged.old_rows
            counts.new_rows += merged.new_rows

    def _differences(self, folder: Path, pool: ThreadPoolExecutor) -> Parts:
        """Return what differs, in parts that follow each other in the order of the events."""
        counts, comparison = self.counts, self._comparison
        expected = max(self._old.rows_expected, self._new.rows_expected)
        bits = max(
            0, (expected // self._part_rows).bit_length() if expected > self._part_rows * 3 // 2 else 0
        )
        with (
            Parts(1 << bits, folder / "old", expected=self._old.rows_expected) as old,
            Parts(1 << bits, folder / "new", expected=self._new.rows_expected) as new,
        ):
            fingerprint = Fingerprint()
            counts.old_rows, counts.new_rows = pool.map(
                lambda side: self._print(
                    side[0], side[1], fingerprint, b"" if self._same_columns else side[2], bits
                ),
                ((self._old, old, b"old"), (self._new, new, b"new")),
            )
            lost = self._rejected_keys(fingerprint)
            fresh = counts.new_rows // self._part_rows + 1
            stale = counts.old_rows // self._part_rows + 1
            found = Parts(fresh + stale, folder / "found", 4)
            for part in range(1 << bits):
                left, right = (_without(side.read(part), lost) for side in (old, new))
                joined = join(left, right, comparison.duplicates, pool)
                counts.unchanged += joined.unchanged
                counts.old_duplicates += self._repeats(self._old, joined.old_repeats)
                counts.new_duplicates += self._repeats(self._new, joined.new_repeats)
                found.add(joined.differences, self._order(joined.differences, fresh))
            return found

    def _print(self, table: Table, into: Parts, fingerprint: Fingerprint, salt: bytes, bits: int) -> int:
        rows = 0
        for piece in table.prints(fingerprint, self._comparison.key, salt):
            into.add(piece, piece[KEY] >> np.uint64(64 - bits) if bits else piece[KEY])
            rows += piece.shape[1]
        return rows

    def _rejected_keys(self, fingerprint: Fingerprint) -> Words:
        """Return the keys of records that could not be decoded, on either side: nothing is said of them."""
        texts = [text.encode() for table in (self._old, self._new) for text in table.rejected]
        self.counts.rejected += len(texts)
        lengths = np.array([len(t) for t in texts], np.int64)
        data = np.frombuffer(b"".join(texts) or b"\0", np.uint8)
        return fingerprint.of(data, np.cumsum(lengths) - lengths, lengths, KEY_STREAM)[:, 0]

    def _order(self, differences: Differences, fresh: int) -> Any:
        """Return which part a difference belongs to: by new record number, then deletes by old one."""
        gone = differences[NEW_NUMBER] == NONE
        number = np.where(gone, differences[OLD_NUMBER], differences[NEW_NUMBER])
        return number // np.uint64(self._part_rows) + np.where(gone, np.uint64(fresh), np.uint64(0))

    def _repeats(self, table: Table, repeats: Prints) -> int:
        """Count rows whose key has come before; with the policy `error` there must be none."""
        told = repeats.shape[1]
        if told and self._comparison.duplicates == "error":
            first, second = self._first_repeat(repeats)
            raise Terminal(
                f"records {first} and {second} have the same key",
                where=table.name,
                fix="name more columns in --key, or say which of them counts: --duplicates first, or last",
            )
        return int(told - np.unique(repeats[:2], axis=1).shape[1])

    @staticmethod
    def _first_repeat(repeats: Prints) -> tuple[int, int]:
        order = np.lexsort((repeats[NUMBER], repeats[1], repeats[KEY]))
        key, number = repeats[:2, order], repeats[NUMBER, order]
        pairs = np.flatnonzero((key[:, 1:] == key[:, :-1]).all(axis=0))
        at = pairs[np.argmin(number[pairs + 1])]
        return int(number[at]), int(number[at + 1])

    def _changes(self, columns: Differences) -> Changes:
        """Fetch the images of n differences and leave out those that do not count."""
        old = _images(self._old, columns[OLD], columns[OLD_NUMBER])
        new = _images(self._new, columns[NEW], columns[NEW_NUMBER])
        had, has = columns[OLD] != NONE, columns[NEW] != NONE
        if old.bad is not None or new.bad is not None:
            columns = columns[:, self._good(old, new, had, has)]
            return self._changes(columns)
        before, after = old.rows, new.rows
        both = had & has
        stay = np.ones(len(both), dtype=bool)
        stay[both] = differing(
            _chosen(before, both[had]),
            _chosen(after, both[has]),
            ignore=self._comparison.ignore,
            tolerance=self._comparison.tolerance,
        )
        counts, alike = self.counts, int((~stay).sum())
        counts.alike += alike
        counts.unchanged += alike
        counts.updated += int((both & stay).sum())
        counts.created += int((~had).sum())
        counts.deleted += int((~has).sum())
        numbers = np.where(columns == NONE, np.uint64(0), columns)[:, stay].astype(np.int64)
        before, after = _chosen(before, stay[had]), _chosen(after, stay[has])
        return Changes(numbers[OLD_NUMBER], numbers[NEW_NUMBER], before, after)

    def _good(self, old: Images, new: Images, had: Bools, has: Bools) -> Bools:
        """Return which differences have images that can be decoded; nothing is said of the others' keys."""
        good: Bools = np.ones(len(had), np.bool_)
        for images, there in ((old, had), (new, has)):
            if images.bad is not None:
                self.counts.rejected += int(images.bad.sum())
                good[np.flatnonzero(there)[images.bad]] = False
        return good


def _keep_freed_memory() -> None:
    """Let the C library keep blocks like those that the kernels use over and over.

    glibc gives freed blocks above a threshold back to the system and has the next ones faulted in anew, page
    by page: a quarter of the time. Freeing a larger block raises the threshold to its size (mallopt(3),
    M_MMAP_THRESHOLD). No page of it is touched.
    """
    np.empty(24 << 20, np.uint8)


def _images(table: Table, place: Any, number: Any) -> Images:
    there = place != NONE
    return table.images(*places(place[there]), number[there].astype(np.int64))


def _chosen(table: pa.Table, rows: Bools) -> pa.Table:
    return table if rows.all() else table.filter(rows.tolist())


def _without(rows: Prints, keys: Words) -> Prints:
    return rows[:, ~np.isin(rows[KEY], keys)] if len(keys) else rows


def _known(name: str, table: Table, option: str) -> None:
    if name not in table.columns:
        raise SettingsError(
            f"{name!r} is no column of {table.name}",
            where=option,
            fix=f"use one of {', '.join(map(repr, table.columns))}",
        )
