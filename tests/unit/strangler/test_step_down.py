"""What sends an operation down, and what does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from strangler.canary import Serving
from strangler.compare import Kind, Verdict
from strangler.stage import Stage
from strangler.step_down import Limits, Watch
from strangler.tally import Tally
from strangler.verdict_record import VerdictRecord

LIMITS = Limits(differences=1 / 5000, errors=0.001, slow=0.01, between_false_alarms=1e9, to=Stage.SHADOW)
CANARY = Serving(Stage.CANARY, 500)


def watch(serving: Serving = CANARY, limits: Limits = LIMITS) -> Watch:
    return Watch(limits, serving, since_ms=1_000, rules="1.1")


def verdict(kind: Kind, key: str, *, at_ms: int = 2_000, rules: str = "1.1") -> VerdictRecord:
    return VerdictRecord("get_case", at_ms, key, Verdict(kind, rules, ("status",)))


@pytest.mark.parametrize("serving", [CANARY, Serving(Stage.MODERN)])
def test_failing_calls_are_a_breach(serving: Serving) -> None:
    """Where callers get modern's answers, its failures send the operation down, with figures."""
    watched = watch(serving)
    watched.take_calls(Tally(1_000, 0, 0))
    assert watched.breach == ""
    watched.take_calls(Tally(10, 9, 0))
    assert watched.breach == "9 of the last 10 calls failed; a rate of 0.100% is tolerated"


def test_slow_calls_are_a_breach_where_they_are_watched() -> None:
    """More than one in a hundred slow calls is a breach of the p99; without a bound none is."""
    slow = Tally(100, 0, 40)
    watched, unwatched = watch(), watch(limits=replace(LIMITS, slow=None))
    watched.take_calls(slow)
    unwatched.take_calls(slow)
    assert watched.breach.startswith("40 of the last 100 calls were slow")
    assert unwatched.breach == ""


@pytest.mark.parametrize("stage", [Stage.LEGACY, Stage.SHADOW])
def test_a_stage_without_modern_answers_has_no_breach(stage: Stage) -> None:
    """In legacy and shadow no caller is hurt, so there is nowhere to step down to."""
    watched = watch(Serving(stage))
    watched.take_calls(Tally(1_000, 1_000, 1_000))
    for n in range(100):
        watched.take_verdict(verdict(Kind.DIFFERENT, str(n)))
    assert watched.breach == ""


def test_keys_that_differ_are_a_breach() -> None:
    """Some differing keys in a short time are one, among them each key once."""
    watched = watch()
    for _ in range(1_000):
        watched.take_verdict(verdict(Kind.DIFFERENT, "one"))
    assert watched.breach == ""
    for n in range(10):
        watched.take_verdict(verdict(Kind.DIFFERENT, str(n)))
    assert "3 of the last 3 compared answers differ" in watched.breach


@pytest.mark.parametrize("change", [{"at_ms": 999}, {"rules": "1.0"}])
def test_verdicts_of_another_time_or_rule_do_not_count(change: dict[str, Any]) -> None:
    """A verdict from before the step, or by rules that no longer count, is no breach."""
    watched = watch()
    for n in range(100):
        watched.take_verdict(verdict(Kind.DIFFERENT, str(n), **change))
    assert watched.breach == ""


def test_no_answer_is_no_difference() -> None:
    """Inconclusive verdicts neither raise nor quieten the alarm."""
    watched = watch()
    for n in range(100):
        watched.take_verdict(verdict(Kind.INCONCLUSIVE, str(n)))
    assert watched.breach == ""


def test_the_first_reason_stays() -> None:
    """What was found first is what the decision says."""
    watched = watch()
    watched.take_calls(Tally(10, 10, 0))
    first = watched.breach
    watched.take_calls(Tally(1_000, 1_000, 1_000))
    assert watched.breach == first


@pytest.mark.parametrize("value", [None, [], {}, {"calls": 1}, {"calls": -1, "failed": 0, "slow": 0}])
def test_what_is_no_tally_is_refused(value: Any) -> None:
    """Counts of something else, from whatever answers at a façade's address, are not taken."""
    with pytest.raises(ValueError, match="tally"):
        Tally.from_json(value)
