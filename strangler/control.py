"""The controller: the one fenced writer of the decision log and of each operation's current stage."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from types import TracebackType

from connectors.admin import Admin
from connectors.kafka import TransactionalProducer
from connectors.links import Links
from connectors.log_reader import read_all, read_state
from schemas.errors import BanyanError, Terminal
from strangler.canary import Serving, check_step
from strangler.decision import (
    GENESIS,
    Decision,
    DecisionKind,
    Evidence,
    canonical_json,
    chain_problems,
)
from strangler.evidence import count
from strangler.gate import Condition, GateOf, climbs, judge, require
from strangler.journal import carry
from strangler.stage import Stage, StageRefused, parse_stage
from strangler.verdict_record import VerdictRecord


@dataclass(frozen=True, slots=True)
class StageState:
    """The value of an operation in the state topic.

    Attributes:
        stage: who answers now.
        at_ms, by, reason: of the decision that set it.
        seq: that decision's number in the log.
        decision: hex SHA-256 of the operation's newest decision of any kind.
        share: of the keys that modern answers, in `strangler.canary.PLACES`; 0 unless the stage is canary.
    """

    stage: Stage
    at_ms: int
    by: str
    reason: str
    seq: int
    decision: str
    share: int = 0

    @property
    def serving(self) -> Serving:
        """Who answers, as the hot path asks for it."""
        return Serving(self.stage, self.share)

    def to_bytes(self) -> bytes:
        """Canonical JSON; what came later is left out where it is empty: older façades read it."""
        return canonical_json({k: v for k, v in asdict(self).items() if v or k != "share"})

    @classmethod
    def from_bytes(cls, value: bytes) -> StageState:
        """Return the state written as `value`.

        Raises:
            Terminal: it is not one.
        """
        try:
            raw = json.loads(value)
            known = {f.name: raw[f.name] for f in fields(cls) if f.name in raw}
            return cls(**known | {"stage": Stage(raw["stage"])})
        except (ValueError, KeyError, TypeError) as error:
            raise Terminal("not a stage record", fix="banyan operation verify") from error


class Controller:
    """Holds `<prefix>.decisions`; making a newer one fences this one, whose next write then fails.

    Raises:
        BrokerUnavailable: Kafka does not answer.
    """

    def __init__(self, links: Links) -> None:
        self._links = links
        topics = links.topics
        Admin(links.kafka).ensure([topics.decisions, topics.operations, topics.verdicts])
        self._producer = TransactionalProducer(links.kafka, f"{links.prefix}.decisions")

    def __enter__(self) -> Controller:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give up the writer's place."""
        self._producer.close()

    def set_stage(
        self,
        operation: str,
        stage: Stage | str,
        *,
        by: str,
        reason: str,
        share: int = 0,
        gate: GateOf | None = None,
        override: bool = False,
        after: int | None = None,
    ) -> Decision:
        """Move `operation` to `stage`; on return the decision and the new state are committed.

        Args:
            operation: its name.
            stage: where to.
            by: who decides.
            reason: why.
            share: in stage canary, the share of the keys (in `strangler.canary.PLACES`).
            gate: what has to hold for a step up; None asks for nothing.
            override: go over conditions that do not hold; the decision names them.
            after: number of the decision that was in force when this one was made up; None = whatever it is.

        Raises:
            StageRefused: no such stage or share, or no step leads there, or another decision came first.
            GateClosed: a condition of the gate does not hold, and `override` is not set.
            Fenced: a newer controller took over.
        """
        now = stages(self._links)
        was = _serving(now.get(operation))
        to = Serving(stage if isinstance(stage, Stage) else parse_stage(stage), share)
        _refuse_late(operation, now.get(operation), after)
        check_step(operation, was, to)
        found, overrides = evidence(self._links, operation), tuple[str, ...]()
        if gate is not None and climbs(was, to):
            judged = judge(gate, found, was=was, to=to, by=by, held_seconds=_held(now.get(operation)))
            if not override:
                require(operation, judged)
            overrides = tuple(c.name for c in judged if not c.met)
        return self._append(
            operation, "stage", to, by=by, reason=reason, now=now, found=found, overrides=overrides
        )

    def record(self, operation: str, kind: DecisionKind, *, by: str, reason: str) -> Decision:
        """Write down a kill or restore that happened at the façades; the stage itself stays."""
        now = stages(self._links)
        there, found = _serving(now.get(operation)), evidence(self._links, operation)
        return self._append(operation, kind, there, by=by, reason=reason, now=now, found=found)

    def _append(
        self,
        operation: str,
        kind: DecisionKind,
        to: Serving,
        *,
        by: str,
        reason: str,
        now: dict[str, StageState],
        found: Evidence,
        overrides: tuple[str, ...] = (),
    ) -> Decision:
        if not by.strip() or not reason.strip():
            raise Terminal("a decision needs a name and a reason", fix="give --by and --reason")
        log = [r.value or b"" for r in read_all(self._links.kafka, self._links.topics.decisions.name)]
        if problems := chain_problems(log, {o: s.decision for o, s in now.items()}):
            raise Terminal(
                f"the decision log is broken, so nothing is added to it: {problems[0]}",
                where=self._links.topics.decisions.name,
                fix="banyan operation verify",
            )
        decision = Decision(
            seq=len(log),
            at_ms=int(time.time() * 1000),
            operation=operation,
            kind=kind,
            was=_serving(now.get(operation)).stage,
            now=to.stage,
            by=by,
            reason=reason,
            evidence=found,
            prev=hashlib.sha256(log[-1]).hexdigest() if log else GENESIS,
            share=to.share,
            overrides=overrides,
        )
        state = StageState(
            to.stage, decision.at_ms, by, reason, decision.seq, decision.sha256, share=to.share
        )
        if kind != "stage" and operation in now:
            state = replace(now[operation], decision=decision.sha256)
        self._commit(operation, decision, state)
        return decision

    def _commit(self, operation: str, decision: Decision, state: StageState) -> None:
        topics, key = self._links.topics, operation.encode()
        self._producer.begin()
        try:
            self._producer.send(topics.decisions.name, 0, key, decision.to_bytes())
            self._producer.send(topics.operations.name, 0, key, state.to_bytes())
            self._producer.commit()
        except BanyanError:
            with contextlib.suppress(BanyanError):
                self._producer.abort()
            raise


