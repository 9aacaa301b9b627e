"""The supervisor: ordered start, restart, and nothing left behind."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from hub import tether
from hub.supervise import Part, Supervisor
from schemas.errors import Transient

SLEEP = (sys.executable, "-c", "import time; time.sleep(60)")


def _supervisor(folder: Path, said: list[str]) -> Supervisor:
    return Supervisor(folder / "logs", env=dict(os.environ), say=said.append)


async def test_leaving_ends_every_part(tmp_path: Path) -> None:
    """Leaving the supervisor ends the parts that it started."""
    async with _supervisor(tmp_path, []) as supervisor:
        await supervisor.start([Part("one", SLEEP, tmp_path), Part("two", SLEEP, tmp_path)])
        pids = supervisor.pids
        assert set(pids) == {"one", "two"}
    assert not any(psutil.pid_exists(pid) for pid in pids.values())


async def test_a_part_that_dies_is_started_again(tmp_path: Path) -> None:
    """A part that is killed is started again, and the terminal is told."""
    said: list[str] = []
    async with _supervisor(tmp_path, said) as supervisor:
        await supervisor.start([Part("one", SLEEP, tmp_path)])
        first = supervisor.pids["one"]
        os.kill(first, signal.SIGKILL)
        for _ in range(200):
            await asyncio.sleep(0.05)
            if supervisor.pids.get("one") not in (None, first):
                break
        assert supervisor.pids["one"] != first
    assert "SIGKILL" in said[0]


async def test_a_part_that_says_why_is_quoted(tmp_path: Path) -> None:
    """The error line that a part printed before it ended is shown with its log's place."""
    said: list[str] = []
    failing = (
        sys.executable,
        "-c",
        "import sys; print('error: the port is taken', file=sys.stderr); sys.exit(3)",
    )
    async with _supervisor(tmp_path, said) as supervisor:
        await supervisor.start([Part("one", failing, tmp_path)])
        for _ in range(100):
            await asyncio.sleep(0.05)
            if said:
                break
    assert "exit code 3" in said[0]
    assert "error: the port is taken" in said[0]


async def test_a_part_that_waits_for_its_next_start_stays_down(tmp_path: Path) -> None:
    """A part that died just before the end is not started again while the others take their time to end."""
    once = tmp_path / "once"
    dies_once = (
        f"import os, sys, time\nif os.path.exists({str(once)!r}): time.sleep(60)\nopen({str(once)!r}, 'w')"
    )
    slow = "import signal, sys, time\nsignal.signal(15, lambda *_: (time.sleep(1), sys.exit()))\n"
    slow += f"open({str(tmp_path / 'up')!r}, 'w')\ntime.sleep(60)"
    said: list[str] = []
    async with _supervisor(tmp_path, said) as supervisor:
        await supervisor.start([Part("slow", (sys.executable, "-c", slow), tmp_path)])
        while not (tmp_path / "up").exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.02)
        await supervisor.start([Part("dead", (sys.executable, "-c", dies_once), tmp_path)])
        while not said:  # noqa: ASYNC110 - the supervisor speaks by a callback
            await asyncio.sleep(0.02)
    assert supervisor.pids == {}


async def test_a_part_that_never_answers_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A part whose ready URL stays silent is an error that names the URL and the log."""
    monkeypatch.setattr("hub.supervise.READY_SECONDS", 0.3)
    async with _supervisor(tmp_path, []) as supervisor:
        with pytest.raises(Transient) as caught:
            await supervisor.start([Part("one", SLEEP, tmp_path, ready="http://127.0.0.1:9/health")])
    assert caught.value.where == "http://127.0.0.1:9/health"
    assert "one.log" in caught.value.fix


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_tethered_process_dies_with_its_parent(tmp_path: Path) -> None:
    """SIGKILL of the parent ends the tethered child too."""
    noted = tmp_path / "pid"
    code = (
        "import os, subprocess, sys, time\n"
        f"tie = [sys.executable, {tether.__file__!r}, str(os.getpid())]\n"
        "child = subprocess.Popen([*tie, sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(noted)!r}, 'w').write(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    while not (noted.exists() and noted.read_text()):
        time.sleep(0.02)
    child = psutil.Process(int(noted.read_text()))
    # In the moment of execve a process has no command line.
    while not (line := child.cmdline()) or "time.sleep(60)" not in line[-1] or tether.__file__ in line:
        time.sleep(0.02)
    parent.kill()
    parent.wait()
    with contextlib.suppress(psutil.NoSuchProcess):
        child.wait(timeout=20)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
