"""What the worker says about a projection in trouble."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from streams import worker
from streams.progress import Stuck
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


def test_a_client_that_hangs_keeps_nobody_from_leaving():
    """A worker that is told to stop while its Kafka client does not start ends the start, and leaves."""
    ended = []

    class Hanging:
        async def start(self):
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("start")

    async def stopped_while_it_starts():
        stop = asyncio.Event()
        asyncio.get_running_loop().call_soon(stop.set)
        await worker._start(Hanging(), stop)

    asyncio.run(stopped_while_it_starts())
    assert ended == ["start"]


def test_what_keeps_a_client_from_starting_is_told():
    """An error of the start comes out of it."""

    class Failing:
        async def start(self):
            raise OSError("no route")

    with pytest.raises(OSError, match="no route"):
        asyncio.run(worker._start(Failing(), asyncio.Event()))


def test_a_start_has_an_end(monkeypatch):
    """A client that hangs is given up, so that the app is started again."""

    class Hanging:
        async def start(self):
            await asyncio.Event().wait()

    monkeypatch.setattr(worker, "_START_SECONDS", 0.01)
    with pytest.raises(Stuck, match="does not start"):
        asyncio.run(worker._start(Hanging(), asyncio.Event()))
