"""When a projection has seen what legacy held at a given moment (DESIGN 10.6, 10.7): pure."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

#: Extracts remembered by adapter. A re-read looks for one that ended after it began: the newest few count.
REMEMBERED: Final = 1_000
Place = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Mark:
    """The end of an extract, with all that its adapter had published until then.

    Attributes:
        extract: the extract's id.
        read_from_ms: when its reading of the source began: it holds every change that was there before.
        last: (topic, partition) → the adapter's last offset so far. An extract without changes adds none,
            so the last offsets of the ones before it still count.
    """

    extract: str
    read_from_ms: int
    last: Mapping[Place, int]


class Marks:
    """The END records of all adapters, added in log order."""

    def __init__(self) -> None:
        self._last: dict[str, dict[Place, int]] = defaultdict(dict)
        self._marks: dict[str, deque[Mark]] = defaultdict(lambda: deque(maxlen=REMEMBERED))

    def add(self, record: Mapping[str, Any]) -> None:
        """Take one record of the transaction topic; what is no END of an adapter is passed over."""
        adapter, read_from = record.get("adapter"), record.get("read_from_ms")
        if record.get("status") != "END" or not isinstance(adapter, str):
            return
        last = self._last[adapter]
        for topic, partitions in (record.get("offsets") or {}).items():
            for partition, offset in partitions.items():
                last[topic, int(partition)] = max(int(offset), last.get((topic, int(partition)), -1))
        if isinstance(read_from, int):
            self._marks[adapter].append(Mark(str(record.get("extract", "")), read_from, dict(last)))

    def covering(self, adapter: str, since_ms: int) -> Mark | None:
        """Return the first known extract of `adapter` that began to read at `since_ms` or later."""
        return next((m for m in self._marks[adapter] if m.read_from_ms >= since_ms), None)


@dataclass(frozen=True, slots=True)
class Positions:
    """Where a projection stands: next offset by (topic, partition)."""

    topics: frozenset[str]
    next: Mapping[Place, int]

    @classmethod
    def of(cls, projection: str, status: Iterable[Mapping[str, Any]]) -> Positions:
        """Return the positions of `projection` from the rows of `/v1/_status`."""
        rows = [r for r in status if r.get("projection") == projection]
        return cls(
            frozenset(str(r["topic"]) for r in rows),
            {(str(r["topic"]), int(p)): int(o) for r in rows for p, o in r.get("offsets", {}).items()},
        )

    def complete_to(self, mark: Mark) -> bool:
        """Return whether everything that `mark` covers, of the topics this projection reads, is in it."""
        wanted = {place: last for place, last in mark.last.items() if place[0] in self.topics}
        return bool(self.topics) and all(self.next.get(place, 0) > last for place, last in wanted.items())

    def to_json(self) -> dict[str, int]:
        """Return `topic:partition` → next offset."""
        return {f"{topic}:{partition}": offset for (topic, partition), offset in sorted(self.next.items())}
