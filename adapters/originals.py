"""The legacy bytes of records that were decoded and are not believed after all (G5).

Whether a record contradicts another is known when all have been read, and no pass keeps the bytes of each for
that: the few that are wanted are looked up in a second pass over the source.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from adapters.extract import Chunk, Int64s, Reject

_AVRO = "; the value here is the Avro form of this one"


class Originals:
    """Looks up bytes in chunks that are read once more, forward only; memory is bounded by one chunk."""

    def __init__(self, chunks: Iterator[Chunk]) -> None:
        """Name the second pass; nothing is read before something is asked for."""
        self._chunks = chunks
        self._chunk = Chunk()
        self._last = 0

    def of(self, rejects: Sequence[Reject]) -> list[Reject]:
        """Return the rejects with their own bytes; where a source cannot say them, the reason says so.

        Args:
            rejects: by record number, behind those of the call before.
        """
        wanted: dict[str, list[int]] = {}
        for reject in rejects:
            if reject.decoded:
                wanted.setdefault(reject.entity, []).append(reject.record)
        numbers = {name: np.array(records, np.int64) for name, records in wanted.items()}
        end = max((int(records[-1]) for records in numbers.values()), default=0)
        found = _among(self._chunk, numbers)
        while self._last < end:
            self._chunk = Chunk()  # before the next is made: never two at once
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._chunk, self._last = chunk, max(self._last, _last(chunk))
            found |= _among(chunk, numbers)
        return [_told(r, found.get((r.entity, r.record))) if r.decoded else r for r in rejects]

    def close(self) -> None:
        """Let go of the source."""
        self._chunk = Chunk()
        if close := getattr(self._chunks, "close", None):
            close()


def _among(chunk: Chunk, wanted: Mapping[str, Int64s]) -> dict[tuple[str, int], bytes]:
    """Return (entity, record) → bytes of the wanted records that are in a chunk."""
    found: dict[tuple[str, int], bytes] = {}
    for rows in chunk.rows:
        numbers = wanted.get(rows.entity)
        if rows.raw is None or numbers is None:
            continue
        for row in np.flatnonzero(np.isin(rows.record, numbers)).tolist():
            found[rows.entity, int(rows.record[row])] = rows.raw(row)
    return found


def _last(chunk: Chunk) -> int:
    return max((int(rows.record[-1]) for rows in chunk.rows if len(rows.record)), default=0)


def _told(reject: Reject, raw: bytes | None) -> Reject:
    if raw is None:
        return replace(reject, reason=reject.reason + _AVRO)
    return replace(reject, raw=raw)
