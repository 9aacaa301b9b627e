"""Records in blocks (RECFM=VB): a chain of blocks, each one a chain of records that fills it exactly."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from adapters.batch.framing.chain import LengthError, Walker
from adapters.batch.framing.drive import Cut, Fault
from adapters.batch.framing.words import WORD, Word


@dataclass(slots=True)
class Blocks:
    """The record starts in the whole blocks of one buffer.

    `faults` are pieces of blocks whose records do not add up; `stop` says why the block at `used` cannot be
    told apart.
    """

    begins: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    used: int = 0
    stop: str = ""

    @classmethod
    def read(cls, buffer: bytes, last: bool, word: Word, walker: Walker) -> Blocks:
        """Walk the blocks of a buffer, and the records of each.

        A record that does not fit its block breaks the rest of that block only, as the next block is found
        by the block's own length; but if that one is wrong too, the file ends there.
        """
        found = cls()
        size = len(buffer)
        while found.used + WORD <= size:
            at = found.used
            try:
                end = at + word.total(buffer[at : at + WORD])
            except LengthError as error:
                found.stop = str(error)
                return found
            if end > size:
                if last:
                    reason = f"truncated: the last block has {size - at} of {end - at} bytes"
                    found.records(buffer, at + WORD, size, walker, reason)
                    found.used = size
                return found
            found.records(buffer, at + WORD, end, walker)
            found.used = end
        if last and found.used < size:
            reason = f"truncated: {size - found.used} bytes are left, and {word.name} needs {WORD}"
            found.faults.append(Fault(found.used, size, reason))
            found.used = size
        return found

    def records(self, buffer: bytes, at: int, end: int, walker: Walker, cut: str = "") -> None:
        """Add the records of one block, which must fill it unless it is `cut` off by the file's end."""
        walked = walker.walk(buffer, at, end)
        starts, at = walked.starts, walked.at
        wanted = 0
        if at > end:
            wanted = at - starts[-1]
            at = starts.pop()
        self.begins += starts
        self.ends += [*starts[1:], at] if starts else []
        left = end - at
        if cut:
            self.faults.append(Fault(at, end, cut))
        elif walked.reason:
            self.faults.append(Fault(at, end, f"{walked.reason}; the block's other {left} bytes are skipped"))
        elif wanted:
            self.faults.append(Fault(at, end, f"the record has {wanted} bytes, its block only {left} more"))
        elif left:
            self.faults.append(Fault(at, end, f"the block has {left} bytes more than its records"))


@dataclass(slots=True)
class BlockCutter:
    """Cuts a file of blocked variable-length records."""

    block: Word
    walker: Walker

    def cut(self, buffer: bytes, last: bool) -> Cut:
        """Return the records of the whole blocks of a buffer."""
        blocks = Blocks.read(buffer, last, self.block, self.walker)
        prefix = self.walker.prefix
        start, end = np.array(blocks.begins, np.int64), np.array(blocks.ends, np.int64)
        length = np.maximum(end - start - prefix.head - prefix.tail, 0)
        return Cut(start + prefix.head, length, blocks.used, tuple(blocks.faults), blocks.stop)
