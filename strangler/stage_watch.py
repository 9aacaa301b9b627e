"""The stage of each operation as this host knows it: kill switch first, then Kafka, then the last known."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from typing import Final, Literal

from connectors.links import Links
from schemas.errors import Terminal
from strangler.canary import Serving
from strangler.control import StageState
from strangler.kill_switch import KillSwitch, write_durably
from strangler.stage import Stage
from strangler.tail import tail

log = logging.getLogger(__name__)
#: How often the kill switch's file is looked at: a kill acts in under 1 s on every façade of the host, and
#: one `stat` costs about a microsecond.
KILL_POLL_SECONDS: Final = 0.2
_LEGACY: Final = Serving(Stage.LEGACY)


class StageWatch:
    """Follows the state topic and the kill switch; `stage` is what the hot path asks.

    The last known state of each operation is kept in `<state>/facade/<operation>.json`, so that a restart
    while Kafka is away goes on with it. An operation that nobody ever decided on is served by legacy.
    """

    def __init__(self, links: Links, operations: Iterable[str]) -> None:
        self._links = links
        self._folder = links.state / "facade"
        self.kill_switch = KillSwitch(links.state)
        #: Where the stages come from: `kafka` once the state topic has been read to its end.
        self.source: Literal["kafka", "host", "default"] = "default"
        self._states: dict[str, StageState] = {}
        #: What the present pass over the topic has read; it replaces `_states` when the end is reached, so
        #: that older records never act again, and a topic that was made anew counts for what it holds.
        self._read: dict[str, StageState] = {}
        self._current = False
        self._effective: dict[str, Serving] = {}
        self._names = tuple(operations)
        self._load()
        self._refresh()

    def stage(self, operation: str) -> Stage:
        """Return the stage that counts now; legacy while the operation is killed."""
        return self._effective[operation].stage

    def serving(self, operation: str) -> Serving:
        """Return the stage that counts now with the canary's share; see `stage`."""
        return self._effective[operation]

    def state(self, operation: str) -> StageState | None:
        """Return what the decision log says, whatever the kill switch does."""
        return self._states.get(operation)

    async def run(self) -> None:
        """Follow both sources until cancelled."""
        await asyncio.gather(self._follow_kill_switch(), self._follow_topic())

    def kill(self, operation: str, *, by: str, reason: str) -> dict[str, object]:
        """Kill on this host, durably; acts before it returns."""
        try:
            return self.kill_switch.kill(operation, by=by, reason=reason)
        finally:  # also when the journal cannot be written: the switch may be set already
            self._refresh()

    def restore(self, operation: str, *, by: str, reason: str) -> dict[str, object]:
        """Take a kill back; the stage from the log counts again."""
        try:
            return self.kill_switch.restore(operation, by=by, reason=reason)
        finally:
            self._refresh()

    async def _follow_kill_switch(self) -> None:
        while True:
            if self.kill_switch.refresh():
                self._refresh()
            await asyncio.sleep(KILL_POLL_SECONDS)

    async def _follow_topic(self) -> None:
        await tail(
            self._links,
            self._links.topics.operations,
            self._take,
            caught_up=self._caught_up,
            restarted=self._restarted,
        )

    def _take(self, key: bytes | None, value: bytes | None) -> None:
        if key is None or (name := key.decode("utf-8", "replace")) not in self._names:
            return
        try:
            state = None if value is None else StageState.from_bytes(value)
        except Terminal:
            log.error("operation %s: its state on Kafka cannot be read; the last known one stays", name)
            return
        if state is None:
            self._read.pop(name, None)
        else:
            self._read[name] = state
        if self._current:
            self._apply()

    def _restarted(self) -> None:
        self._read, self._current = {}, False

    def _caught_up(self) -> None:
        self._current, self.source = True, "kafka"
        self._apply()

    def _apply(self) -> None:
        changed = [s for s in self._read.items() if self._states.get(s[0]) != s[1]]
        self._states = dict(self._read)
        self._refresh()
        for name, state in changed:
            self._save(name, state)

    def _refresh(self) -> None:
        for name in self._names:
            state = self._states.get(name)
            killed = name in self.kill_switch or state is None
            self._effective[name] = _LEGACY if killed or state is None else _served(state.serving)

    def _load(self) -> None:
        for name in self._names:
            with contextlib.suppress(OSError):
                try:
                    self._states[name] = StageState.from_bytes((self._folder / f"{name}.json").read_bytes())
                    self.source = "host"
                except Terminal:
                    log.warning(
                        "operation %s: its last known stage cannot be read; legacy until Kafka says", name
                    )

    def _save(self, name: str, state: StageState) -> None:
        try:
            write_durably(self._folder / f"{name}.json", state.to_bytes().decode())
        except OSError as error:
            log.error("operation %s: its stage cannot be kept on this host: %s", name, error.strerror)


def _served(serving: Serving) -> Serving:
    """Return a stage that this version serves; one set by a later version falls back to its side."""
    return Serving(Stage.MODERN) if serving.stage is Stage.RETIRED else serving
