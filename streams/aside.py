"""Set events of a batch aside: as records that wait, and the batch without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from connectors.readmodel.store import Parked, Place
from streams.batch import Batch
from streams.decoding import Decoded

#: Reason of an event that is fine itself; the others are dead-lettered.
WAITS = "an earlier event of this key is parked"


def records(batch: Batch, reasons: Mapping[int, str]) -> list[Parked]:
    """Return events of a batch with their bytes, in order."""
    return [
        Parked(
            batch.keys[i] or b"",
            batch.topic,
            batch.partition,
            int(batch.offsets[i]),
            batch.values[i],
            reason,
        )
        for i, reason in sorted(reasons.items())
    ]


def batch_of(place: Place, events: Sequence[Parked]) -> Batch:
    """Return events that waited as a batch."""
    offsets = np.asarray([event.offset for event in events], np.int64)
    first, last = (int(offsets[0]), int(offsets[-1]) + 1) if len(offsets) else (0, 0)
    keys, values = [e.key for e in events], [e.value for e in events]
    return Batch(*place, 0, first, last, offsets, np.zeros(len(offsets), np.int64), keys, values)


def without(decoded: Decoded, aside: set[int]) -> Decoded:
    """Return the groups without the events that are set aside."""
    if not aside:
        return decoded
    groups = []
    for group in decoded.groups:
        keep = np.asarray([i not in aside for i in group.index.tolist()], np.bool_)
        if keep.any():
            groups.append(group if keep.all() else group.only(keep))
    return Decoded(groups, decoded.bad)


def wait_behind(batch: Batch, failed: dict[int, str], parked: dict[int, str]) -> None:
    """Add to `parked` the later events of each key with a failed one."""
    if not failed:
        return
    first: dict[bytes, int] = {}
    for i in sorted(failed):
        first.setdefault(batch.keys[i] or b"", i)
    for i, key in enumerate(batch.keys):
        if i not in failed and first.get(key or b"", i) < i:
            parked[i] = WAITS
