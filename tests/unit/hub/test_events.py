"""Masking of personal data in events that people look at."""

from pathlib import Path

import pytest

from connectors.kafka import KafkaSettings
from connectors.links import Links
from connectors.log_reader import Record
from connectors.registry import Registry
from hub.events import MASK, EventReader, masked
from schemas.errors import Terminal

VALUE = {
    "type": "record",
    "name": "Value",
    "namespace": "uc.paymaster.award",
    "fields": [
        {"name": "NINO", "type": "string", "classification": "personal"},
        {"name": "STATUS", "type": ["null", "string"], "classification": "public"},
        {
            "name": "PAYMENTS",
            "type": [
                "null",
                {
                    "type": "array",
                    "items": {"type": "record", "name": "P", "fields": [{"name": "AT", "type": "string"}]},
                },
            ],
            "classification": "personal",
        },
        {"name": "GONE", "type": ["null", "string"], "classification": "personal"},
    ],
}
ENVELOPE = {
    "type": "record",
    "name": "Envelope",
    "namespace": "uc.paymaster.award",
    "fields": [
        {"name": "before", "type": ["null", VALUE]},
        {"name": "after", "type": ["null", "Value"]},
        {"name": "op", "type": "string"},
    ],
}
ROW = {"NINO": "QQ100001A", "STATUS": "L", "PAYMENTS": [{"AT": "2026-01-01"}], "GONE": None}


def test_personal_fields_are_masked_in_both_images() -> None:
    """Both images show public fields and nulls as they are, and every personal leaf as dots."""
    hidden = {"NINO": MASK, "STATUS": "L", "PAYMENTS": [{"AT": MASK}], "GONE": None}
    assert masked(ENVELOPE, {"before": ROW, "after": ROW, "op": "u"}) == {
        "before": hidden,
        "after": hidden,
        "op": "u",
    }


def test_an_image_known_only_by_name_is_masked() -> None:
    """The second image refers to the first one's record by name; it is masked although the first is null."""
    shown = masked(ENVELOPE, {"before": None, "after": ROW, "op": "c"})
    assert shown["after"]["NINO"] == MASK


def _shown(topic: str, value: bytes, *, key: bytes | None = None, reveal: bool = False) -> dict[str, object]:
    links = Links("uc", KafkaSettings(bootstrap="127.0.0.1:1"), "http://127.0.0.1:1", Path())
    return EventReader(links, reveal=reveal).show(Record(topic, 0, 7, key, value, [], 0))


@pytest.mark.parametrize(
    "raw", [b"QQ100001A 12.50", b'{"nino": "QQ100001A"}', b"10000112", b"\x00\x00\x00\x00\x09QQ100001A"]
)
def test_a_dead_letter_is_told_by_its_length(raw: bytes) -> None:
    """A dead letter is nobody's event: whatever it looks like, its bytes are shown only on purpose."""
    topic = "__banyan.uc.dlq.paymaster"
    told = f"{len(raw)} bytes, {raw[:2].hex()}…"
    assert _shown(topic, raw)["value"] == told
    assert _shown(topic, raw, key=raw)["key"] == told
    assert _shown(topic, raw, reveal=True)["value"] == raw.hex()


def test_an_event_that_cannot_be_decoded_is_told_by_its_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record on a change topic whose schema nobody knows ends no listing and shows nothing."""

    def by_id(_: Registry, schema_id: int) -> None:
        raise Terminal("no such schema")

    monkeypatch.setattr(Registry, "by_id", by_id)
    assert _shown("uc.casework.case", b"\0\0\0\0\x09QQ100001A")["value"] == "14 bytes, 0000…"
    assert _shown("uc.casework.case", b"QQ100001A")["value"] == "9 bytes, 5151…"


def test_facts_about_the_flow_are_readable() -> None:
    """The hub's own JSON topics are shown whole, with the names that are their keys."""
    shown = _shown("__banyan.uc.adapter_state", b'{"extract": "1"}', key=b"awards")
    assert (shown["key"], shown["value"]) == ("awards", {"extract": "1"})
