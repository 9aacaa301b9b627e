"""A part that was asked to end does end, also when Kafka is gone and some client waits for it for ever."""

from __future__ import annotations

import os
import threading

from hub.terminal import OUTSIDE_FAILED, note

#: A transaction lasts 10 s at most (DESIGN 10.2); a second later nothing worth waiting for is under way.
#: Below the supervisor's patience (12 s), so that the part itself says what happened. Ending hard loses
#: nothing: Kafka and the read model are the only commit points.
LAST_SECONDS = 11.0


def end_soon() -> None:
    """Call this when the signal to end arrives: if the process still lives after 11 s, it ends hard."""
    timer = threading.Timer(LAST_SECONDS, _end)
    timer.daemon = True
    timer.start()


def _end() -> None:
    note(f"error: not everything could be ended in {LAST_SECONDS:g} s; ending without it")
    os._exit(OUTSIDE_FAILED)
