"""A version that is being built gives way to the live ones of the same worker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from streams.projection import Projection
from streams.versions import Versions, by_name

#: A build waits so long at most before each of its batches while live versions have batches in hand. With
#: 20,000 events a batch it still moves by 20,000 events/s beside a live version that is never idle.
_GIVE_WAY_SECONDS = 1.0
#: How soon a build goes on after the live versions came to rest.
_LOOK_SECONDS = 0.02


@dataclass(slots=True)
class _Busy:
    """How many batches of live versions are in hand."""

    batches: int = 0


@dataclass(slots=True)
class Turns:
    """One version's side of it."""

    projection: Projection
    traffic: Traffic = field(repr=False)

    async def wait(self) -> None:
        """Wait for a turn; a live version always has it."""
        if self.traffic.is_live(self.projection):
            return
        loop = asyncio.get_running_loop()
        until = loop.time() + _GIVE_WAY_SECONDS
        while self.traffic.busy.batches and loop.time() < until:  # noqa: ASYNC110 - it is a count
            await asyncio.sleep(_LOOK_SECONDS)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Have a batch in hand."""
        counts = self.traffic.is_live(self.projection)
        self.traffic.busy.batches += counts
        try:
            yield
        finally:
            self.traffic.busy.batches -= counts


class Traffic:
    """Knows which versions of a worker are live, and whether those are at work. For one event loop."""

    def __init__(self, projections: Sequence[Projection], versions: Versions) -> None:
        self._declared = by_name(projections)
        self._versions = versions
        self.busy = _Busy()

    def turns(self, projection: Projection) -> Turns:
        """Return one version's side."""
        return Turns(projection, self)

    def is_live(self, projection: Projection) -> bool:
        """Return whether readers see this version now."""
        declared = self._declared[projection.name]
        return len(declared) == 1 or self._versions.live(declared).version == projection.version

    def is_served(self, projection: Projection) -> bool:
        """Return whether readers see this version now and nobody has paused it."""
        return self.is_live(projection) and not self._versions.is_held(projection)
