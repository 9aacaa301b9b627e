"""`banyan demo`: run an estate, tell what happens, check it against the legacy data.

The story itself is the estate's own: `story.py` with `async def tell(demo: Demo) -> None`.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

import aiohttp

from connectors.links import Links
from connectors.log_reader import read_all
from hub.estate import Estate
from hub.run import running, stop_on_signal
from hub.terminal import INTERRUPTED, say
from schemas.errors import SettingsError, Transient

#: How long a story waits for one thing to come true. Everything takes a second or two; a slow machine
#: that trains its AOT caches at the same time has been seen to need twenty.
PATIENCE_SECONDS = 60.0


class Demo:
    """What a story may do: speak, ask the running parts, wait, and check facts."""

    def __init__(self, estate: Estate, session: aiohttp.ClientSession) -> None:
        self.estate = estate
        self.links: Links = estate.links()
        self.failed: list[str] = []
        self.checked = 0
        self._session = session
        self._api = estate.settings.api.url
        self._facade = estate.settings.facade.url

    def say(self, text: str) -> None:
        """Tell one line of the story."""
        say(f"  {text}")

    def chapter(self, title: str) -> None:
        """Begin a part of the story."""
        say(f"\n{title}")

    def check(self, fact: str, ok: bool, detail: str = "") -> None:
        """State a fact of the story; a wrong one makes the demo end with exit code 1."""
        self.checked += 1
        if not ok:
            self.failed.append(fact)
        say(f"  {'✓' if ok else '✗'} {fact}{f' — {detail}' if detail and not ok else ''}")

    def check_rows(self, fact: str, found: Mapping[Any, Any], truth: Mapping[Any, Any]) -> None:
        """Check that the rows found by key are those of the legacy data, field by field."""
        wrong = sorted(str(k) for k in truth.keys() | found.keys() if found.get(k) != truth.get(k))
        fields = sum(len(row) for row in truth.values())
        self.check(
            f"{fact}: {len(truth):,} rows, {fields:,} fields", not wrong, f"{len(wrong):,} rows differ"
        )

    async def get(self, url: str) -> tuple[int, Any]:
        """Return status and JSON body of a GET; a path alone goes to the read API."""
        async with self._session.get(url if "://" in url else self._api + url) as answer:
            return answer.status, await answer.json(content_type=None)

    async def facade(self, path: str) -> tuple[int, Any, Mapping[str, str]]:
        """Return status, JSON body and headers of a GET through the façade."""
        async with self._session.get(self._facade + path) as answer:
            return answer.status, await answer.json(content_type=None), answer.headers

    async def post(self, url: str, body: Any) -> Any:
        """Return the JSON answer of a POST, which must succeed."""
        async with self._session.post(url, json=body) as answer:
            if answer.status >= 300:
                raise Transient(f"the answer is HTTP {answer.status}", where=url)
            return await answer.json(content_type=None)

    async def rows(self, collection: str) -> list[dict[str, Any]]:
        """Return every row that the API serves in a collection, page by page."""
        found: list[dict[str, Any]] = []
        path: str | None = f"/v1/{collection}?limit=1000"
        while path:
            status, page = await self.get(path)
            if status != 200:
                raise Transient(f"the answer is HTTP {status}", where=self._api + path)
            found += page["items"]
            path = page["next"]
        return found

    async def until(self, what: str, come_true: Callable[[], Awaitable[Any]]) -> Any:
        """Return the first true answer of `come_true`.

        Raises:
            Transient: it did not come true in time.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(aiohttp.ClientError, Transient):
                if answer := await come_true():
                    return answer
            await asyncio.sleep(0.1)
        raise Transient(
            f"waited {PATIENCE_SECONDS:g} s in vain: {what}",
            where=str(self.estate.state / "logs"),
            fix="read the logs of the adapter and the worker",
        )

    async def ends(self, adapter: str) -> list[dict[str, Any]]:
        """Return the END marks of an adapter's extracts, oldest first."""
        return await asyncio.to_thread(self._ends, adapter)

    async def visible(self, ends: Iterable[dict[str, Any]]) -> None:
        """Wait until every projection is complete to these END marks (DESIGN 10.6)."""
        wanted: dict[str, dict[str, int]] = {}
        for end in ends:
            for topic, offsets in end.get("offsets", {}).items():
                merged = wanted.setdefault(topic, {})
                for partition, offset in offsets.items():
                    merged[partition] = max(offset, merged.get(partition, -1))

        async def complete() -> bool:
            status, projections = await self.get("/v1/_status")
            return status == 200 and all(
                int(p["offsets"].get(partition, 0)) > offset
                for p in projections
                for partition, offset in wanted.get(p["topic"], {}).items()
            )

        await self.until("the projections are complete to what was published", complete)

    async def status(self) -> list[dict[str, Any]]:
        """Return the read API's own account of its projections."""
        found: list[dict[str, Any]] = (await self.get("/v1/_status"))[1]
        return found

    def _ends(self, adapter: str) -> list[dict[str, Any]]:
        marks = (
            json.loads(r.value or b"{}")
            for r in read_all(self.links.kafka, self.links.topics.transaction.name)
        )
        return [m for m in marks if m.get("status") == "END" and m.get("adapter") == adapter]


