"""The controller and its log on a real Kafka."""

from __future__ import annotations

import json

import pytest

from connectors.kafka import Fenced, TransactionalProducer
from connectors.links import Links
from connectors.log_reader import read_all, read_state
from schemas.errors import Terminal
from strangler.control import Controller, history, set_stage, stages, verify
from strangler.stage import Stage, StageRefused

pytestmark = pytest.mark.integration


def test_decisions_are_chained_and_the_state_is_theirs(links: Links) -> None:
    """Each decision follows from the one before, names who and why, and sets the compacted state."""
    assert stages(links) == {} and history(links) == [] and verify(links) == []
    first = set_stage(links, "get_case", "shadow", by="ann", reason="ready to compare")
    second = set_stage(links, "get_award", "shadow", by="ann", reason="ready to compare")
    third = set_stage(links, "get_case", Stage.MODERN, by="bob", reason="all the same")
    assert (first.seq, second.seq, third.seq) == (0, 1, 2)
    assert (second.prev, third.prev) == (first.sha256, second.sha256)
    assert history(links, "get_case") == [first, third] and history(links) == [first, second, third]
    now = stages(links)
    assert {name: state.stage for name, state in now.items()} == {"get_case": "modern", "get_award": "shadow"}
    assert now["get_case"].by == "bob" and now["get_case"].decision == third.sha256
    assert verify(links) == []


def test_a_refused_step_writes_nothing(links: Links) -> None:
    """A step that is not allowed, or has no name or reason, leaves log and state as they were."""
    with pytest.raises(StageRefused):
        set_stage(links, "get_case", "modern", by="ann", reason="hurry")
    with pytest.raises(Terminal, match="name and a reason"):
        set_stage(links, "get_case", "shadow", by="ann", reason=" ")
    assert history(links) == [] and stages(links) == {}


def test_the_older_of_two_controllers_is_fenced(links: Links) -> None:
    """A controller that was overtaken cannot write, and what the newer one wrote stands alone."""
    older = Controller(links)
    older.set_stage("get_case", "shadow", by="older", reason="first")
    with Controller(links) as newer:
        with pytest.raises(Fenced):
            older.set_stage("get_case", "modern", by="older", reason="too late")
        newer.set_stage("get_case", "legacy", by="newer", reason="back")
    older.close()
    assert [d.by for d in history(links)] == ["older", "newer"]
    assert stages(links)["get_case"].stage is Stage.LEGACY
    assert verify(links) == []


def test_a_foreign_record_in_the_log_is_found_and_stops_the_controller(links: Links) -> None:
    """A record that somebody else appends breaks the chain: verify names it, the controller adds nothing."""
    set_stage(links, "get_case", "shadow", by="ann", reason="ready to compare")
    topic = links.topics.decisions.name
    value = next(iter(read_all(links.kafka, topic))).value or b""
    forged = json.loads(value) | {"seq": 1, "was": "shadow", "now": "modern", "by": "mallory"}
    producer = TransactionalProducer(links.kafka, f"{links.prefix}.mallory")
    producer.begin()
    producer.send(topic, 0, b"get_case", json.dumps(forged).encode())
    producer.flush()
    producer.commit()
    producer.close()
    problems = verify(links)
    assert any("prev does not match" in p for p in problems)
    assert any("does not cite its last decision" in p for p in problems)
    with pytest.raises(Terminal, match="broken"):
        set_stage(links, "get_case", "legacy", by="ann", reason="back")


def test_a_kill_on_record_changes_no_stage(links: Links) -> None:
    """A kill and a restore stand in the log with the stage that the operation keeps."""
    set_stage(links, "get_case", "shadow", by="ann", reason="ready to compare")
    with Controller(links) as controller:
        controller.record("get_case", "kill", by="ann", reason="alarm")
        controller.record("get_case", "restore", by="ann", reason="false alarm")
    assert [(d.kind, d.was.value, d.now.value) for d in history(links)] == [
        ("stage", "legacy", "shadow"),
        ("kill", "shadow", "shadow"),
        ("restore", "shadow", "shadow"),
    ]
    assert set(read_state(links.kafka, links.topics.operations.name)) == {b"get_case"}
    assert verify(links) == []
    set_stage(links, "get_case", "legacy", by="ann", reason="back")
    assert verify(links) == []
