"""Masked values show the kind of a difference and nothing else."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from strangler.compare import Kind, Verdict
from strangler.mask import masked, masked_at
from strangler.verdict_record import VerdictRecord, pseudonym


@given(st.text(min_size=1, max_size=80))
def test_no_letter_and_no_digit_is_shown(text: str) -> None:
    """Whatever the value, each letter becomes x and each digit 9."""
    shown = masked(text)
    assert all(not c.isalnum() or c in "x9" for c in shown) or shown == "empty"
    assert len(shown) <= 25


def test_shapes_say_what_differs() -> None:
    """Dates, amounts, nil, empty and absent can be told apart."""
    record = {"a": {"b": date(2026, 1, 2)}, "n": None, "e": "", "p": [{"x": Decimal("-12.50")}]}
    assert masked_at(record, "a.b") == "9999-99-99"
    assert masked_at(record, "p[0].x") == "-99.99"
    assert masked_at(record, "p") == "list of 1"
    assert [masked_at(record, p) for p in ("n", "e", "z", "p[4].x")] == ["nil", "empty", "absent", "absent"]
    assert masked_at(None, "$") == "no such thing" and masked_at(record, "$") == "a record"


def test_a_verdict_record_reads_back_and_holds_no_key() -> None:
    """A verdict record survives its bytes; the key in it is a pseudonym that depends on the secret."""
    key = pseudonym(b"secret", "C0001")
    assert key == pseudonym(b"secret", "C0001") != pseudonym(b"other", "C0001")
    verdict = Verdict(Kind.DIFFERENT, "2.3", ("a", "b[0]"))
    record = VerdictRecord("get_case", 5, key, verdict, True, "x1", {"t:0": 9})
    assert VerdictRecord.from_bytes(record.to_bytes()) == record
    assert b"C0001" not in record.to_bytes()
