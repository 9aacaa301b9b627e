"""Records of one fixed length (RECFM=F, FB)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adapters.batch.framing.drive import Cut, Fault


@dataclass(frozen=True, slots=True)
class FixedCutter:
    """Cuts records of `length` bytes with `start` bytes before and `end` behind each; a rest is broken."""

    length: int
    start: int = 0
    end: int = 0

    def cut(self, buffer: bytes, last: bool) -> Cut:
        """Return the records of a buffer."""
        step = self.start + self.length + self.end
        n, rest = divmod(len(buffer), step)
        begins = np.arange(n) * step + self.start
        faults: tuple[Fault, ...] = ()
        if last and rest:
            reason = f"truncated: the last record has {rest} of {step} bytes"
            faults = (Fault(n * step, len(buffer), reason),)
            rest = 0
        return Cut(begins, np.full(n, self.length), len(buffer) - rest, faults, step=step)