async def tell(estate: Estate, *, end: bool) -> bool:
    """Run `estate`, tell its story; then end, or stay until Ctrl-C. Return whether every fact was right."""
    story = load_story(estate)
    # The parts take their state from here; so does the story, which runs in this process.
    os.environ["BANYAN_STATE"] = str(estate.state)
    began = time.monotonic()
    stop = stop_on_signal()
    say(f"{estate.title}: a running example in {estate.path}")
    async with running(estate, say=lambda text: say(f"  {text}"), stop=stop), _demo(estate) as demo:
        told = await _tell_or_stop(story.tell(demo), stop)
        if told:
            demo.chapter("What runs now")
            for line in _urls(estate):
                demo.say(line)
            verdict = f"{demo.checked - len(demo.failed)} of {demo.checked} facts right"
            say(f"\n{verdict}, {time.monotonic() - began:.1f} s")
            if not end:
                say("everything runs on; Ctrl-C ends it, and the next start finds the same data")
                await stop.wait()
        say("ending")
    if not told:
        # All parts have ended. A thread of the story that still reads the ended Kafka would hold the
        # interpreter for half a minute, so it is not waited for.
        sys.stdout.flush()
        os._exit(INTERRUPTED)
    return not demo.failed


def load_story(estate: Estate) -> ModuleType:
    """Return the estate's `story.py`, loaded by path (DESIGN 10.15).

    Raises:
        SettingsError: the estate tells no story.
    """
    path = estate.path / "story.py"
    spec = importlib.util.spec_from_file_location(f"_estate_{estate.name}_story", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise SettingsError(
            "this estate has no story.py", where=str(estate.path), fix="use `banyan run` instead"
        )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@contextlib.asynccontextmanager
async def _demo(estate: Estate) -> AsyncIterator[Demo]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        yield Demo(estate, session)


async def _tell_or_stop(story: Awaitable[None], stop: asyncio.Event) -> bool:
    """Let the story run to its end, or leave it at a signal. Return whether it was told whole.

    Raises:
        Transient: what the story waits for does not come true.
    """
    telling, stopping = asyncio.ensure_future(story), asyncio.ensure_future(stop.wait())
    await asyncio.wait({telling, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not telling.done():
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling
        return False
    telling.result()
    return True


def _urls(estate: Estate) -> list[str]:
    settings = estate.settings
    lines = (
        [f"API      {settings.api.url}/v1/…   (described at {settings.api.url}/openapi.json)"]
        if estate.projections
        else []
    )
    if estate.operations:
        lines.append(f"Façade   {settings.facade.url}{estate.operations[0].rest.path}")
    return [*lines, f"Console  {settings.console.url}", f"Logs     {estate.state / 'logs'}"]
