"""Decides without people: down in seconds when modern fails its callers, up where the file says so."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from connectors.kafka import Fenced
from connectors.links import Links
from schemas.errors import BanyanError, Terminal
from strangler.canary import Serving
from strangler.control import StageState, conditions, set_stage
from strangler.control_spec import BY
from strangler.gate import next_step
from strangler.kill import kill
from strangler.operation import Operation
from strangler.stage import Stage, StageRefused
from strangler.stage_watch import StageWatch
from strangler.step_down import WATCHED, Watch
from strangler.tail import reachable, tail
from strangler.tally import Tally
from strangler.verdict_record import VerdictRecord

log = logging.getLogger(__name__)
#: How often each façade is asked for its counts.
POLL_SECONDS: Final = 0.5
#: A façade that takes longer is asked again at the next turn.
ASK_SECONDS: Final = 2.0
#: How often the gates of operations that go up by themselves are looked at: it reads the verdicts anew.
CLIMB_SECONDS: Final = 15.0
#: What a decision may take (a new writer, one read of the log, one transaction) before the kill switch acts.
DECISION_SECONDS: Final = 5.0


@dataclass(slots=True)
class _Watched:
    """An operation, the state that counts, and what has been seen since it does."""

    operation: Operation
    watch: Watch
    state: StageState | None = None


@dataclass(frozen=True, slots=True)
class _Said:
    """What a façade says of an operation: whether callers get modern's answers, and counts of those."""

    modern_answers: bool
    tally: Tally


