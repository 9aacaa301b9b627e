"""Files that are whole or absent."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import durable
from connectors.durable import Follower, content_id


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(parts=st.lists(st.binary(max_size=40), max_size=6))
def test_a_follower_knows_what_a_reader_would_find(tmp_path, monkeypatch, parts):
    """Hashed while it grows, a file has the id that it has when it is read at the end."""
    monkeypatch.setattr(durable, "_SYNC_BYTES", 50)
    monkeypatch.setattr(durable, "_READ_BYTES", 7)
    path = tmp_path / "file"
    with path.open("wb", buffering=0) as sink:
        follower = Follower(path)
        for part in parts:
            sink.write(part)
            follower.follow()
    assert follower.finish() == content_id(path)
