"""Compare both sides' answers once the caller has his: never slower, never failing (G7)."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from schemas.errors import BanyanError
from strangler.compare import Kind, Verdict, compare, inconclusive
from strangler.completeness import Mark, Positions
from strangler.mask import masked_at
from strangler.operation import Operation
from strangler.record import MappingError
from strangler.side import LegacySide, ModernSide, Parameters, Reply
from strangler.upstream import SideFailed
from strangler.verdict_record import VerdictRecord, fingerprint, pseudonym

log = logging.getLogger(__name__)
#: Differences kept for the operations page.
KEPT: Final = 20


class MarkSource(Protocol):
    """Knows the ends of extracts."""

    def covering(self, adapter: str, since_ms: int) -> Mark | None:
        """Return the first known extract that began to read at `since_ms` or later."""
        ...


class VerdictSink(Protocol):
    """Takes verdicts without making the giver wait."""

    def publish(self, record: VerdictRecord) -> None:
        """Take one."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """What a caller asked and legacy answered.

    Attributes:
        parameters: of the path; None for a SOAP call, whose `request` holds them.
        request: the caller's SOAP message; empty for REST.
        raw: the legacy reply as it came over the wire; None where modern answered: legacy is asked here.
        read_ms: epoch milliseconds when the reply was complete: legacy held it at or before then.
    """

    parameters: Parameters | None
    request: bytes
    raw: bytes | None
    read_ms: int


@dataclass(frozen=True, slots=True)
class _Pair:
    legacy: Reply
    modern: Reply | None
    verdict: Verdict


@dataclass(slots=True)
class _Took:
    """How long the modern side took for the first answer that a verdict is about; 0 = it was not asked."""

    modern_ms: float = 0.0


@dataclass(slots=True)
class ShadowCounts:
    """What became of the calls that this façade's shadow was offered."""

    offered: int = 0
    compared: int = 0
    dropped: int = 0
    failed: Counter[str] = field(default_factory=Counter)


