"""Masking of personal data in events that people look at."""

from hub.events import MASK, masked

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
