"""A process that runs a batch adapter once, and kills itself where it is told to: `python -m` with arguments.

Arguments: topic prefix, bootstrap, registry, state folder, adapter folder, and a point of death (or `-`).
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from adapters.batch.decrypt import Decryption
from adapters.batch.spec import BatchSpec
from adapters.intake import Intake
from adapters.runner import run
from connectors.kafka import KafkaSettings, TransactionalProducer
from connectors.links import Links
from connectors.places import copying
from connectors.places.local import LocalPlace
from connectors.places.s3 import S3Place
from connectors.places.sftp import SftpPlace
from connectors.settings import load


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def after(owner: type, name: str) -> None:
    real = getattr(owner, name)

    def done(*arguments: object, **named: object) -> None:
        real(*arguments, **named)
        die()

    setattr(owner, name, done)


def fetch() -> None:
    """When a copy is there but has no name yet."""
    real = copying.os.fsync

    def synced(descriptor: int) -> None:
        if ".part" in Path(f"/proc/self/fd/{descriptor}").readlink().name:
            die()
        real(descriptor)

    copying.os.fsync = synced


def half() -> None:
    """After the first transaction with events; the one before tells that the file was started."""
    real, calls = TransactionalProducer.commit, []

    def committed(self: TransactionalProducer) -> None:
        real(self)
        calls.append(1)
        if len(calls) == 2:
            die()

    TransactionalProducer.commit = committed


POINTS = {
    "-": lambda: None,
    "fetch": fetch,
    "decrypt": lambda: after(Decryption, "_pgp"),
    "prepared": lambda: setattr(Intake, "_settle", die),
    "half": half,
    "committed": lambda: setattr(Intake, "_put_away", die),
    "archived": lambda: [after(place, "archive") for place in (LocalPlace, SftpPlace, S3Place)],
    "copied": lambda: after(S3Place, "_copy"),
}

if __name__ == "__main__":
    prefix, bootstrap, registry, state, folder, point = sys.argv[1:]
    POINTS[point]()
    links = Links(prefix, KafkaSettings(bootstrap=bootstrap), registry, Path(state))
    spec = load(Path(folder) / "adapter.toml", BatchSpec)
    report = run(
        [(spec, Path(folder))], links, once=True, transaction_events=3 if point == "half" else 50_000
    )
    sys.exit(0 if report.ok else 1)
