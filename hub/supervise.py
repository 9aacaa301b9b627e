"""Keep the parts of a hub running as child processes; leave none behind (`banyan run`)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import aiohttp

from hub import tether
from schemas.errors import Transient

Say = Callable[[str], None]

#: First pause before a part that died is started again, and the longest. Doubling between them reaches the
#: longest after seven deaths, so a part that cannot live costs two starts a minute, not a busy loop.
BACK_OFF_SECONDS, LONGEST_BACK_OFF_SECONDS = 0.25, 30.0
#: A part that lived so long was well; its next death starts with the first pause again.
WELL_SECONDS = 30.0
#: How long a part may take to end by itself: an adapter finishes its transaction (10 s at most, DESIGN 10.2).
GRACE_SECONDS = 12.0
#: How long a part may take until its `ready` URL answers: imports and a first Kafka answer on a slow machine.
READY_SECONDS = 60.0
#: A log above this size is put aside as `.1` when its part is started.
LOG_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class Part:
    """One supervised process.

    Attributes:
        name: shown to people; the log is `<name>.log`.
        command: program and arguments.
        cwd: the folder it starts in.
        ready: URL that answers below 500 when it is ready; None: it is ready once it runs.
    """

    name: str
    command: tuple[str, ...]
    cwd: Path
    ready: str | None = None


class Supervisor:
    """Starts groups of parts, restarts parts that die, ends the groups in reverse order.

    Use as an asynchronous context manager: leaving it ends everything that it started.
    """

    def __init__(self, logs: Path, *, env: dict[str, str], say: Say) -> None:
        self._logs, self._env, self._say = logs, env, say
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._groups: list[list[str]] = []
        self._ending = False

    async def __aenter__(self) -> Supervisor:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of the running parts by name."""
        return {name: p.pid for name, p in self._processes.items() if p.returncode is None}

    async def start(self, parts: Sequence[Part]) -> None:
        """Start `parts` at once and wait until each is ready.

        Raises:
            Transient: one is not ready in time.
        """
        self._groups.append([part.name for part in parts])
        for part in parts:
            await self._spawn(part)
            self._watchers[part.name] = asyncio.create_task(self._watch(part), name=f"watch {part.name}")
        await asyncio.gather(*(self._ready(part) for part in parts))

    async def end(self) -> None:
        """End every part: the group that was started last first, its parts at once."""
        self._ending = True
        # The watchers first: one that sleeps off a back-off would start its part once more meanwhile.
        for task in self._watchers.values():
            task.cancel()
        await asyncio.gather(*self._watchers.values(), return_exceptions=True)
        for group in reversed(self._groups):
            await asyncio.gather(*(self._end(name) for name in group if name in self._processes))

    def log_of(self, name: str) -> Path:
        """Return the part's log file."""
        return self._logs / f"{name}.log"

    async def _end(self, name: str) -> None:
        process = self._processes[name]
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(GRACE_SECONDS):
                await process.wait()
        except TimeoutError:
            self._say(f"{name} does not end by itself: killed")
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _spawn(self, part: Part) -> None:
        with self._log(part.name) as log:
            self._processes[part.name] = await asyncio.create_subprocess_exec(
                sys.executable,
                "-S",
                tether.__file__,
                str(os.getpid()),
                *part.command,
                cwd=part.cwd,
                env=self._env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C reaches the whole foreground group; only the supervisor may act on it.
                start_new_session=True,
            )

    def _log(self, name: str) -> IO[bytes]:
        path = self.log_of(name)
        if path.exists() and path.stat().st_size > LOG_BYTES:
            path.replace(path.with_suffix(".log.1"))
        return path.open("ab")

    async def _watch(self, part: Part) -> None:
        pause = BACK_OFF_SECONDS
        while True:
            started = time.monotonic()
            code = await self._processes[part.name].wait()
            if self._ending:
                return
            if time.monotonic() - started > WELL_SECONDS:
                pause = BACK_OFF_SECONDS
            why = _last_words(self.log_of(part.name))
            self._say(f"{part.name} ended ({_code(code)}); again in {pause:g} s. {why}")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_BACK_OFF_SECONDS)
            await self._spawn(part)

    async def _ready(self, part: Part) -> None:
        if part.ready is None:
            return
        deadline = time.monotonic() + READY_SECONDS
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            while time.monotonic() < deadline:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.get(part.ready) as answer:
                        if answer.status < 500:
                            return
                await asyncio.sleep(0.05)
        raise Transient(
            f"{part.name} is not ready after {READY_SECONDS:g} s",
            where=part.ready,
            fix=f"read {self.log_of(part.name)}",
        )


def _code(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _last_words(log: Path) -> str:
    """Say why a part ended, from its log: what it printed as `error:`, else where to look."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4096))
        lines = file.read().decode("utf-8", "replace").splitlines()
    errors = [line for line in lines[-6:] if line.startswith("error:")]
    return f"{errors[-1]} — {log}" if errors else f"see {log}"
