"""Decide about a parked event, and hear from the worker what came of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.readmodel.parked import ParkedEvents
    from connectors.readmodel.store import Parked

#: A worker looks once a second; three times that, and a person is told that it will be done later.
ANSWER_SECONDS = 5.0


def ask_and_wait(
    desk: ParkedEvents,
    event: Parked,
    action: str,
    *,
    who: str,
    why: str,
    value: bytes | None = None,
    seconds: float | None = None,
) -> str | None:
    """Leave a request; return the worker's answer, or None where it does not come within `ANSWER_SECONDS`."""
    desk.ask(event, action, who=who, why=why, value=value)
    asked = max(d.id for d in desk.history() if (d.source, d.action, d.who) == (event.source, action, who))
    deadline = time.monotonic() + (ANSWER_SECONDS if seconds is None else seconds)
    while True:
        outcome = next(d.outcome for d in desk.history() if d.id == asked)
        if outcome is not None or time.monotonic() > deadline:
            return outcome
        time.sleep(0.1)
