"""Records of one fixed length (RECFM=F, FB), in chunks of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from adapters.batch.framing.frames import CHUNK, Broken, Frames


def fixed(stream: BinaryIO, length: int, chunk: int = CHUNK) -> Iterator[Frames | Broken]:
    """Yield the records of a fixed-length file; what is left at the end is broken."""
    step = max(1, chunk // length) * length
    number, offset = 1, 0
    while data := stream.read(step):
        n = len(data) // length
        if n:
            view = np.frombuffer(data, np.uint8, n * length).reshape(n, length)
            yield Frames(view, np.arange(number, number + n), np.arange(n) * length + offset)
        if rest := len(data) - n * length:
            reason = f"truncated: the last record has {rest} of {length} bytes"
            yield Broken(number + n, offset + n * length, data[n * length :], reason)
        number, offset = number + n, offset + len(data)
