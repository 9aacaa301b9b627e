"""One error family: what happened, where, and what to do next.

The three mixins group errors by *recovery*, which is what a caller decides on:

* `Terminal`: the same input fails again; a person must change something.
* `Transient`: the same input may pass later; retry with back-off.
* `Skippable`: this record is bad, its neighbours are not; dead-letter it and go on.
"""

from __future__ import annotations

import traceback
from pathlib import Path


class BanyanError(Exception):
    """Base of every error that Banyan raises on purpose.

    Args:
        what: one sentence that says what went wrong. Never holds a secret or personal data.
        where: file:line, topic-partition@offset, URL or key path; empty when there is no place.
        fix: the next action for the reader, in the imperative.
    """

    #: Exit code of the command line when this error reaches it (DESIGN 8).
    exit_code = 3

    def __init__(self, what: str, *, where: str = "", fix: str = "") -> None:
        self.what, self.where, self.fix = what, where, fix
        super().__init__(what)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f"\n  → {self.fix}" if self.fix else ""
        return f"{place}{self.what}{remedy}"


class Terminal(BanyanError):
    """Retrying the same input cannot help."""


class Transient(BanyanError):
    """Retrying later may help; nothing has been lost."""


class Skippable(BanyanError):
    """One record is bad; it goes to the dead-letter topic and its neighbours flow on."""


class SettingsError(Terminal):
    """A setting is missing, misspelt or contradictory (exit code 2)."""

    exit_code = 2


def described(error: BaseException) -> str:
    """Return an unexpected error's type, and file and line of where it arose.

    Nothing else goes into a log: the message of a library's error may hold a record's data (G10).
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{where}"
