"""Is a worker ready to serve? By how far its partitions are behind, not by whether its process runs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from aiohttp import web

from schemas.errors import BanyanError

#: A worker this far behind the last stable offset, in positions of one partition, serves old rows: seconds of
#: work at full speed, so one that is up to date never loses its readiness to a burst.
READY_LAG = 50_000


class Readiness:
    """What the projections of one worker have told about themselves.

    Args:
        names: the app ids that are hosted.
        counts: does readiness wait for this one? Not for a version that is being built or is paused: no
            reader sees it, and a build may take hours.
    """

    def __init__(self, names: list[str], counts: Callable[[str], bool] = lambda _: True) -> None:
        self._lags: dict[str, Mapping[int, int] | None] = dict.fromkeys(names)
        self._waits_for: dict[str, str] = {}
        self._counts = counts

    def tell(self, name: str, lags: Mapping[int, int] | None, *, waits_for: str | None = None) -> None:
        """Note the positions that each assigned partition is behind; None while the projection is down.

        Args:
            name: which projection.
            lags: by partition.
            waits_for: what outside does not answer it.
        """
        self._lags[name] = lags
        self._waits_for.pop(name, None)
        if waits_for:
            self._waits_for[name] = waits_for

    @property
    def ready(self) -> bool:
        """True where every projection that counts runs and none of its partitions is far behind.

        A projection without partitions is ready: others have them all.
        """
        return all(self._is_ready(name) for name in self._lags if self._does_count(name))

    def report(self) -> dict[str, Any]:
        """Return the lag of each projection's partitions, those that do not count, and what is waited for."""
        return {
            "status": "ready" if self.ready else "behind",
            "projections": {
                name: None if lags is None else {str(p): lag for p, lag in sorted(lags.items())}
                for name, lags in self._lags.items()
            },
            "not_waited_for": [name for name in self._lags if not self._does_count(name)],
            "wait_for": self._waits_for,
        }

    def _is_ready(self, name: str) -> bool:
        lags = self._lags[name]
        return lags is not None and max(lags.values(), default=0) <= READY_LAG

    def _does_count(self, name: str) -> bool:
        try:
            return self._counts(name)
        except (BanyanError, OSError):
            return True  # who cannot read which versions are live waits for all


@contextlib.asynccontextmanager
async def served(readiness: Readiness, port: int | None) -> AsyncIterator[None]:
    """Answer `/health/live` and `/health/ready` on loopback while the block runs; without a port, nothing."""
    if port is None:
        yield
        return

    async def live(_: web.Request) -> web.Response:
        return web.json_response({"status": "live"})

    async def ready(_: web.Request) -> web.Response:
        return web.json_response(readiness.report(), status=200 if readiness.ready else 503)

    app = web.Application()
    app.add_routes([web.get("/health/live", live), web.get("/health/ready", ready)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()
