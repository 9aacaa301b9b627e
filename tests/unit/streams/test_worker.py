"""What the worker says about a projection in trouble."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from streams import worker
from streams.projection import row_projection
from streams.versions import Versions

CLAIM = row_projection("claim", source="esa.claim", collection="claims")


def test_unexpected_error_is_logged_without_its_message(monkeypatch, caplog, tmp_path):
    """An error that nobody foresaw may quote a record, so the log has its type and line only."""

    async def quotes(self, stop):
        stop.set()
        raise ValueError("cannot convert 'QQ123456C'")

    monkeypatch.setattr(worker._Host, "_once", quotes)
    host = worker._Host(CLAIM, SimpleNamespace(prefix="uc"), None, None, None, None, Versions(tmp_path), None)
    asyncio.run(host.run(asyncio.Event()))
    assert "QQ123456C" not in caplog.text
    assert "uc.claim.v1 starts again after an unexpected error: ValueError at test_worker.py:" in caplog.text


def test_lag_is_told_by_position_where_all_is_stored():
    """A commit marker behind the last event is no lag; events that were fetched and not stored are."""
    caught_up = worker._lags({0: 12}, {0: 11}, {0: 11}, {0: 12})
    behind = worker._lags({0: 100}, {0: 100}, {0: 40}, {0: 100})
    assert (caught_up, behind) == ({0: 0}, {0: 60})