class Shadow:
    """The shadow of one operation: a bounded queue, a few workers, and differences that wait to be sure.

    The queue is the bulkhead: when the modern side is slow it fills, and what comes on top is dropped and
    counted. A difference leaves its worker while it waits for the projection.
    """

    def __init__(
        self,
        operation: Operation,
        legacy: LegacySide,
        modern: ModernSide,
        marks: MarkSource,
        verdicts: VerdictSink,
        secret: bytes,
    ) -> None:
        self._operation, self._legacy, self._modern = operation, legacy, modern
        self._marks, self._verdicts, self._secret = marks, verdicts, secret
        self._fingerprint = fingerprint(secret)
        self._queue: asyncio.Queue[Call] = asyncio.Queue(operation.shadow.queue_limit)
        self._rechecks: set[asyncio.Task[None]] = set()
        self._looked: tuple[float, Positions] | None = None
        self._look_lock = asyncio.Lock()
        # One END frees every difference that waited for it, and they all want to read again at once.
        self._re_reads = asyncio.Semaphore(operation.shadow.max_concurrency)
        self.counts = ShadowCounts()
        #: The newest differences, for people: values masked, key a pseudonym.
        self.differences: deque[dict[str, Any]] = deque(maxlen=KEPT)

    @property
    def waiting(self) -> int:
        """Calls in the queue."""
        return self._queue.qsize()

    @property
    def rechecking(self) -> int:
        """Differences that wait for the projection."""
        return len(self._rechecks)

    def offer(self, call: Call) -> None:
        """Take a call for comparison if the budget allows; returns at once."""
        rate = self._operation.shadow.sample_rate
        if rate < 1 and random.random() >= rate:  # noqa: S311  a sample, not a secret
            return
        self.counts.offered += 1
        try:
            self._queue.put_nowait(call)
        except asyncio.QueueFull:
            self.counts.dropped += 1

    async def run(self) -> None:
        """Compare what is offered until cancelled."""
        try:
            await asyncio.gather(*(self._work() for _ in range(self._operation.shadow.max_concurrency)))
        finally:
            for task in self._rechecks:
                task.cancel()

    async def _work(self) -> None:
        while True:
            call = await self._queue.get()
            try:
                await self._judge(call)
            except Exception as error:  # a bug here must cost a verdict, never the shadow
                self.counts.failed[type(error).__name__] += 1
                log.warning(
                    "operation %s: a comparison failed: %s", self._operation.name, type(error).__name__
                )
                self._conclude("", inconclusive("failed", self._operation.rules), _Took())

    async def _judge(self, call: Call) -> None:
        key, took = "", _Took()
        try:
            parameters = call.parameters
            if parameters is None:
                parameters = self._legacy.parameters(call.request)
            key = self._operation.key_text(parameters[self._operation.key])
            if call.raw is None:
                pair = await self._read_both(parameters, took)
            else:
                pair = await self._pair(parameters, call.raw, call.read_ms, took)
        except BanyanError as error:
            self._conclude(key, inconclusive(_reason(error), self._operation.rules), took)
            return
        if pair.verdict.kind is not Kind.DIFFERENT:
            self._conclude(key, pair.verdict, took)
        elif len(self._rechecks) >= self._operation.shadow.recheck_limit:
            self._conclude(key, inconclusive("stale", self._operation.rules), took)
        else:
            task = asyncio.create_task(self._recheck(parameters, key, pair, took))
            self._rechecks.add(task)
            task.add_done_callback(self._rechecks.discard)

    async def _pair(self, parameters: Parameters, raw: bytes, read_ms: int, took: _Took) -> _Pair:
        """Compare a legacy reply with what modern says now.

        Raises:
            BanyanError: one of the two cannot be judged.
        """
        reply = self._legacy.read(raw)
        legacy = Reply(reply.record, raw, read_ms)
        if legacy.record is not None and not self._legacy.faithful(raw):
            raise _UnfaithfulError("the legacy reply cannot be encoded back")
        rules = self._operation.rules
        try:
            modern = await self._ask_modern(parameters, took)
        except MappingError as error:  # a value that is not of the record's type: modern says something else
            return _Pair(legacy, None, Verdict(Kind.DIFFERENT, rules.version, (error.path,)))
        return _Pair(legacy, modern, compare(legacy.record, modern.record, rules))

    async def _recheck(self, parameters: Parameters, key: str, first: _Pair, took: _Took) -> None:
        """Find out whether a difference stays once the projection has seen what legacy held.

        It counts as one when the projection is complete to an extract that was read after the first legacy
        reply, and neither side has changed its answer in between. Where one has, the wait begins again.
        """
        rules, budget, pair = self._operation.rules, self._operation.shadow, first
        extract, positions = "", None
        try:
            async with asyncio.timeout(budget.recheck_seconds):
                while True:
                    extract, positions = await self._complete(pair.legacy.read_ms)
                    async with self._re_reads:
                        again = await self._read_both(parameters, _Took())
                    if again.verdict.kind is not Kind.DIFFERENT or _unchanged(pair, again):
                        break
                    pair = again
            verdict = again.verdict
        except TimeoutError:
            verdict = inconclusive("stale", rules)
        except BanyanError as error:
            verdict = inconclusive(_reason(error), rules)
        except Exception as error:
            self.counts.failed[type(error).__name__] += 1
            log.warning("operation %s: a re-read failed: %s", self._operation.name, type(error).__name__)
            verdict = inconclusive("failed", rules)
        self._conclude(key, verdict, took, extract=extract, positions=positions, rechecked=True, pair=pair)

    async def _ask_modern(self, parameters: Parameters, took: _Took) -> Reply:
        """Ask the modern side and note how long it takes.

        Raises:
            SideFailed, MappingError: see `Side.fetch`.
        """
        began = time.perf_counter()
        try:
            return await self._modern.fetch(parameters)
        finally:
            took.modern_ms = round((time.perf_counter() - began) * 1000, 3)

    async def _read_both(self, parameters: Parameters, took: _Took) -> _Pair:
        """Read modern, then legacy, and compare: legacy last, so that a constant answer frames modern's."""
        rules = self._operation.rules
        modern, broken = None, ""
        try:
            modern = await self._ask_modern(parameters, took)
        except MappingError as error:
            broken = error.path
        legacy = await self._legacy.fetch(parameters)
        if legacy.record is not None and not self._legacy.faithful(legacy.raw):
            raise _UnfaithfulError("the legacy reply cannot be encoded back")
        if modern is None:
            return _Pair(legacy, None, Verdict(Kind.DIFFERENT, rules.version, (broken,)))
        return _Pair(legacy, modern, compare(legacy.record, modern.record, rules))

    async def _complete(self, since_ms: int) -> tuple[str, Positions]:
        """Wait until the projection is complete to an extract that was read at `since_ms` or later."""
        spec = self._operation.modern
        while True:
            mark = self._marks.covering(spec.adapter, since_ms)
            if mark is not None and spec.status and spec.projection:
                positions = await self._positions()
                if positions is not None and positions.complete_to(mark):
                    return mark.extract, positions
            await asyncio.sleep(self._operation.shadow.settle_seconds)

    async def _positions(self) -> Positions | None:
        """Ask the read API where it stands; all who wait share one question a pause."""
        async with self._look_lock:
            now = time.monotonic()
            if self._looked is None or now - self._looked[0] >= self._operation.shadow.settle_seconds:
                try:
                    status = await self._modern.status()
                except SideFailed:
                    return None
                self._looked = (now, Positions.of(self._operation.modern.projection, status))
            return self._looked[1]

    def _conclude(
        self,
        key: str,
        verdict: Verdict,
        took: _Took,
        *,
        extract: str = "",
        positions: Positions | None = None,
        rechecked: bool = False,
        pair: _Pair | None = None,
    ) -> None:
        now_ms = time.time_ns() // 1_000_000
        hidden = pseudonym(self._secret, key)
        offsets = positions.to_json() if positions is not None else {}
        self.counts.compared += 1
        self._verdicts.publish(
            VerdictRecord(
                self._operation.name,
                now_ms,
                hidden,
                verdict,
                rechecked,
                extract,
                offsets,
                self._fingerprint,
                took.modern_ms,
            )
        )
        if verdict.kind is Kind.DIFFERENT and pair is not None:
            self.differences.appendleft(
                {
                    "at_ms": now_ms,
                    "key": hidden,
                    "paths": list(verdict.paths),
                    "legacy": _masked(pair.legacy, verdict.paths),
                    "modern": _masked(pair.modern, verdict.paths),
                    "rule_version": verdict.rule_version,
                }
            )


class _UnfaithfulError(BanyanError):
    """The legacy reply holds more (or something else) than its decoding says."""


def _reason(error: BanyanError) -> str:
    if isinstance(error, SideFailed):
        return f"{error.side}_{error.reason}"
    if isinstance(error, _UnfaithfulError):
        return "codec"
    return "mapping" if isinstance(error, MappingError) else "codec"


def _unchanged(before: _Pair, after: _Pair) -> bool:
    modern = [pair.modern.record if pair.modern else pair.verdict.paths for pair in (before, after)]
    return before.legacy.record == after.legacy.record and modern[0] == modern[1]


def _masked(reply: Reply | None, paths: tuple[str, ...]) -> Mapping[str, str]:
    return {p: masked_at(reply.record if reply else None, p) for p in paths}