def set_stage(
    links: Links,
    operation: str,
    stage: Stage | str,
    *,
    by: str,
    reason: str,
    share: int = 0,
    gate: GateOf | None = None,
    override: bool = False,
    after: int | None = None,
) -> Decision:
    """Move `operation` to `stage` as a controller of its own; see `Controller.set_stage`.

    Kills and restores that this host has journalled go into the log first.
    """
    with Controller(links) as controller:
        carry(controller, links.state)
        return controller.set_stage(
            operation,
            stage,
            by=by,
            reason=reason,
            share=share,
            gate=gate,
            override=override,
            after=after,
        )


def conditions(
    links: Links, operation: str, to: Serving, gate: GateOf, *, by: str
) -> tuple[Evidence, list[Condition]]:
    """Return the evidence that a step to `to` could cite now, and what its gate says; changes nothing.

    Raises:
        StageRefused: no step leads there.
    """
    now = stages(links).get(operation)
    was = _serving(now)
    check_step(operation, was, to)
    found = evidence(links, operation)
    if not climbs(was, to):
        return found, []
    return found, judge(gate, found, was=was, to=to, by=by, held_seconds=_held(now))


def stages(links: Links) -> dict[str, StageState]:
    """Return the committed state of every operation that was ever decided on; all others are legacy."""
    state = read_state(links.kafka, links.topics.operations.name)
    return {key.decode(): StageState.from_bytes(value) for key, value in state.items()}


def history(links: Links, operation: str | None = None) -> list[Decision]:
    """Return the decisions in log order, of one operation or of all."""
    found = (Decision.from_bytes(r.value or b"") for r in read_all(links.kafka, links.topics.decisions.name))
    return [d for d in found if operation in (None, d.operation)]


def verify(links: Links) -> list[str]:
    """Check the chain of the decision log, its end against the state topic, and the evidence it cites.

    Returns:
        What is wrong, in words; an empty list says that nothing was edited, dropped or put in.
    """
    log = [r.value or b"" for r in read_all(links.kafka, links.topics.decisions.name)]
    problems = chain_problems(log, {o: s.decision for o, s in stages(links).items()})
    for number, value in enumerate(log):
        with contextlib.suppress(Terminal):  # an unreadable one is among the problems already
            decision = Decision.from_bytes(value)
            cited, topic = decision.evidence, links.topics.verdicts.name
            first, end = cited.offsets.get(topic, (0, 0))
            read = _verdicts(links, first, end)
            again = count(read, decision.operation, topic=topic, first=first, counted=cited.counted)
            if replace(again, offsets=cited.offsets) != cited:
                problems.append(f"decision {number}: its evidence does not agree with the verdict log")
    return problems


def evidence(links: Links, operation: str) -> Evidence:
    """Return the verdicts on `operation` that a step up may cite, with the range of the log they stand in.

    They begin after its last decision that was no step up: entering shadow, a step down, a kill, a restore.
    """
    topic = links.topics.verdicts.name
    first, was = 0, Serving(Stage.LEGACY)
    for decision in history(links, operation):
        to = Serving(decision.now, decision.share) if decision.kind == "stage" else was
        if decision.kind != "stage" or not climbs(was, to):
            first = decision.evidence.offsets.get(topic, (0, 0))[1]
        was = to
    return count(_verdicts(links, first), operation, topic=topic, first=first, counted="sides")


def _serving(state: StageState | None) -> Serving:
    """Return who answers an operation; legacy, where nobody ever decided on it."""
    return state.serving if state is not None else Serving(Stage.LEGACY)


def _refuse_late(operation: str, state: StageState | None, after: int | None) -> None:
    if after is not None and (state is None or state.seq != after):
        raise StageRefused(
            f"decision {after} is no longer in force: another came first",
            where=f"operation {operation}",
            fix="banyan operation history shows it",
        )


def _held(state: StageState | None) -> float:
    return max(0.0, time.time() - (state.at_ms if state is not None else 0) / 1000)


def _verdicts(links: Links, first: int, end: int | None = None) -> Iterator[tuple[int, VerdictRecord]]:
    if end is not None and first >= end:
        return
    for record in read_all(links.kafka, links.topics.verdicts.name, start={0: first}):
        if end is not None and record.offset >= end:
            return
        if record.value is not None:
            yield record.offset, VerdictRecord.from_bytes(record.value)
