"""The controller: the one fenced writer of the decision log and of each operation's current stage."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from types import TracebackType

from connectors.admin import Admin
from connectors.kafka import TransactionalProducer
from connectors.links import Links
from connectors.log_reader import read_all, read_state
from schemas.errors import BanyanError, Terminal
from strangler.decision import GENESIS, Decision, DecisionKind, Evidence, canonical_json, chain_problems
from strangler.journal import carry
from strangler.stage import Stage, parse_stage, step
from strangler.verdict_record import VerdictRecord


@dataclass(frozen=True, slots=True)
class StageState:
    """The value of an operation in the state topic.

    Attributes:
        stage: who answers now.
        at_ms, by, reason: of the decision that set it.
        seq: that decision's number in the log.
        decision: hex SHA-256 of the operation's newest decision of any kind.
    """

    stage: Stage
    at_ms: int
    by: str
    reason: str
    seq: int
    decision: str

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return canonical_json(asdict(self))

    @classmethod
    def from_bytes(cls, value: bytes) -> StageState:
        """Return the state written as `value`.

        Raises:
            Terminal: it is not one.
        """
        try:
            raw = json.loads(value)
            return cls(**raw | {"stage": Stage(raw["stage"])})
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

    def set_stage(self, operation: str, stage: Stage | str, *, by: str, reason: str) -> Decision:
        """Move `operation` to `stage`; on return the decision and the new state are committed.

        Raises:
            StageRefused: no such stage, or no step leads there.
            Fenced: a newer controller took over.
        """
        now = stages(self._links)
        was = now[operation].stage if operation in now else Stage.LEGACY
        to = step(operation, was, stage if isinstance(stage, Stage) else parse_stage(stage))
        return self._append(operation, "stage", to, by=by, reason=reason, now=now)

    def record(self, operation: str, kind: DecisionKind, *, by: str, reason: str) -> Decision:
        """Write down a kill or restore that happened at the façades; the stage itself stays."""
        now = stages(self._links)
        stage = now[operation].stage if operation in now else Stage.LEGACY
        return self._append(operation, kind, stage, by=by, reason=reason, now=now)

    def _append(
        self,
        operation: str,
        kind: DecisionKind,
        to: Stage,
        *,
        by: str,
        reason: str,
        now: dict[str, StageState],
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
            was=now[operation].stage if operation in now else Stage.LEGACY,
            now=to,
            by=by,
            reason=reason,
            evidence=evidence(self._links, operation),
            prev=hashlib.sha256(log[-1]).hexdigest() if log else GENESIS,
        )
        state = StageState(to, decision.at_ms, by, reason, decision.seq, decision.sha256)
        if kind != "stage" and operation in now:
            old = now[operation]
            state = StageState(old.stage, old.at_ms, old.by, old.reason, old.seq, decision.sha256)
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


def set_stage(links: Links, operation: str, stage: Stage | str, *, by: str, reason: str) -> Decision:
    """Move `operation` to `stage` as a controller of its own; see `Controller.set_stage`.

    Kills and restores that this host has journalled go into the log first.
    """
    with Controller(links) as controller:
        carry(controller, links.state)
        return controller.set_stage(operation, stage, by=by, reason=reason)


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
            first, end = decision.evidence.offsets.get(links.topics.verdicts.name, (0, 0))
            if _count(links, decision.operation, first, end) != decision.evidence:
                problems.append(f"decision {number}: its evidence does not agree with the verdict log")
    return problems


def evidence(links: Links, operation: str) -> Evidence:
    """Return the verdicts on `operation` since its last decision, with the range of the log they stand in."""
    topic = links.topics.verdicts.name
    ranges = [d.evidence.offsets.get(topic, (0, 0)) for d in history(links, operation)]
    end = max((r.offset + 1 for r in read_all(links.kafka, topic)), default=0)
    return _count(links, operation, ranges[-1][1] if ranges else 0, end)


def _count(links: Links, operation: str, first: int, end: int) -> Evidence:
    verdicts, versions, keys = Counter[str](), Counter[str](), set[str]()
    for record in _verdicts(links, first, end):
        if record.operation == operation:
            verdicts[record.verdict.kind.value] += 1
            versions[record.verdict.rule_version] += 1
            keys.add(record.key)
    return Evidence(dict(verdicts), dict(versions), len(keys), {links.topics.verdicts.name: (first, end)})


def _verdicts(links: Links, first: int, end: int) -> Iterator[VerdictRecord]:
    if first >= end:
        return
    for record in read_all(links.kafka, links.topics.verdicts.name, start={0: first}):
        if record.offset >= end:
            return
        if record.value is not None:
            yield VerdictRecord.from_bytes(record.value)
