"""The gate of a step up: each condition by itself, and no step past a closed one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from strangler.canary import Serving
from strangler.control_spec import GateSpec
from strangler.decision import Evidence
from strangler.gate import Gate, GateClosed, GateOf, climbs, judge, next_step, require
from strangler.stage import Stage

LEGACY, SHADOW, MODERN = Serving(Stage.LEGACY), Serving(Stage.SHADOW), Serving(Stage.MODERN)
GATE = Gate(rate=0.05, steps=(100, 500), hold_seconds=60.0, approvers=frozenset({"ann"}))
GOOD = Evidence({"same": 120, "inconclusive": 2}, {"1.1": 122}, 100)


def unmet(gate: Gate = GATE, evidence: Evidence = GOOD, **given: Any) -> list[str]:
    asked = {"was": SHADOW, "to": Serving(Stage.CANARY, 100), "by": "ann", "held_seconds": 61.0} | given
    found = judge(GateOf(gate, "1.1"), evidence, **asked)
    return [c.name for c in found if not c.met]


def test_a_good_side_passes() -> None:
    """With enough keys and nothing against it, the step is open."""
    assert unmet() == []


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"evidence": replace(GOOD, verdicts={"same": 120, "different": 1})}, "differences"),
        ({"evidence": replace(GOOD, distinct_keys=92)}, "keys"),
        ({"evidence": Evidence()}, "keys"),
        ({"evidence": replace(GOOD, verdicts={"same": 120, "inconclusive": 7})}, "inconclusive"),
        ({"evidence": replace(GOOD, rule_versions={"1.0": 3, "1.1": 119})}, "rules"),
        ({"held_seconds": 59.0}, "hold"),
        ({"to": Serving(Stage.CANARY, 101)}, "steps"),
        ({"to": MODERN}, "steps"),
        ({"was": Serving(Stage.CANARY, 100), "to": MODERN}, "steps"),
        ({"by": "bob"}, "approver"),
        ({"evidence": replace(GOOD, failed=1)}, "errors"),
        ({"gate": replace(GATE, p99_ms=200.0), "evidence": replace(GOOD, modern_p99_ms=200.1)}, "p99"),
        ({"gate": replace(GATE, p99_ms=200.0)}, "p99"),
    ],
)
def test_each_condition_closes_the_gate_alone(change: dict[str, Any], name: str) -> None:
    """One thing that is wrong is named, and nothing else."""
    assert unmet(**change) == [name]


def test_the_last_step_leads_to_modern() -> None:
    """After the largest share of the list comes modern; a share in between is no leap."""
    assert unmet(was=Serving(Stage.CANARY, 500), to=MODERN) == []
    assert unmet(was=Serving(Stage.CANARY, 100), to=Serving(Stage.CANARY, 300)) == []


def test_the_list_leads_from_shadow_to_modern() -> None:
    """Each step is the next share, then comes modern; nothing leads on from there, or from legacy."""
    shares: list[Serving | None] = [SHADOW]
    while shares[-1] is not None:
        shares.append(next_step(GATE, shares[-1]))
    assert shares == [SHADOW, Serving(Stage.CANARY, 100), Serving(Stage.CANARY, 500), MODERN, None]
    assert next_step(GATE, LEGACY) is None


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"automatic": True}, "needs steps"),
        ({"automatic": True, "steps": (1,), "approvers": {"ann"}}, "'controller' among the approvers"),
    ],
)
def test_what_cannot_go_by_itself_is_refused(spec: dict[str, Any], words: str) -> None:
    """Automatic steps need a list to go by, and leave to decide."""
    with pytest.raises(ValidationError, match=words):
        GateSpec.model_validate(spec)
    assert GateSpec.model_validate(spec | {"steps": (1,), "approvers": {"ann", "controller"}}).gate.automatic


def test_a_refusal_names_everything_that_is_missing() -> None:
    """What is raised says each unmet condition with its figures."""
    found = judge(GateOf(GATE, "1.1"), Evidence(), was=SHADOW, to=MODERN, by="bob", held_seconds=0)
    with pytest.raises(GateClosed, match=r"0 of 93 distinct keys.*held for 0 of 60 s.*canary 1 %.*ann may"):
        require("get_case", found)


@pytest.mark.parametrize(
    ("was", "to", "up"),
    [
        (LEGACY, SHADOW, False),
        (SHADOW, Serving(Stage.CANARY, 1), True),
        (Serving(Stage.CANARY, 2), Serving(Stage.CANARY, 1), False),
        (Serving(Stage.CANARY, 1), Serving(Stage.CANARY, 2), True),
        (Serving(Stage.CANARY, 9999), MODERN, True),
        (MODERN, Serving(Stage.CANARY, 9999), False),
        (MODERN, LEGACY, False),
    ],
)
def test_what_is_a_step_up(was: Serving, to: Serving, up: bool) -> None:
    """A step up gives modern more to answer; the way down needs no gate."""
    assert climbs(was, to) is up
