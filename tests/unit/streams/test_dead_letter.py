"""What stands beside a parked event on the dead-letter topic."""

from __future__ import annotations

import hashlib

from connectors.readmodel.store import Parked
from streams.dead_letter import headers
from streams.projection import row_projection

CLAIM = row_projection("claim", source="esa.claim", collection="claims")
PARKED = Parked(b"QQ123456C", "t.esa.claim", 3, 17, b"bytes", "it cannot be decoded")


def test_a_letter_says_place_and_reason() -> None:
    """A letter names its projection, its event's place and why it is parked."""
    told = dict(headers(PARKED, CLAIM, b"k" * 32))
    assert told["banyan.projection"] == b"claim.v1"
    assert told["banyan.source"] == b"t.esa.claim:3:17"
    assert told["banyan.reason"] == b"it cannot be decoded"


def test_a_letter_names_its_key_by_a_keyed_hash() -> None:
    """One key has one pseudonym; without the estate's secret a guess at the key cannot be tested."""
    key = dict(headers(PARKED, CLAIM, b"k" * 32))["banyan.key"]
    assert key == dict(headers(PARKED, CLAIM, b"k" * 32))["banyan.key"]
    assert key != dict(headers(PARKED, CLAIM, b"o" * 32))["banyan.key"]
    assert not hashlib.sha256(b"QQ123456C").hexdigest().encode().startswith(key)
