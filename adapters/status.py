"""How a running adapter stands, for whoever wants to look."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(slots=True)
class AdapterStatus:
    """How an adapter stands now; one thread writes it, anyone may read it."""

    name: str
    phase: Literal["starting", "polling", "waiting", "retrying", "ended"] = "starting"
    committed: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    skipped: int = 0
    error: str = ""
    #: File name → why it is not taken now.
    waiting: dict[str, str] = field(default_factory=dict)
    #: File name → why it is not complete yet, as far as the last look could tell.
    unready: dict[str, str] = field(default_factory=dict)
    #: What is late or missing, in words.
    expected: str = ""
    #: How the source's live description differs from the imported one.
    drift: tuple[str, ...] = ()
