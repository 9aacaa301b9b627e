"""Compare two versions of a projection row by row, at the same offsets, in bounded memory."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from connectors.readmodel.snapshot import Snapshot
from schemas.errors import SettingsError, Transient
from streams.explained import Rule, Rules

#: Keys that may be looked at again because one version is ahead of the other; at more, one of them is not
#: caught up, and an answer would be about that.
MOST_UNSETTLED = 100_000
_LOOK_AGAIN_SECONDS = 0.2

Row = tuple[Any, ...]
#: Opens one version as it stands now.
Open = Callable[[], AbstractContextManager[Snapshot]]


@dataclass(slots=True)
class Sample:
    """One difference, by the events behind both rows; values only where somebody asked for them."""

    old: str | None
    new: str | None
    fields: dict[str, Any]


@dataclass(slots=True)
class Comparison:
    """What two versions have in common.

    Attributes:
        offsets: by partition, the offset up to which both were compared.
        old_rows: rows of the old version.
        new_rows: rows of the new version.
        same: rows without any difference.
        explained: rows of which rules explain every difference.
        different: rows with a difference that nothing explains.
        only_old: rows that only the old version has, unexplained.
        only_new: rows that only the new version has, unexplained.
        fields: unexplained differences by field.
        rules: how many differences each rule hides; 0 for one that is not needed.
        unsettled: keys that changed while they were compared, to the end.
        samples: some of the unexplained differences.
    """

    offsets: dict[int, int] = field(default_factory=dict)
    old_rows: int = 0
    new_rows: int = 0
    same: int = 0
    explained: int = 0
    different: int = 0
    only_old: int = 0
    only_new: int = 0
    fields: Counter[str] = field(default_factory=Counter)
    rules: dict[str, int] = field(default_factory=dict)
    unsettled: int = 0
    samples: list[Sample] = field(default_factory=list)

    @property
    def green(self) -> bool:
        """True where nothing is unexplained and nothing was left unsettled."""
        return not (self.fields or self.different or self.only_old or self.only_new or self.unsettled)


def compare(
    open_old: Open,
    open_new: Open,
    rules: Rules,
    *,
    samples: int = 10,
    reveal: bool = False,
    patience: float = 10,
) -> Comparison:
    """Compare two versions.

    Both follow the same log and are seldom at the same offset. A row of which the one that is ahead may
    have seen a later event is set aside, and looked at again once the other has come so far.

    Args:
        open_old: the version that is live.
        open_new: the other one.
        rules: what explains differences.
        samples: so many differences are shown.
        reveal: show their values, which may be personal data.
        patience: seconds for what is set aside.

    Raises:
        SettingsError: they cannot be compared row by row.
        Transient: one is so far behind that there is nothing to compare.
    """
    with open_old() as old, open_new() as new:
        work = _Work(old, new, rules, samples, reveal)
        pending = work.all_rows(old, new)
        offsets = _reached(old, new)
    deadline = time.monotonic() + patience
    while pending and time.monotonic() < deadline:
        time.sleep(_LOOK_AGAIN_SECONDS)
        with open_old() as old, open_new() as new:
            pending = work.some_rows(old, new, pending)
    work.found.unsettled = len(pending)
    work.found.offsets = offsets
    return work.found


class _Work:
    """Counts one comparison."""

    def __init__(self, old: Snapshot, new: Snapshot, rules: Rules, samples: int, reveal: bool) -> None:
        _check(old, new)
        self._rules, self._samples, self._reveal = rules, samples, reveal
        self.found = Comparison(rules={rule.name: 0 for rule in rules.rule})
        self._key = len(old.table.key)
        self._columns = [n for n in old.table.names if n in new.table.names and n not in old.table.key]
        self._by_field = {n: [r for r in rules.rule if r.field == n] for n in self._columns}
        for names, others, kind in (
            (old.table.names, new.table.names, "removed"),
            (new.table.names, old.table.names, "added"),
        ):
            for name in names:
                if name not in others and not self._explained(rules.first((kind, "any"), name)):  # type: ignore[arg-type]
                    self.found.fields[f"{name} ({kind})"] += 1

    def all_rows(self, old: Snapshot, new: Snapshot) -> list[Row]:
        """Compare every row; return the keys that are not settled."""
        pending: list[Row] = []
        width = self._key + len(self._columns)
        for a, b in _merged(old.rows(self._columns), new.rows(self._columns), self._key):
            self.found.old_rows += a is not None
            self.found.new_rows += b is not None
            equal = a is not None and b is not None and a[:width] == b[:width]
            if (equal and a[-2:] == b[-2:]) or _is_settled(a, b, old, new):  # type: ignore[index]
                if equal:
                    self.found.same += 1
                else:
                    self._count(a, b)
            else:
                pending.append((a or b or ())[: self._key])
                if len(pending) > MOST_UNSETTLED:
                    raise Transient(
                        f"more than {MOST_UNSETTLED:,} rows are ahead in one version",
                        where=old.topic,
                        fix="wait until both are caught up: banyan projection list",
                    )
        return pending

    def some_rows(self, old: Snapshot, new: Snapshot, keys: Sequence[Row]) -> list[Row]:
        """Compare the rows of some keys; return those that still are not settled."""
        pending = []
        width = self._key + len(self._columns)
        for key in keys:
            a, b = old.row(key, self._columns), new.row(key, self._columns)
            if a is None and b is None:
                continue  # deleted since
            if not _is_settled(a, b, old, new):
                pending.append(key)
            elif a is not None and b is not None and a[:width] == b[:width]:
                self.found.same += 1
            else:
                self._count(a, b)
        return pending

    def _count(self, a: Row | None, b: Row | None) -> None:
        if a is None or b is None:
            side = "only_new" if a is None else "only_old"
            if self._explained(self._rules.first((side,))):  # type: ignore[arg-type]
                self.found.explained += 1
            else:
                setattr(self.found, side, getattr(self.found, side) + 1)
                self._sample(a, b, {})
            return
        different = {}
        for i, name in enumerate(self._columns, self._key):
            if a[i] == b[i] or (a[i] != a[i] and b[i] != b[i]):
                continue
            if not self._explained(next((r for r in self._by_field[name] if r.explains(a[i], b[i])), None)):
                self.found.fields[name] += 1
                different[name] = (a[i], b[i])
        if different:
            self.found.different += 1
            self._sample(a, b, different)
        else:
            self.found.explained += 1

    def _explained(self, rule: Rule | None) -> bool:
        if rule is not None:
            self.found.rules[rule.name] += 1
        return rule is not None

    def _sample(self, a: Row | None, b: Row | None, different: dict[str, tuple[Any, Any]]) -> None:
        if len(self.found.samples) < self._samples:
            shown = {
                name: list(pair) if self._reveal else [_described(v) for v in pair]
                for name, pair in different.items()
            }
            self.found.samples.append(Sample(_place(a), _place(b), shown))


def _check(old: Snapshot, new: Snapshot) -> None:
    if old.topic != new.topic:
        raise SettingsError(
            f"one version is built from {old.topic}, the other from {new.topic}",
            where="banyan projection compare",
            fix="compare versions of one topic; switch with --force if this is meant",
        )
    kinds = [[(k, s.table.column(k).kind) for k in s.table.key] for s in (old, new)]
    if kinds[0] != kinds[1]:
        raise SettingsError(
            "the versions have different keys, so no row of one is a row of the other",
            where=old.topic,
            fix="check the new version by its own tests; switch with --force if this is meant",
        )


def _merged(old: Iterator[Row], new: Iterator[Row], key: int) -> Iterator[tuple[Row | None, Row | None]]:
    """Yield the rows of both sides, those of one key together. Both come in the order of their keys."""
    a, b = next(old, None), next(new, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a[:key] < b[:key]):
            yield a, None
            a = next(old, None)
        elif a is None or b[:key] < a[:key]:
            yield None, b
            b = next(new, None)
        else:
            yield a, b
            a, b = next(old, None), next(new, None)


def _is_settled(a: Row | None, b: Row | None, old: Snapshot, new: Snapshot) -> bool:
    """Return whether a difference is one at the same offset: the version ahead has seen nothing later."""
    row = a or b or ()
    partition = row[-2]
    if a is not None and b is not None and a[-2] != b[-2]:
        return True  # a row has one partition, so this is a difference whatever the offsets are
    mine, other = old.offsets.get(partition, 0), new.offsets.get(partition, 0)
    if mine == other:
        return True
    ahead = a if mine > other else b
    return ahead is not None and ahead[-1] < min(mine, other)


def _reached(old: Snapshot, new: Snapshot) -> dict[int, int]:
    partitions = sorted(old.offsets.keys() | new.offsets.keys())
    return {p: min(old.offsets.get(p, 0), new.offsets.get(p, 0)) for p in partitions}


def _place(row: Row | None) -> str | None:
    return None if row is None else f"{row[-2]}:{row[-1]}"


def _described(value: Any) -> str:
    """Return what a value is like: every field is personal until somebody classified it (DESIGN 10.14)."""
    if value is None:
        return "null"
    if isinstance(value, (str, bytes)):
        return f"{'text' if isinstance(value, str) else 'bytes'} of {len(value)}"
    return "a number"
