"""One verdict as it is kept on Kafka: enough to count and to find again, no values and no keys."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from schemas.errors import Terminal
from strangler.compare import Kind, Verdict
from strangler.decision import canonical_json


@dataclass(frozen=True, slots=True)
class VerdictRecord:
    """Parity of one call.

    Attributes:
        operation: the operation's name.
        at_ms: epoch milliseconds of the verdict.
        key: pseudonym of the business key (`pseudonym`).
        verdict: the answer, with paths and rule version.
        rechecked: whether both sides were read again after the projection had caught up.
        extract: the extract that covered the re-read; empty where none was needed.
        offsets: `topic:partition` → next offset of the projection when it was compared.
        secret: which secret the pseudonym was made with (`fingerprint`).
        modern_ms: how long the modern side took to answer, in milliseconds; 0 = it was not timed.
    """

    operation: str
    at_ms: int
    key: str
    verdict: Verdict
    rechecked: bool = False
    extract: str = ""
    offsets: Mapping[str, int] = field(default_factory=dict)
    secret: str = ""
    modern_ms: float = 0.0

    def to_bytes(self) -> bytes:
        """Canonical JSON; what came later is left out where it is empty."""
        later = {"absent": self.verdict.absent, "secret": self.secret, "modern_ms": self.modern_ms}
        return canonical_json(
            {k: v for k, v in later.items() if v}
            | {
                "operation": self.operation,
                "at_ms": self.at_ms,
                "key": self.key,
                "verdict": self.verdict.kind.value,
                "paths": list(self.verdict.paths),
                "reason": self.verdict.reason,
                "rule_version": self.verdict.rule_version,
                "rechecked": self.rechecked,
                "extract": self.extract,
                "offsets": dict(self.offsets),
            }
        )

    @classmethod
    def from_bytes(cls, value: bytes) -> VerdictRecord:
        """Return the record written as `value`.

        Raises:
            Terminal: it is not one.
        """
        try:
            raw = json.loads(value)
            kind, paths, absent = Kind(raw["verdict"]), tuple(raw["paths"]), bool(raw.get("absent"))
            verdict = Verdict(kind, raw["rule_version"], paths, raw["reason"], absent)
            rest = (raw["rechecked"], raw["extract"], raw["offsets"], str(raw.get("secret", "")))
            took = float(raw.get("modern_ms", 0.0))
            return cls(raw["operation"], raw["at_ms"], raw["key"], verdict, *rest, took)
        except (ValueError, KeyError, TypeError) as error:
            raise Terminal("not a verdict record", fix="see who else writes to the verdicts topic") from error


def fingerprint(secret: bytes) -> str:
    """Return eight hex digits that tell secrets apart, and nothing about them."""
    return hashlib.sha256(b"banyan-verdicts\0" + secret).hexdigest()[:8]


def pseudonym(secret: bytes, key: str) -> str:
    """Return the HMAC-SHA256 of a business key as 32 hex digits: equal keys are seen, none can be read."""
    return hmac.new(secret, key.encode(), hashlib.sha256).hexdigest()[:32]
