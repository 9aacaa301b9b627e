"""What has to be true before an operation goes up a step: pure, over the evidence that the decision cites."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from schemas.errors import Terminal
from strangler.canary import PLACES, Serving, percent
from strangler.decision import Evidence
from strangler.stage import Stage
from strangler.statistics import needed

_RANK: Final = {s: n for n, s in enumerate(Stage)}


class GateClosed(Terminal):
    """A step up whose conditions are not met; nothing was changed."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class Gate:
    """The conditions of a step towards modern.

    Attributes:
        alpha: probability that a side whose rate of differences is `rate` or more passes, however often one
            looks.
        rate: the largest rate of differing keys that would be tolerable.
        inconclusive: largest share of verdicts that gave no answer.
        hold_seconds: shortest time in a stage (or at a share) before the next step up.
        steps: shares of the canary in order, in `PLACES`; a step may not be passed over. Empty = any.
        approvers: names that may decide a step up; empty = anybody.
        errors: largest share of verdicts that fail because the modern side gave no usable answer.
        p99_ms: 99 % of the modern side's answers may take no longer; 0 = however long.
        automatic: whether the controller takes the next step as soon as the gate is open.
    """

    alpha: float = 0.01
    rate: float = 1 / 5000
    inconclusive: float = 0.05
    hold_seconds: float = 0.0
    steps: tuple[int, ...] = ()
    approvers: frozenset[str] = frozenset()
    errors: float = 0.001
    p99_ms: float = 0.0
    automatic: bool = False

    @property
    def keys(self) -> int:
        """Distinct keys without a difference that the gate asks for."""
        return needed(self.alpha, self.rate)


@dataclass(frozen=True, slots=True)
class GateOf:
    """An operation's gate with the version of the maps and rules that verdicts have to be by."""

    gate: Gate
    rules: str


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of a gate, as found.

    Attributes:
        name: short, stable, for machines.
        met: whether it holds.
        found: in words, with figures.
    """

    name: str
    met: bool
    found: str


def climbs(was: Serving, to: Serving) -> bool:
    """Return whether the step gives modern more to answer than it had; entering shadow gives it nothing."""
    if to.stage in (Stage.LEGACY, Stage.SHADOW):
        return False
    return (_RANK[to.stage], to.share) > (_RANK[was.stage], was.share)


def judge(
    asked: GateOf,
    evidence: Evidence,
    *,
    was: Serving,
    to: Serving,
    by: str,
    held_seconds: float,
) -> list[Condition]:
    """Return every condition of the step with what was found; the step is open when all are met.

    Args:
        asked: the operation's gate, and the version of the maps and rules that count now.
        evidence: the verdicts since the operation was last sent down.
        was: what counts now.
        to: what is asked for.
        by: who decides.
        held_seconds: time since the last step.
    """
    gate, rules, verdicts = asked.gate, asked.rules, evidence.verdicts
    different, unsure = verdicts.get("different", 0), verdicts.get("inconclusive", 0)
    total = sum(verdicts.values())
    others = sorted(v for v in evidence.rule_versions if v != rules)
    share = unsure / total if total else 0.0
    conditions = [
        Condition("differences", different == 0, f"{different} verdicts say different, none may"),
        Condition(
            "keys",
            evidence.distinct_keys >= gate.keys,
            f"{evidence.distinct_keys:,} of {gate.keys:,} distinct keys compared as the same",
        ),
        Condition(
            "inconclusive",
            share <= gate.inconclusive,
            f"{share:.1%} of {total:,} verdicts are inconclusive, {gate.inconclusive:.1%} may be",
        ),
        Condition(
            "rules",
            not others,
            f"all verdicts are by the present rules {rules}"
            if not others
            else f"verdicts by other rules ({', '.join(others)}) are among them; go to shadow to begin anew",
        ),
    ]
    conditions += _sides(gate, evidence, total)
    if gate.hold_seconds:
        held = f"held for {held_seconds:,.0f} of {gate.hold_seconds:,.0f} s"
        conditions.append(Condition("hold", held_seconds >= gate.hold_seconds, held))
    if gate.steps and to.stage is not Stage.RETIRED:
        conditions.append(_next_step(gate, was, to))
    if gate.approvers:
        names = ", ".join(sorted(gate.approvers))
        conditions.append(Condition("approver", by in gate.approvers, f"{by} decides; {names} may"))
    return conditions


def require(operation: str, conditions: list[Condition]) -> None:
    """Raise unless every condition is met.

    Raises:
        GateClosed: one is not; the message names each that is missing.
    """
    if unmet := [c.found for c in conditions if not c.met]:
        raise GateClosed(
            f"the gate is closed: {'; '.join(unmet)}",
            where=f"operation {operation}",
            fix="banyan operation gate shows what is missing; --override goes on without, on record",
        )


def next_step(gate: Gate, was: Serving) -> Serving | None:
    """Return where the list of steps leads from `was`; None outside of shadow and canary."""
    if was.stage not in (Stage.SHADOW, Stage.CANARY):
        return None
    following = next((s for s in gate.steps if s > was.share), PLACES)
    return Serving(Stage.MODERN) if following == PLACES else Serving(Stage.CANARY, following)


def _sides(gate: Gate, evidence: Evidence, total: int) -> list[Condition]:
    """How the modern side answered while it was compared."""
    share = evidence.failed / total if total else 0.0
    found = f"modern gave no usable answer for {share:.2%} of {total:,} verdicts, {gate.errors:.2%} may be"
    conditions = [Condition("errors", share <= gate.errors, found)]
    if gate.p99_ms:
        p99 = evidence.modern_p99_ms
        found = f"99 % of modern's answers took {p99:,.0f} ms or less, {gate.p99_ms:,.0f} may be"
        conditions.append(Condition("p99", 0 < p99 <= gate.p99_ms, found if p99 else "none was timed"))
    return conditions


def _next_step(gate: Gate, was: Serving, to: Serving) -> Condition:
    """A step up may go to the next share of the list, or below it; modern comes after the last."""
    reached = was.share if was.stage is Stage.CANARY else 0
    following = next((s for s in gate.steps if s > reached), PLACES)
    asked = to.share if to.stage is Stage.CANARY else PLACES
    name = "modern" if following == PLACES else f"canary {percent(following)}"
    return Condition("steps", asked <= following, f"the next step is {name}")
