"""How an unexpected error is named in a log."""

from __future__ import annotations

import json

from schemas.errors import described


def test_an_unexpected_error_is_named_without_its_message() -> None:
    """Type, file and line of where it arose are told, and never the message: it may quote a record."""
    try:
        json.loads('{"nino": QQ100001A}')
    except ValueError as error:
        told = described(error)
    assert told.startswith("JSONDecodeError at decoder.py:")
    assert "QQ100001A" not in told


def test_an_error_that_was_never_raised_has_no_place() -> None:
    """An error without a traceback is its type alone."""
    assert described(ValueError("QQ100001A")) == "ValueError"
