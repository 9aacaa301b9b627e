"""One child process with a log, started so that it cannot outlive its owner."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import psutil

#: Runs between fork and the program, in a fresh interpreter, so that no Python code runs in a forked copy of
#: a process with threads. PR_SET_PDEATHSIG (1) with SIGKILL (9): see prctl(2). It is kept across execve.
_BIND = (
    "import ctypes,os,sys;ctypes.CDLL(None).prctl(1,9);"
    "os.getppid()==int(sys.argv[1]) or os._exit(1);os.execv(sys.argv[2],sys.argv[2:])"
)
#: A killed JVM gives its memory back before it is gone: some tenths of a second.
_GONE_SECONDS = 5.0
_TAIL_LINES = 12
_TAIL_BYTES = 8192
#: Variables that change what a JVM loads or how it starts; an embedded part must start the same everywhere.
_JAVA_VARIABLES = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH", "JAVA_HOME")


class Child:
    """A started program with its log file.

    With `bound`, the kernel kills it when this process ends in whatever way; without, it lives on by itself
    (`banyan up`). In both cases it has its own session, so that Ctrl-C in a terminal reaches only its owner,
    which then stops the parts in order.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, folder: Path, log: Path, bound: bool = True
    ) -> None:
        self.name, self.log = name, log
        self._process = _spawn(list(command), folder, log, bound)
        self.pid = self._process.pid

    def __repr__(self) -> str:
        return f"Child({self.name!r}, pid={self.pid})"

    @property
    def alive(self) -> bool:
        """True until it has ended."""
        return self._process.poll() is None

    def tail(self) -> str:
        """The last lines of the log, for an error message."""
        return log_tail(self.log)

    @property
    def started(self) -> float | None:
        """When it started (Unix seconds), None once it has ended."""
        return started_at(self.pid)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; True if it has ended."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def terminate(self) -> None:
        """Ask it to stop (SIGTERM: Kafka then closes its logs in order)."""
        if self.alive:
            self._process.terminate()

    def stop(self, seconds: float = 10.0) -> None:
        """Stop it: SIGTERM, then SIGKILL for its whole process group when it takes longer than `seconds`."""
        self.terminate()
        if not self.wait(seconds):
            self.kill()

    def kill(self) -> None:
        """End it at once, and whatever it started, also in sessions of their own (a trainer's Java)."""
        if self.alive:
            started: list[psutil.Process] = []
            with contextlib.suppress(psutil.Error):
                started = psutil.Process(self.pid).children(recursive=True)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
            for process in started:
                with contextlib.suppress(psutil.Error):
                    process.kill()
            psutil.wait_procs(started, timeout=_GONE_SECONDS)


def log_tail(path: Path) -> str:
    """Return the last lines of a log file, or an empty text."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-_TAIL_LINES:])


def started_at(pid: int) -> float | None:
    """Return when the process started (Unix seconds), None if it is gone; tells a reused pid from the old."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _spawn(command: list[str], folder: Path, log: Path, bound: bool) -> subprocess.Popen[bytes]:
    environment = {k: v for k, v in os.environ.items() if k not in _JAVA_VARIABLES}
    if bound and sys.platform == "linux":
        command = [sys.executable, "-I", "-S", "-c", _BIND, str(os.getpid()), *command]

    def spawn() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 - the command is ours
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    return _Spawner.run(spawn)


class _Spawner:
    """A thread that lives as long as this process and starts every child.

    PR_SET_PDEATHSIG fires at the end of the *thread* that forked (prctl(2), "Warning"): a child started by a
    short-lived thread would die with it.
    """

    _jobs: queue.SimpleQueue[tuple[object, Future[subprocess.Popen[bytes]]]] = queue.SimpleQueue()
    _owner: int | None = None
    _guard = threading.Lock()

    @classmethod
    def run(cls, job: object) -> subprocess.Popen[bytes]:
        with cls._guard:
            if cls._owner != os.getpid():  # first use, or a forked copy, which has no threads of its parent
                cls._jobs = queue.SimpleQueue()
                cls._owner = os.getpid()
                threading.Thread(target=cls._serve, name="banyan-spawner", daemon=True).start()
        future: Future[subprocess.Popen[bytes]] = Future()
        cls._jobs.put((job, future))
        return future.result()

    @classmethod
    def _serve(cls) -> None:
        while True:
            job, future = cls._jobs.get()
            try:
                future.set_result(job())  # type: ignore[operator]
            except BaseException as error:
                future.set_exception(error)
