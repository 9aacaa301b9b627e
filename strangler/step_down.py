"""Whether an operation has to leave canary or modern now: pure, a fold over its calls and verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from strangler.canary import Serving
from strangler.compare import Kind
from strangler.detector import Detector
from strangler.stage import Stage
from strangler.tally import Tally
from strangler.verdict_record import VerdictRecord

#: In these stages callers get answers of the modern side.
WATCHED: Final = frozenset({Stage.CANARY, Stage.MODERN})


@dataclass(frozen=True, slots=True)
class Limits:
    """What is tolerated of the modern side, and where a breach leads.

    Attributes:
        differences: rate of answers that differ, among those compared.
        errors: rate of calls without a usable answer.
        slow: rate of slow calls; None: they are not watched.
        between_false_alarms: mean number of calls between two alarms by mistake, at least, for each rate.
        to: the stage that a breach leads to.
    """

    differences: float
    errors: float
    slow: float | None
    between_false_alarms: float
    to: Stage


class Watch:
    """One operation from one step to the next.

    Args:
        limits: what is tolerated.
        serving: the stage and share that count; outside of canary and modern nothing is a breach.
        since_ms: epoch milliseconds; verdicts from before say nothing about this step.
        rules: version of the rules and maps; verdicts by others do not count.
    """

    def __init__(self, limits: Limits, serving: Serving, *, since_ms: int, rules: str) -> None:
        self._on, self._since_ms, self._rules = serving.stage in WATCHED, since_ms, rules
        far = limits.between_false_alarms
        self._differences, self._errors = Detector(limits.differences, far), Detector(limits.errors, far)
        self._slow = Detector(limits.slow, far) if limits.slow is not None else None
        self._differing: set[str] = set()
        #: Why the operation has to step down, in words with figures; empty while it need not.
        self.breach = ""

    def take_calls(self, modern: Tally) -> None:
        """Take the calls that the modern side had to answer since the last time."""
        if not self._on or not modern.calls:
            return
        if self._errors.add(modern.calls, modern.failed):
            self._found("calls failed", self._errors)
        if self._slow is not None and self._slow.add(modern.calls, modern.slow):
            self._found("calls were slow", self._slow)

    def take_verdict(self, record: VerdictRecord) -> None:
        """Take one verdict; a key that differs counts once, however often it is asked for."""
        verdict = record.verdict
        if not self._on or record.at_ms < self._since_ms or verdict.rule_version != self._rules:
            return
        if verdict.kind is Kind.SAME:
            self._differences.add(1, 0)
        elif verdict.kind is Kind.DIFFERENT and record.key not in self._differing:
            self._differing.add(record.key)
            if self._differences.add(1, 1):
                self._found("compared answers differ", self._differences)

    def _found(self, what: str, by: Detector) -> None:
        if not self.breach:
            self.breach = (
                f"{by.failures:,} of the last {by.calls:,} {what}; a rate of {by.tolerated:.3%} is tolerated"
            )
