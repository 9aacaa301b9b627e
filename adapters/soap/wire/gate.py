"""What a call must pass before it is sent: opening hours, the circuit, a free place, its turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adapters.soap.errors import BrokenAnswer, ServiceUnavailable
from adapters.soap.wire.breaker import Breaker
from adapters.soap.wire.clocks import Clocks
from adapters.soap.wire.hours import Hours
from adapters.soap.wire.rate import Rate
from adapters.soap.wire.spec import HoursSpec, WireSpec


class Gate:
    """The policies of one endpoint, shared by all calls to it."""

    def __init__(self, spec: WireSpec, *, concurrency: int, per_second: float, clocks: Clocks) -> None:
        self._clocks = clocks
        self._hours_spec: HoursSpec | None = spec.hours
        self._hours = _hours(spec.hours)
        self._breaker = Breaker(spec.breaker.failures, spec.breaker.open_seconds)
        self._rate = Rate(1 / per_second)
        self._places = asyncio.Semaphore(concurrency)

    @property
    def breaker(self) -> Breaker:
        """The state of the circuit."""
        return self._breaker

    @asynccontextmanager
    async def turn(self, where: str, patience: float) -> AsyncIterator[None]:
        """Wait for a free place and the call's turn; while inside, the call is under way.

        Its outcome moves the circuit: no answer is a failure, anything else (a fault, a refusal) an answer.

        Args:
            where: the endpoint, for errors.
            patience: most seconds to wait for a free place.

        Raises:
            NotSent: closed, the circuit is open, or no place became free.
        """
        try:
            async with asyncio.timeout(patience):
                await self._places.acquire()
        except TimeoutError:
            raise NotSent(
                f"no call could be sent within {patience:g} s: all places are taken by calls under way",
                where=where,
                fix="raise limits.concurrency if the service bears it, or look why it is slow",
            ) from None
        try:
            await self._admit(where)
            self._breaker = self._breaker.started()
            try:
                yield
            except (ServiceUnavailable, BrokenAnswer):
                self._breaker = self._breaker.failed(self._clocks.monotonic())
                raise
            except (asyncio.CancelledError, GeneratorExit):
                self._breaker = self._breaker.given_up()
                raise
            except BaseException:
                self._breaker = self._breaker.answered()
                raise
            self._breaker = self._breaker.answered()
        finally:
            self._places.release()

    async def _admit(self, where: str) -> None:
        await self._opening(where)
        self._check_circuit(where)
        self._rate, wait = self._rate.take(self._clocks.monotonic())
        if wait > 0:
            await self._clocks.sleep(wait)
            self._check_circuit(where)

    async def _opening(self, where: str) -> None:
        if self._hours is None or self._hours_spec is None:
            return
        now = self._clocks.epoch()
        opening = self._hours.opening(now)
        if opening is not None and opening <= now:
            return
        again = (
            "it has no opening within a year" if opening is None else f"it opens {self._hours.local(opening)}"
        )
        wait = None if opening is None else opening - now
        spec = self._hours_spec
        if wait is None or spec.outside == "refuse" or wait > spec.longest_wait_seconds:
            raise NotSent(
                f"the service is closed: {again}",
                where=where,
                fix="nothing was sent; call again then, or mend [wire.hours]",
                retry_after=wait,
            )
        await self._clocks.sleep(wait)

    def _check_circuit(self, where: str) -> None:
        if (wait := self._breaker.wait(self._clocks.monotonic())) > 0:
            raise CircuitOpen(
                f"{self._breaker.failures} call(s) in a row got no answer: nothing is sent for {wait:.1f} s",
                where=where,
                fix="see that the service runs; one call will try by itself",
                retry_after=wait,
            )


class NotSent(ServiceUnavailable):
    """Nothing was sent: the service is closed, or no place became free."""


class CircuitOpen(NotSent):
    """Nothing was sent: the service has not answered lately."""


def _hours(spec: HoursSpec | None) -> Hours | None:
    return Hours.of(spec.zone, spec.days, spec.opens, spec.closes, spec.holidays) if spec else None
