"""Values made unreadable that still show what kind of difference it is."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from typing import Any, Final

#: A longer shape says no more about the difference.
LONGEST: Final = 24
_KEPT: Final = frozenset(string.punctuation + " ")
_STEP: Final = re.compile(r"[^.\[\]]+")


def masked(value: Any) -> str:
    """Return the shape of a value: digits as `9`, punctuation as it is, all else as `x` (`9999-99-99`)."""
    if value is None:
        return "nil"
    if value == "":
        return "empty"
    if isinstance(value, (Mapping, list, tuple)):
        return f"{type(value).__name__} of {len(value)}"
    shape = "".join(c if c in _KEPT else "9" if c.isdecimal() else "x" for c in str(value))
    return shape if len(shape) <= LONGEST else f"{shape[:LONGEST]}…"


def masked_at(record: Mapping[str, Any] | None, path: str) -> str:
    """Return the masked value at a path of a verdict; `absent` where there is none."""
    if record is None:
        return "no such thing"
    if path == "$":
        return "a record"
    here: Any = record
    for step in _STEP.findall(path):
        if isinstance(here, Mapping) and step in here:
            here = here[step]
        elif isinstance(here, (list, tuple)) and step.isdigit() and int(step) < len(here):
            here = here[int(step)]
        else:
            return "absent"
    return masked(here)
