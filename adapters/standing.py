"""How an adapter stands, folded from what was told on the lifecycle topic. Pure; for pages and alerts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from adapters.lifecycle import CONTRACT_STATES, WINDOW_STATES, LifecycleEvent

#: States of an extract that need a person, or at least time.
OPEN = ("held", "failed", "invalid", "waiting")
#: Only so many open extracts are kept by name; a folder full of strangers would fill pages else.
_KEPT = 100


@dataclass(slots=True)
class Standing:
    """Where one adapter stands; `add` each event in the order in which it was told."""

    #: What was told last of an extract, or of the source as a whole.
    newest: LifecycleEvent | None = None
    #: Extract → what was told last of it, of those that are open; oldest first.
    open: dict[str, LifecycleEvent] = field(default_factory=dict)
    #: The window of expected files told last, unless a file has come since it was late or missing.
    window: LifecycleEvent | None = None
    #: What was told last of the source\'s description.
    contract: LifecycleEvent | None = None
    #: State → how often it was told.
    counts: Counter[str] = field(default_factory=Counter)

    def add(self, event: LifecycleEvent) -> None:
        """Take one more event in."""
        self.counts[event.state] += 1
        if event.state in WINDOW_STATES:
            self.window = event
            return
        if event.state in CONTRACT_STATES:
            self.contract = event
            return
        if event.state == "started" and self.window and self.window.state in ("late", "missing"):
            self.window = None
        # An archived file says nothing new of its extract, and skipping is told of the one that failed.
        if event.state != "archived":
            self.newest = event
        self.open.pop(event.extract, None)
        if event.state == "committed":
            # A newer picture took its place, or the parts behind it would still wait.
            self.open = {e: told for e, told in self.open.items() if told.state != "failed"}
        if event.state in OPEN and event.extract:
            self.open[event.extract] = event
            while len(self.open) > _KEPT:
                self.open.pop(next(iter(self.open)))

    @property
    def drift(self) -> tuple[str, ...]:
        """How the source's live description differs from the imported one; empty where it does not."""
        return self.contract.problems if self.contract and self.contract.state == "drifted" else ()

    @property
    def expected(self) -> str:
        """What is late or missing, or awaited, in words; empty where nothing is."""
        return self.window.reason if self.window and self.window.state != "arrived" else ""

    @property
    def troubled_window(self) -> LifecycleEvent | None:
        """The window that is late or missing, if one is."""
        return self.window if self.window and self.window.state in ("late", "missing") else None

    @property
    def state(self) -> str:
        """The one word for it: what is open first, the worst of it; else what was told last."""
        for state in OPEN:
            if any(e.state == state for e in self.open.values()):
                return state
        if self.troubled_window is not None:
            return self.troubled_window.state
        return self.newest.state if self.newest else ""


def standings(events: list[LifecycleEvent]) -> dict[str, Standing]:
    """Return how each adapter stands after these events."""
    found: dict[str, Standing] = {}
    for event in events:
        found.setdefault(event.adapter, Standing()).add(event)
    return found
