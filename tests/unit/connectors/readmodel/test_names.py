"""Names and places of read models, as people see them and as PostgreSQL takes them."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.readmodel.postgres_connection import server_of
from connectors.readmodel.store import key_identity
from connectors.readmodel.stores import Stores
from schemas.errors import SettingsError


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://banyan:secret@db.internal:5433/rm", "db.internal:5433/rm"),
        ("postgresql://banyan@db.internal/rm", "db.internal:5432/rm"),
        ("postgresql://banyan:pa/ss+w0rd@db.internal:5432/rm", "[read_model] url"),
        ("postgresql://banyan:p@ss/word@db.internal:5432/rm", "[read_model] url"),
        ("postgresql://banyan:p:a:s@db.internal:5432/rm", "db.internal:5432/rm"),
        ("no url at all", "[read_model] url"),
    ],
)
def test_no_part_of_a_password_is_shown(url: str, shown: str) -> None:
    """A password that is not percent-encoded is not taken for a host, port or database."""
    assert server_of(url) == shown


def test_a_schema_name_that_would_be_cut_is_refused(tmp_path: Path) -> None:
    """PostgreSQL cuts names at 63 bytes, so that two versions would share one schema."""
    stores = Stores(tmp_path, "uc", "postgresql://x")
    assert stores.schema("a" * 57, 1) == f"uc.{'a' * 57}.v1"
    with pytest.raises(SettingsError, match="shorter name"):
        stores.schema("a" * 58, 1)


def test_a_key_is_the_same_under_every_schema_id() -> None:
    """The five bytes of the wire format are no part of a key; a key without them is itself."""
    assert key_identity(b"\0\0\0\0\1abc") == key_identity(b"\0\0\0\0\2abc") == b"abc"
    assert [key_identity(k) for k in (b"", b"abc", b"\0", b"\0\0\0\0\1")] == [
        b"",
        b"abc",
        b"\0",
        b"\0\0\0\0\1",
    ]
