"""The hash chain of the decision log shows every edit."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from schemas.errors import Terminal
from strangler.decision import GENESIS, Decision, Evidence, chain_problems
from strangler.stage import Stage

STEPS = [
    ("get_case", Stage.LEGACY, Stage.SHADOW),
    ("get_award", Stage.LEGACY, Stage.SHADOW),
    ("get_case", Stage.SHADOW, Stage.MODERN),
    ("get_case", Stage.MODERN, Stage.LEGACY),
]


def chain() -> tuple[list[bytes], dict[str, str]]:
    log: list[bytes] = []
    heads: dict[str, str] = {}
    for seq, (operation, was, now) in enumerate(STEPS):
        prev = hashlib.sha256(log[-1]).hexdigest() if log else GENESIS
        evidence = Evidence({"same": seq}, {"1.1": seq}, seq, {"v": (0, seq)})
        decision = Decision(seq, 1_000 + seq, operation, "stage", was, now, "åse", "because", evidence, prev)
        log.append(decision.to_bytes())
        heads[operation] = decision.sha256
    return log, heads


LOG, HEADS = chain()


def test_a_sound_chain_has_no_problems() -> None:
    """A log as the controller writes it passes, and each record reads back as itself."""
    assert chain_problems(LOG, HEADS) == []
    assert all(Decision.from_bytes(value).to_bytes() == value for value in LOG)
    assert chain_problems([], {}) == []


@given(st.integers(0, len(LOG) - 1), st.data())
def test_any_changed_byte_is_seen(index: int, data: st.DataObject) -> None:
    """Any one byte changed in any record, the newest too, is found."""
    value = bytearray(LOG[index])
    place = data.draw(st.integers(0, len(value) - 1))
    value[place] = data.draw(st.integers(0, 255).filter(lambda b: b != value[place]))
    assert chain_problems([*LOG[:index], bytes(value), *LOG[index + 1 :]], HEADS)


@given(st.permutations(range(len(LOG))), st.integers(0, len(LOG)))
def test_reordered_or_missing_records_are_seen(order: list[int], length: int) -> None:
    """Records that change places, or are left out at either end or between, are found."""
    kept = order[:length]
    assume(kept != list(range(len(LOG))))
    assert chain_problems([LOG[i] for i in kept], HEADS)


@given(st.integers(0, len(LOG)))
def test_an_inserted_record_is_seen(place: int) -> None:
    """A record put in from elsewhere is found."""
    assert chain_problems([*LOG[:place], LOG[0], *LOG[place:]], HEADS)


def test_a_rewritten_history_is_seen_by_the_state() -> None:
    """Even a log whose hashes were all made anew does not agree with the state topic."""
    forged: list[bytes] = []
    for value in LOG:
        raw = json.loads(value) | {"by": "mallory"}
        raw["prev"] = hashlib.sha256(forged[-1]).hexdigest() if forged else GENESIS
        forged.append(json.dumps(raw, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
    problems = chain_problems(forged, HEADS)
    assert len(problems) == 2
    assert all("does not cite" in p for p in problems)


@pytest.mark.parametrize(
    "value", [b"", b"{}", b"[]", b"null", b"\xff", b'{"evidence":{"offsets":{"t":[1]}}}']
)
def test_what_is_no_decision_is_said_so(value: bytes) -> None:
    """A record that is no decision is a Terminal error and a problem of the chain."""
    with pytest.raises(Terminal, match="not a decision"):
        Decision.from_bytes(value)
    assert chain_problems([value], {}) == ["decision 0: unreadable"]