class Automatic:
    """Steps operations down on a breach, and up through an open gate where `[gate] automatic` says so.

    Several may run: each decision names the one that it follows, so the second of two is refused. Where
    the log cannot be written (Kafka is away), the operation is killed on every façade instead, which needs
    no Kafka; it stays killed until `banyan operation restore`.

    Args:
        operations: of the estate.
        links: of the hub.
        instances: base URLs of every façade process.
    """

    def __init__(self, operations: Sequence[Operation], links: Links, instances: Sequence[str]) -> None:
        self._links, self._instances = links, tuple(instances)
        self._watched = {
            o.name: _Watched(o, _new_watch(o, None, 0))
            for o in operations
            if o.step_down.enabled or o.gate.automatic
        }
        self._stages = StageWatch(links, self._watched)
        #: Façade → (its process, what it said last).
        self._seen: dict[str, tuple[str, dict[str, _Said]]] = {}
        #: Operation → (why it was killed, façades that have not confirmed it yet).
        self._unheard: dict[str, tuple[str, tuple[str, ...]]] = {}
        self._silent: set[str] = set()
        self._known = asyncio.Event()

    async def run(self) -> None:
        """Watch and decide until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._stages.run())
            tasks.create_task(self._follow_verdicts())
            tasks.create_task(self._poll())
            tasks.create_task(self._climb())

    async def _follow_verdicts(self) -> None:
        await self._known.wait()  # a verdict counts for a stage, so the stages come first
        await tail(self._links, self._links.topics.verdicts, self._take_verdict)

    async def _poll(self) -> None:
        timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                self._look_at_stages()
                await asyncio.gather(*(self._ask(session, url) for url in self._instances))
                breached = [
                    w for w in self._watched.values() if w.watch.breach and w.operation.step_down.enabled
                ]
                await asyncio.gather(*(self._step_down(w) for w in breached))
                for name, (why, silent) in list(self._unheard.items()):
                    await self._kill(name, why, silent)
                await asyncio.sleep(POLL_SECONDS)

    def _look_at_stages(self) -> None:
        if self._stages.source != "default":
            self._known.set()
        for name, watched in self._watched.items():
            if (state := self._stages.state(name)) != watched.state:
                watched.state, watched.watch = state, _new_watch(watched.operation, state, 0)

    async def _ask(self, session: aiohttp.ClientSession, url: str) -> None:
        try:
            async with session.get(f"{url}/_banyan/tallies") as answer:
                answer.raise_for_status()
                process, said = _read(await answer.json())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            if url not in self._silent:
                log.warning("façade %s does not say how its calls go: %s", url, type(error).__name__)
            self._silent.add(url)
            return
        self._silent.discard(url)
        self._take_tallies(url, process, said)

    def _take_tallies(self, instance: str, process: str, said: dict[str, _Said]) -> None:
        """Take a façade's counts: what came between two of its answers, if callers got modern's at both."""
        before = self._seen.get(instance, ("", {}))
        self._seen[instance] = (process, said)
        for name, now in said.items():
            watched, then = self._watched.get(name), before[1].get(name)
            if watched is None or then is None or not then.modern_answers:
                continue
            if not now.modern_answers:  # it has heard of a step down or a kill; what it counted is history
                watched.watch = _new_watch(watched.operation, watched.state, _now_ms())
            elif before[0] == process:
                watched.watch.take_calls(now.tally.since(then.tally))
            else:  # it began anew, and so did its counts
                watched.watch.take_calls(now.tally)

    def _take_verdict(self, _: bytes | None, value: bytes | None) -> None:
        try:
            record = VerdictRecord.from_bytes(value or b"")
        except Terminal:
            return  # the façades say so
        if (watched := self._watched.get(record.operation)) is not None:
            self._look_at_stages()
            watched.watch.take_verdict(record)

    async def _step_down(self, watched: _Watched) -> None:
        name, state, why = watched.operation.name, watched.state, watched.watch.breach
        watched.watch = _new_watch(watched.operation, state, _now_ms())
        log.warning("operation %s steps down: %s", name, why)
        if state is None or not await self._decided(watched.operation, state, why):
            await self._kill(name, f"{why}; the decision log could not be written", self._instances)

    async def _decided(self, operation: Operation, state: StageState, why: str) -> bool:
        """Return whether the step, or what somebody else decided meanwhile, is on record."""
        if not await reachable(self._links):
            return False
        deciding = asyncio.to_thread(
            set_stage,
            self._links,
            operation.name,
            operation.step_down.limits.to,
            by=BY,
            reason=why,
            after=state.seq,
        )
        try:
            async with asyncio.timeout(DECISION_SECONDS):
                await deciding
        except (StageRefused, Fenced) as first:
            log.info("operation %s: somebody else decides: %s", operation.name, first)
        except (BanyanError, TimeoutError) as error:
            log.error("operation %s: no decision: %s", operation.name, error or type(error).__name__)
            return False
        return True

    async def _climb(self) -> None:
        while True:
            await asyncio.sleep(CLIMB_SECONDS)
            for name, watched in self._watched.items():
                if watched.operation.gate.automatic and name not in self._stages.kill_switch:
                    await self._step_up(watched)

    async def _step_up(self, watched: _Watched) -> None:
        """Take the next step of the list if the gate is open and nothing is on its way down."""
        operation, state = watched.operation, watched.state
        gate, name = operation.gate_of, operation.name
        to = next_step(gate.gate, state.serving) if state is not None else None
        if state is None or to is None or not await reachable(self._links):
            return
        try:
            _, found = await asyncio.to_thread(conditions, self._links, name, to, gate, by=BY)
            if not all(c.met for c in found) or watched.watch.breach:
                return
            why = f"the gate is open: {'; '.join(c.found for c in found)}"
            step = functools.partial(set_stage, share=to.share, by=BY, reason=why, gate=gate, after=state.seq)
            await asyncio.to_thread(step, self._links, name, to.stage)
        except BanyanError as error:  # somebody else decided, or Kafka is away: the next look says more
            log.info("operation %s does not go up now: %s", name, error)
        else:
            log.warning("operation %s goes up to %s", name, to.stage)

    async def _kill(self, name: str, why: str, instances: tuple[str, ...]) -> None:
        """Kill on these façades; those that do not confirm are told again until a person restores."""
        if name in self._unheard and name not in self._stages.kill_switch.killed:
            del self._unheard[name]
            return
        said = await asyncio.to_thread(kill, self._links, instances, name, by=BY, reason=why)
        self._stages.kill_switch.refresh()
        silent = tuple(a.instance for a in said if not a.ok)
        if silent and name not in self._unheard:
            log.error("operation %s: no confirmation of the kill from %s", name, ", ".join(silent))
        if silent:
            self._unheard[name] = (why, silent)
        else:
            self._unheard.pop(name, None)


def _new_watch(operation: Operation, state: StageState | None, since_ms: int) -> Watch:
    serving = state.serving if state is not None else Serving(Stage.LEGACY)
    since_ms = max(since_ms, state.at_ms if state is not None else 0)
    return Watch(operation.step_down.limits, serving, since_ms=since_ms, rules=operation.rules.version)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _read(said: Any) -> tuple[str, dict[str, _Said]]:
    """Return a façade's process, and for each operation what it says of the modern side.

    Raises:
        ValueError: it says something else.
    """
    try:
        found = {
            name: _Said(Stage(facts["stage"]) in WATCHED, Tally.from_json(facts["modern"]))
            for name, facts in said["operations"].items()
        }
        return str(said["process"]), found
    except (KeyError, TypeError, AttributeError):
        raise ValueError("not a façade's tallies") from None
