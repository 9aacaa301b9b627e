"""How the calls went that each side answered for callers, as the controller counts them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(slots=True)
class Tally:
    """Calls of one operation that one side had to answer, since the façade's process began.

    Attributes:
        calls: all of them.
        failed: of these, the side gave no usable answer.
        slow: of these, it took longer than the operation's `[step_down] slow_ms`.
    """

    calls: int = 0
    failed: int = 0
    slow: int = 0

    def add(self, *, failed: bool = False, slow: bool = False) -> None:
        """Count one more call."""
        self.calls += 1
        self.failed += failed
        self.slow += slow

    def since(self, before: Tally) -> Tally:
        """Return what came after `before`, of the same process."""
        return Tally(self.calls - before.calls, self.failed - before.failed, self.slow - before.slow)

    def to_json(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Any) -> Tally:
        """Return the tally that `value` is.

        Raises:
            ValueError: it is none.
        """
        try:
            counts = [value[f.name] for f in fields(cls)]
        except (KeyError, TypeError):
            raise ValueError("not a tally") from None
        if not all(type(n) is int and n >= 0 for n in counts):
            raise ValueError("a tally holds counts")
        return cls(*counts)
