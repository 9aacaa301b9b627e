"""Is a projection moving? Judged by positions against the last stable offset, not by process state."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from schemas.errors import Terminal, Transient

#: How often to ask the broker for ends: once in five seconds a projection is no load, and a stall is
#: noticed within `STUCK_SECONDS` plus this.
LOOK_SECONDS = 5.0
#: A partition that is behind and has neither fetched nor stored anything for so long is stuck. The slowest
#: honest step is one batch: 20,000 rows take under 5 s even on a slow disk; a rebalance up to 10 s. Too short
#: costs a needless start from the stored offsets, too long leaves readers with old rows.
STUCK_SECONDS = 20.0


class Stuck(Transient):
    """A partition has records and does not move; the app is started again."""


class Rewound(Terminal):
    """The topic ends before the stored offset: it was made anew, and its events would be left out."""


class Progress:
    """Watches one projection.

    Positions pass control and aborted records, so a caught-up partition has position = last stable offset;
    counts and "last record + 1" would stay below it for ever after a commit marker.
    """

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._clock = clock
        self._next_look = clock() + LOOK_SECONDS
        self._seen: dict[int, tuple[int, int]] = {}
        self._moved: dict[int, float] = {}

    def due(self) -> bool:
        """Return True when it is time to look again."""
        if self._clock() < self._next_look:
            return False
        self._next_look = self._clock() + LOOK_SECONDS
        return True

    def look(
        self,
        positions: Mapping[int, int],
        handed: Mapping[int, int],
        stored: Mapping[int, int],
        ends: Mapping[int, int],
        *,
        waits: bool = False,
    ) -> None:
        """Compare this look with the ones before.

        Args:
            positions: fetch position by assigned partition. One that is not assigned counts as standing at
                what is stored: the store has one worker, so a member without it is as stuck as a silent one.
            handed: where the last batch ended that the transport handed out, by partition.
            stored: next offset in the read model by claimed partition.
            ends: last stable offset by partition.
            waits: the engine tries again what a store or registry has not answered. Then nothing is stuck
                here: a start would find the same store, and lose what is fetched and prepared.

        Raises:
            Stuck: a partition is behind and has not moved for `STUCK_SECONDS`.
            Rewound: a partition ends before what is stored.
        """
        now = self._clock()
        for partition in ends.keys() | positions.keys():
            kept = stored.get(partition, 0)
            position = positions.get(partition, kept)
            if partition in ends and kept > ends[partition]:
                raise Rewound(
                    f"partition {partition} ends at {ends[partition]}, but {kept} is stored: another topic",
                    where=self._name,
                    fix="raise the projection's version, so that it is built from the topic as it is now",
                )
            waiting = kept < handed.get(partition, 0)
            behind = not waits and (waiting or position < ends.get(partition, 0))
            if not behind or self._seen.get(partition) != (position, kept):
                self._moved[partition] = now
            self._seen[partition] = (position, kept)
            if now - self._moved[partition] > STUCK_SECONDS:
                raise Stuck(
                    f"partition {partition} has not moved from {position} for {STUCK_SECONDS:.0f} s, "
                    f"its end is {ends.get(partition)}",
                    where=self._name,
                    fix="nothing: the app is started again from the stored offsets",
                )
