"""Which keys count as evidence, and how records of before there were gates are counted."""

from __future__ import annotations

import json
from dataclasses import replace

from strangler.compare import Kind, Rules, Verdict, compare
from strangler.control import StageState
from strangler.decision import Decision, Evidence
from strangler.stage import Stage
from strangler.verdict_keys import Keys
from strangler.verdict_record import VerdictRecord, fingerprint

SAME, NOTHING = Verdict(Kind.SAME, "1.1"), compare(None, None, Rules())
UNSURE = Verdict(Kind.INCONCLUSIVE, "1.1", reason="stale")


def record(key: str, verdict: Verdict = SAME, secret: str = "") -> VerdictRecord:
    return VerdictRecord("get_case", 1, key, verdict, secret=secret)


def count(*records: VerdictRecord, keys: Keys | None = None) -> int:
    keys = Keys() if keys is None else keys
    for one in records:
        keys.add(one)
    return len(keys)


def test_only_compared_records_count() -> None:
    """A key counts once, and not where both sides know nothing of it or gave no answer: anybody can make up
    keys that nobody has."""
    assert count(record("a"), record("a"), record("b", NOTHING), record("c", UNSURE)) == 1
    assert count(record("a", NOTHING), record("a")) == 1


def test_hosts_with_secrets_of_their_own_are_not_added_up() -> None:
    """One key has another pseudonym on each host: the largest count of one secret is taken."""
    records = [record(f"{host}{n}", secret=host) for host, many in (("x", 3), ("y", 5)) for n in range(many)]
    assert count(*records) == 5


def test_decisions_of_before_are_counted_as_they_were() -> None:
    """Evidence that says nothing of how it was counted holds every key."""
    assert count(record("a"), record("b", NOTHING), record("c", UNSURE), keys=Keys("")) == 3


def test_a_verdict_goes_to_kafka_and_back() -> None:
    """What a verdict has gained is written only where it says something, and read as it was written."""
    for one in (record("a"), record("a", NOTHING, fingerprint(b"k"))):
        assert VerdictRecord.from_bytes(one.to_bytes()) == one
    assert not {"absent", "secret"} & json.loads(record("a").to_bytes()).keys()


def test_a_facade_of_the_version_before_can_read_new_states() -> None:
    """A state without a share has the fields that it always had; fields of later versions are passed over."""
    state = StageState(Stage.LEGACY, 1, "ann", "back", 0, "0" * 64)
    written = json.loads(state.to_bytes())
    assert sorted(written) == ["at_ms", "by", "decision", "reason", "seq", "stage"]
    assert StageState.from_bytes(json.dumps(written | {"later": 1}).encode()) == state


def test_decisions_keep_the_form_they_had() -> None:
    """A decision without share, overrides or a way of counting has the bytes that it had before."""
    old = Decision(0, 1, "o", "stage", Stage.LEGACY, Stage.SHADOW, "ann", "look", Evidence(), "0" * 64)
    assert "counted" not in json.loads(old.to_bytes())["evidence"]
    new = Decision(
        0,
        1,
        "o",
        "stage",
        Stage.SHADOW,
        Stage.CANARY,
        "ann",
        "go",
        Evidence(counted="compared"),
        "0" * 64,
        500,
    )
    assert not {"failed", "modern_p99_ms"} & json.loads(new.to_bytes())["evidence"].keys()
    newest = replace(new, evidence=Evidence(counted="sides", failed=2, modern_p99_ms=1.5))
    for decision in (old, new, newest):
        assert Decision.from_bytes(decision.to_bytes()) == decision
