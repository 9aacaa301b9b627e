"""What an adapter can do that watches its source's description: say when it is no longer as imported."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import structlog

from adapters.extract import Adapter
from adapters.lifecycle import ExtractState, LifecycleEvent
from adapters.publish import Publisher
from adapters.status import AdapterStatus

log = structlog.get_logger("banyan.adapter")


@dataclass(frozen=True, slots=True)
class Drift:
    """How the live description of a source differs from the imported one; empty = not at all."""

    differences: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """What tells one drift from another; empty where there is none."""
        text = "\n".join(self.differences)
        return hashlib.sha256(text.encode()).hexdigest()[:16] if self.differences else ""


@runtime_checkable
class Watching(Protocol):
    """An adapter that compares descriptions."""

    def drift(self) -> Drift | None:
        """Return what the last comparison gave; None before the first. Returns at once."""
        ...


def tell_drift(adapter: Adapter, publisher: Publisher, status: AdapterStatus) -> None:
    """Say once on the lifecycle topic that a source's description has drifted, or agrees again."""
    found = adapter.drift() if isinstance(adapter, Watching) else None
    if found is None:
        return
    status.drift = found.differences
    if found.digest == publisher.state.drift:
        return
    state: ExtractState = "drifted" if found.differences else "agreed"
    log.warning(f"contract {state}", adapter=status.name, differences=found.differences[:5])
    event = LifecycleEvent.now(status.name, "", state, problems=found.differences)
    publisher.tell(event, state=publisher.state.model_copy(update={"drift": found.digest}))
