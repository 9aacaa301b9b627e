"""The lock on a state folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.embedded.child import started_at
from hub.embedded.claim import Claim
from hub.embedded.running import running
from schemas.errors import Terminal


@pytest.fixture
def living() -> object:
    """A process other than this one."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def write_lock(state: Path, pid: int, started: float | None) -> None:
    state.mkdir(exist_ok=True)
    (state / "lock").write_text(json.dumps({"pid": pid, "started": started}))


def test_a_live_owner_is_named(tmp_path: Path, living: subprocess.Popen[bytes]) -> None:
    """A folder that a living process holds is refused, with its pid and what to do."""
    write_lock(tmp_path, living.pid, started_at(living.pid))
    with pytest.raises(Terminal, match=f"process {living.pid}") as caught:
        Claim(tmp_path).take()
    assert "banyan down" in caught.value.fix


def test_a_lock_of_a_dead_process_is_stale(tmp_path: Path, living: subprocess.Popen[bytes]) -> None:
    """The folder of a process that is gone can be taken at once."""
    write_lock(tmp_path, living.pid, started_at(living.pid))
    living.kill()
    living.wait()
    Claim(tmp_path).take()
    assert Claim(tmp_path).holder() == os.getpid()


def test_a_reused_pid_is_not_the_owner(tmp_path: Path, living: subprocess.Popen[bytes]) -> None:
    """A living process with the recorded pid but another start time does not hold the folder."""
    write_lock(tmp_path, living.pid, (started_at(living.pid) or 0) - 3600)
    Claim(tmp_path).take()
    assert Claim(tmp_path).holder() == os.getpid()


@pytest.mark.parametrize("text", ["", "{", '{"pid": "x"}', "[]", "17"])
def test_an_unreadable_lock_is_stale(tmp_path: Path, text: str) -> None:
    """A lock file that a crash cut short stops nobody."""
    (tmp_path / "lock").write_text(text)
    Claim(tmp_path).take()
    assert Claim(tmp_path).holder() == os.getpid()


def test_a_dropped_claim_is_free(tmp_path: Path) -> None:
    """After `drop` nobody holds the folder."""
    claim = Claim(tmp_path / "new")
    claim.take()
    claim.drop()
    assert claim.holder() is None


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    """A folder that a newer Banyan wrote is not touched."""
    (tmp_path / "format").write_text("99\n")
    with pytest.raises(Terminal, match="format '99'"):
        Claim(tmp_path).take()
    assert not (tmp_path / "lock").exists()


def test_services_of_dead_processes_do_not_run(tmp_path: Path) -> None:
    """A services.json that a crash left is not taken for running services."""
    processes = {"kafka": {"pid": os.getpid(), "started": 1.0}}
    facts = {"bootstrap": "127.0.0.1:1", "registry": "", "detached": True, "owner": 1, "processes": processes}
    (tmp_path / "services.json").write_text(json.dumps(facts))
    assert running(tmp_path) is None
    (tmp_path / "services.json").write_text("{")
    assert running(tmp_path) is None
