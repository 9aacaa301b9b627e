"""One entry of the decision log, its canonical bytes, and the chain that makes every edit visible."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final, Literal

from schemas.errors import Terminal
from strangler.stage import Stage

#: `prev` of the first decision.
GENESIS: Final = "0" * 64
DecisionKind = Literal["stage", "kill", "restore"]
#: What is counted: empty = the keys of every verdict (before there were gates), `compared` = those with
#: compared records, `sides` = also how the modern side answered.
Counted = Literal["", "compared", "sides"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a decision rests on.

    Attributes:
        verdicts: counts of `same`, `different`, `inconclusive` since the operation's last decision.
        rule_versions: rule version → how many of those verdicts it gave.
        distinct_keys: how many different (pseudonymous) keys those verdicts are about.
        offsets: topic → [first, next): the range of the log that was counted.
        counted: which keys are meant, and whether what follows was looked at.
        failed: verdicts that could not be given because the modern side gave no usable answer.
        modern_p99_ms: 99 % of the compared answers of the modern side took no longer; 0 = none was timed.
    """

    verdicts: Mapping[str, int] = field(default_factory=dict)
    rule_versions: Mapping[str, int] = field(default_factory=dict)
    distinct_keys: int = 0
    offsets: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    counted: Counted = ""
    failed: int = 0
    modern_p99_ms: float = 0.0

    def with_sides(self, failed: int, modern_p99_ms: float) -> Evidence:
        """Return the same with how the modern side answered."""
        return replace(self, failed=failed, modern_p99_ms=modern_p99_ms)


@dataclass(frozen=True, slots=True)
class Decision:
    """A stage change, kill or restore, with who, why and on what evidence.

    Attributes:
        seq: 0 for the first decision of the hub, one more each time.
        at_ms: epoch milliseconds.
        prev: hex SHA-256 of the canonical bytes of the decision before.
        share: of the keys that modern answers from now on, in `strangler.canary.PLACES`; 0 unless `now` is
            canary.
        overrides: conditions of the gate that were not met and were gone over on purpose.
    """

    seq: int
    at_ms: int
    operation: str
    kind: DecisionKind
    was: Stage
    now: Stage
    by: str
    reason: str
    evidence: Evidence
    prev: str
    share: int = 0
    overrides: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        """Canonical JSON: sorted keys, no spaces, UTF-8; what came later is left out where it is empty."""
        value = asdict(self)
        found = value["evidence"]
        if not self.evidence.counted:
            del found["counted"]
        if self.evidence.counted != "sides":
            del found["failed"], found["modern_p99_ms"]
        return canonical_json({k: v for k, v in value.items() if v or k not in ("share", "overrides")})

    @property
    def sha256(self) -> str:
        """Hex SHA-256 of the canonical bytes: the next decision's `prev`."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @classmethod
    def from_bytes(cls, value: bytes) -> Decision:
        """Return the decision written as `value`.

        Raises:
            Terminal: it is not a decision.
        """
        try:
            raw = json.loads(value)
            evidence = raw.pop("evidence")
            evidence["offsets"] = {t: (int(o[0]), int(o[1])) for t, o in evidence["offsets"].items()}
            was, now = Stage(raw.pop("was")), Stage(raw.pop("now"))
            overrides = tuple(str(name) for name in raw.pop("overrides", ()))
            return cls(**raw, was=was, now=now, evidence=Evidence(**evidence), overrides=overrides)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise Terminal("not a decision record", fix="banyan operation verify") from error


def canonical_json(value: Any) -> bytes:
    """Return the one byte form of a JSON value: sorted keys, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def chain_problems(log: Sequence[bytes], heads: Mapping[str, str]) -> list[str]:
    """Return what is wrong with a decision log; an empty list is a sound chain.

    Args:
        log: the raw values, in log order.
        heads: operation → SHA-256 of the decision that its current state cites (from the state topic).
            Without them the newest record of the log could be edited unseen.
    """
    problems: list[str] = []
    prev, last, stages = GENESIS, dict[str, str](), dict[str, Stage]()
    for number, value in enumerate(log):
        own = hashlib.sha256(value).hexdigest()
        try:
            decision = Decision.from_bytes(value)
        except Terminal:
            problems.append(f"decision {number}: unreadable")
        else:
            problems += _record_problems(number, value, decision, prev, stages)
            last[decision.operation] = own
            if decision.kind == "stage":
                stages[decision.operation] = decision.now
        prev = own
    for operation in sorted(last.keys() | heads.keys()):
        if last.get(operation) != heads.get(operation):
            problems.append(f"operation {operation}: its state does not cite its last decision in the log")
    return problems


def _record_problems(
    number: int, value: bytes, decision: Decision, prev: str, stages: Mapping[str, Stage]
) -> list[str]:
    found: list[str] = []
    if decision.to_bytes() != value:
        found.append(f"decision {number}: not in canonical form")
    if decision.seq != number:
        found.append(f"decision {number}: its sequence number is {decision.seq}")
    if decision.prev != prev:
        found.append(f"decision {number}: does not follow from the one before (prev does not match)")
    if decision.was is not stages.get(decision.operation, Stage.LEGACY):
        found.append(f"decision {number}: starts from a stage that the operation was not in")
    return found
