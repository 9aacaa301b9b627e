"""Names and topics."""

from __future__ import annotations

import pytest

from schemas.errors import SettingsError
from schemas.names import api_name, avro_name, avro_names, topic_part
from schemas.topics import HISTORY, STATE, Topics, subject


@pytest.mark.parametrize(
    ("legacy", "avro", "api"),
    [
        ("ACCT-ID", "ACCT_ID", "acct_id"),
        ("AcctId", "AcctId", "acct_id"),
        ("88-LEVEL", "_88_LEVEL", "88_level"),
        ("caseId", "caseId", "case_id"),
        ("A--B", "A__B", "a_b"),
        ("", "_", "field"),
    ],
)
def test_names_are_made_legal(legacy: str, avro: str, api: str) -> None:
    """Legacy names become Avro names and lower-snake API names."""
    assert avro_name(legacy) == avro
    assert api_name(legacy) == api


def test_colliding_names() -> None:
    """Two names that become one are refused, both named."""
    assert avro_names(["A-B", "C"], where="x") == ["A_B", "C"]
    with pytest.raises(SettingsError, match=r"'A-B' and 'A_B'"):
        avro_names(["A-B", "A_B"], where="x")


@pytest.mark.parametrize("part", ["", "A", "1a", "a-b", "a.b", "a\n"])
def test_illegal_topic_parts(part: str) -> None:
    """Only lower-case letters, digits and underscores make a topic's part."""
    with pytest.raises(SettingsError):
        topic_part(part, where="x")


def test_topics() -> None:
    """Change topics keep all history, state topics are compacted, names follow the rule."""
    topics = Topics("uc")
    change = topics.change("paymaster", "award", 3)
    assert (change.name, change.partitions, change.config) == ("uc.paymaster.award", 3, HISTORY)
    assert topics.transaction.name == "uc.transaction"
    assert topics.adapter_state.config == topics.operations.config == STATE
    assert topics.dlq("paymaster").name == "__banyan.uc.dlq.paymaster"
    assert topics.decisions.partitions == 1
    assert subject(change.name, "value") == "uc.paymaster.award-value"
    with pytest.raises(SettingsError):
        Topics("UC")
