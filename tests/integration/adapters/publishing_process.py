"""A batch adapter as a process of its own, to be killed.

Arguments: prefix bootstrap registry state estate events [point nth]. It says on stdout at which point it
is; at the nth time of `point` (one of `POINTS`) it kills itself there, as SIGKILL from outside would.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from adapters import loop
from adapters.batch.adapter import BatchAdapter
from adapters.batch.spec import BatchSpec
from adapters.publish import Publisher
from adapters.runner import run
from adapters.spool import SpoolWriter
from connectors.kafka import KafkaSettings, TransactionalProducer
from connectors.links import Links

COPYBOOK = """\
       01  CLAIM.
           05  CLAIM-ID        PIC 9(9) COMP.
           05  AMOUNT          PIC 9(9) COMP.
           05  NOTE            PIC X(20).
"""
#: Point → (owner, attribute, whether it is before or after the call, or while it runs).
POINTS: dict[str, tuple[Any, str, str]] = {
    "spool without a name": (SpoolWriter, "close", "before"),
    "prepared": (loop, "prepare", "after"),
    "begun": (TransactionalProducer, "begin", "after"),
    "sent": (TransactionalProducer, "send_column", "after"),
    "acknowledged": (TransactionalProducer, "flush", "after"),
    "before the commit": (TransactionalProducer, "commit", "before"),
    "in the commit": (TransactionalProducer, "commit", "while"),
    "between two transactions": (TransactionalProducer, "commit", "after"),
    "committed, not archived": (BatchAdapter, "done", "before"),
    "archived": (BatchAdapter, "done", "after"),
}


def main(
    prefix: str,
    bootstrap: str,
    registry: str,
    state: str,
    estate: str,
    events: str,
    point: str = "",
    nth: str = "1",
) -> None:
    """Run the adapter once."""
    _announce(Publisher, "publish")
    _announce(BatchAdapter, "done")
    if point:
        _die(*POINTS[point], int(nth))
    links = Links(prefix, KafkaSettings(bootstrap=bootstrap), registry, Path(state))
    spec = BatchSpec(
        kind="batch",
        name="claims",
        system="legacy",
        folder="inbox",
        copybook="claims.cpy",
        code_page="cp037",
        entity="claim",
        key=["CLAIM-ID"],
        min_age_seconds=0,
        partitions=4,
        every_seconds=0.05,
    )
    report = run([(spec, Path(estate))], links, once=True, transaction_events=int(events))
    sys.exit(0 if report.ok else 1)


def _announce(owner: Any, attribute: str) -> None:
    """Say when a call begins."""
    call = getattr(owner, attribute)

    @functools.wraps(call)
    def told(*args: Any, **more: Any) -> Any:
        print(attribute, flush=True)
        return call(*args, **more)

    setattr(owner, attribute, told)


def _die(owner: Any, attribute: str, when: str, nth: int) -> None:
    """Make the nth call of `attribute` the process's last."""
    call, left = getattr(owner, attribute), [nth]

    @functools.wraps(call)
    def deadly(*args: Any, **more: Any) -> Any:
        left[0] -= 1
        if not left[0] and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if not left[0] and when == "while":
            threading.Timer(0.001, os.kill, (os.getpid(), signal.SIGKILL)).start()
        done = call(*args, **more)
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    setattr(owner, attribute, deadly)


if __name__ == "__main__":
    main(*sys.argv[1:])
