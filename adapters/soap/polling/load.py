"""Load that gives way: fewer calls at once while the legacy system is slow, more again when it recovers.

The rule is pure (`Load.after`): additive increase, multiplicative decrease, as TCP does it, on how long the
service took to begin its answer, against the best that it has shown. `Throttle` applies it to real calls.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, cast

from adapters.soap.pace import Pace
from adapters.soap.wire.parts import Parts
from adapters.soap.wire.validators import Validators
from schemas.errors import Transient

#: Below this nothing is slow: at milliseconds the scheduler decides, not the service.
_NOTHING = 0.05
#: The best time is forgotten by so much at each call: a system that has become slower for good is the new
#: measure after some hundred calls.
_FORGET = 1.005
#: What is left of the calls at once after a slow one, and the longest pause in seconds.
_LEFT, _LONGEST = 0.7, 30.0


class Wire(Protocol):
    """What calls operations: gives the bytes of an answer as they arrive."""

    def call(self, operation: str, values: Mapping[str, Any]) -> AbstractContextManager[Iterator[bytes]]:
        """Call an operation; raises Transient or Terminal, also while the bytes are read."""
        ...


class ConditionalWire(Protocol):
    """A wire that gives `Parts`, whose validators it takes with a later call."""

    def call(
        self, operation: str, values: Mapping[str, Any], *, validators: Validators
    ) -> AbstractContextManager[Parts]:
        """As `Wire.call`; the service may say that its answer is still that of the validators."""
        ...


@dataclass(frozen=True, slots=True)
class Load:
    """How much may be asked of a service now.

    Attributes:
        limit: calls at once, from 1.
        pause: seconds to wait before a call; more than 0 only where the limit is 1 and that is too much.
        best: operation → the shortest time to the first byte lately, in seconds.
    """

    limit: float
    pause: float = 0.0
    best: Mapping[str, float] = field(default_factory=dict)

    def after(self, operation: str, seconds: float, *, failed: bool, most: int, slow: float) -> Load:
        """Return the load after a call.

        Args:
            operation: what was called.
            seconds: until the answer began, or the call failed.
            failed: no connection, a time-out, "later".
            most: calls at once that the settings allow.
            slow: times the best that are slow.
        """
        best = self.best.get(operation, seconds)
        if failed or seconds > max(_NOTHING, slow * best):
            if self.limit > 1:
                return replace(self, limit=max(1.0, self.limit * _LEFT), best=self._forgot(operation, best))
            pause = min(_LONGEST, max(2 * self.pause, min(seconds, 1.0), _NOTHING))
            return replace(self, pause=pause, best=self._forgot(operation, best))
        measured = {**self.best, operation: min(seconds, best * _FORGET)}
        if self.pause > 0:
            return replace(self, pause=self.pause / 2 if self.pause > 2 * _NOTHING else 0.0, best=measured)
        return replace(self, limit=min(float(most), self.limit + 1 / self.limit), best=measured)

    def _forgot(self, operation: str, best: float) -> dict[str, float]:
        return {**self.best, operation: best * _FORGET}


class Throttle:
    """Lets calls through: at a pace, so many at once, and with pauses while the service is slow.

    Args:
        pace: no more requests a second than that.
        most: calls at once.
        slow: times its best that a service may take.
        clock, sleep: of the machine, or of a test.
    """

    def __init__(
        self,
        pace: Pace,
        most: int,
        slow: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.load = Load(float(most))
        self._pace, self._most, self._slow = pace, most, slow
        self._clock, self._sleep = clock, sleep
        self._running = 0
        self._room = threading.Condition()

    def __repr__(self) -> str:
        return (
            f"<Throttle {self.load.limit:.1f} of {self._most} calls at once, {self.load.pause:.2f} s between>"
        )

    @contextmanager
    def call(
        self,
        wire: Wire,
        operation: str,
        values: Mapping[str, Any],
        validators: Validators | None = None,
    ) -> Iterator[Parts]:
        """Call an operation in its turn; a place is taken until the answer begins. Errors are the wire's.

        With `validators` of an earlier answer the service may say that it is still the same.
        """
        called: AbstractContextManager[Iterator[bytes]] = (
            cast("ConditionalWire", wire).call(operation, values, validators=validators)
            if validators
            else wire.call(operation, values)
        )
        self._enter()
        began, failed, waiting = self._clock(), False, True
        try:
            with called as parts:
                first = next(parts, b"")
                self._leave(operation, self._clock() - began, failed=False)
                waiting = False
                head = parts if isinstance(parts, Parts) else Parts(parts)
                whole = itertools.chain([first], parts)
                yield Parts(whole, head.validators, unchanged=bool(validators) and head.unchanged)
        except Transient:
            failed = True
            raise
        finally:
            if waiting:
                self._leave(operation, self._clock() - began, failed=failed)

    def _enter(self) -> None:
        with self._room:
            while self._running >= int(self.load.limit):
                self._room.wait()
            self._running += 1
            pause = self.load.pause
        if pause:
            self._sleep(pause)
        self._pace.wait()

    def _leave(self, operation: str, seconds: float, *, failed: bool) -> None:
        with self._room:
            self._running -= 1
            self.load = self.load.after(operation, seconds, failed=failed, most=self._most, slow=self._slow)
            self._room.notify_all()
