"""`banyan up`, `banyan down`, `banyan status`: the embedded services apart from `banyan run`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from rich.table import Table

from hub.embedded.claim import Claim
from hub.embedded.health import kafka_answers, registry_answers
from hub.embedded.ports import Ports
from hub.embedded.progress import Progress
from hub.embedded.running import Running, end, running
from hub.embedded.start import start
from schemas.errors import Terminal


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """One service as it is now."""

    name: str
    at: str
    pid: int | None
    answers: bool
    #: Resident memory in bytes, None when it does not run.
    memory: int | None
    log: str


@dataclass(frozen=True, slots=True)
class Status:
    """Both services, and who owns them."""

    state: str
    #: "stopped", "detached" (`banyan up`) or "owned" (they end with process `owner`).
    mode: str
    owner: int | None
    services: tuple[ServiceStatus, ...]

    @property
    def healthy(self) -> bool:
        """True when every service answers."""
        return bool(self.services) and all(service.answers for service in self.services)

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)

    def table(self) -> Table:
        """Return the same for people."""
        table = Table("service", "address", "process", "memory", "state", box=None, pad_edge=False)
        for service in self.services:
            memory = f"{service.memory / 1e6:.0f} MB" if service.memory else "-"
            word = "answers" if service.answers else "does not answer" if service.pid else "stopped"
            table.add_row(service.name, service.at, str(service.pid or "-"), memory, word)
        if not self.services:
            table.add_row("kafka, registry", "-", "-", "-", "stopped")
        return table


def up(state: Path, *, ports: Ports | None = None, progress: Progress | None = None) -> Status:
    """Start the services so that they outlive this process; does nothing if they run already.

    Raises:
        Terminal, Transient: as `start`.
    """
    found = running(state)
    if found and {"kafka", "registry"} <= found.pids.keys():
        return status(state)
    if found and found.detached:  # one of the two died: begin again with both
        end(found)
    start(state, ports=ports, progress=progress, detached=True)
    return status(state)


def down(state: Path) -> bool:
    """End detached services; return whether any ran.

    Raises:
        Terminal: they belong to a running `banyan run` or `banyan demo`.
    """
    found = running(state)
    if not found:
        return False
    holder = Claim(state).holder()
    if not found.detached and holder:
        raise Terminal(
            f"these services belong to a running Banyan (process {holder}) and end with it",
            where=str(state),
            fix=f"press Ctrl-C where it runs, or: kill {holder}",
        )
    end(found)
    (state / "services.json").unlink(missing_ok=True)
    Claim(state).drop()
    return True


def status(state: Path) -> Status:
    """Return what runs on a state folder and whether it answers."""
    found = running(state)
    if not found:
        return Status(str(state), "stopped", None, ())
    services = [_service(state, found, "kafka", found.bootstrap, kafka_answers(found.bootstrap))]
    if found.registry_url:
        url = found.registry_url
        services.append(_service(state, found, "registry", url, registry_answers(url)))
    return Status(str(state), "detached" if found.detached else "owned", found.owner, tuple(services))


def _service(state: Path, found: Running, name: str, at: str, answers: bool) -> ServiceStatus:
    pid = found.pids.get(name)
    try:
        memory = psutil.Process(pid).memory_info().rss if pid else None
    except psutil.Error:
        pid, memory = None, None
    return ServiceStatus(
        name, at, pid, answers and pid is not None, memory, str(state / name / f"{name}.log")
    )
