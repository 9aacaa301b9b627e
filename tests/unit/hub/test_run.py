"""`banyan run`: what stops it before anything is started."""

import asyncio
import socket
from pathlib import Path

import pytest

from hub.estate import Estate
from hub.run import running
from schemas.errors import Transient


async def test_a_taken_port_is_told_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port that another program has is named at once, with its setting; no state is made."""
    state = tmp_path / "state"
    monkeypatch.setenv("BANYAN_STATE", str(state))
    monkeypatch.setattr("hub.run.CLOSING_SECONDS", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("BANYAN_CONSOLE_PORT", str(port))
        with pytest.raises(Transient, match="the console cannot listen") as caught:
            async with running(Estate("universal_credit"), say=print, stop=asyncio.Event()):
                pass
    assert caught.value.where == f"127.0.0.1:{port}"
    assert "[console] port" in caught.value.fix
    assert not state.exists()
