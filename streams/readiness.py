"""Is a worker ready to serve? By how far its partitions are behind, not by whether its process runs."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from aiohttp import web

#: A worker this far behind the last stable offset, in positions of one partition, serves old rows: seconds of
#: work at full speed, so one that is up to date never loses its readiness to a burst.
READY_LAG = 50_000


class Readiness:
    """What the projections of one worker have told about themselves.

    Args:
        names: the app ids that are hosted.
    """

    def __init__(self, names: list[str]) -> None:
        self._lags: dict[str, Mapping[int, int] | None] = dict.fromkeys(names)

    def tell(self, name: str, lags: Mapping[int, int] | None) -> None:
        """Note the positions that each assigned partition is behind; None while the projection is down."""
        self._lags[name] = lags

    @property
    def ready(self) -> bool:
        """True where every projection runs and none of its partitions is far behind.

        A projection without partitions is ready: others have them all.
        """
        return all(
            lags is not None and max(lags.values(), default=0) <= READY_LAG for lags in self._lags.values()
        )

    def report(self) -> dict[str, Any]:
        """Return the lag of each projection's partitions."""
        return {
            "status": "ready" if self.ready else "behind",
            "projections": {
                name: None if lags is None else {str(p): lag for p, lag in sorted(lags.items())}
                for name, lags in self._lags.items()
            },
        }


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
