"""What records with an action code do to a picture: create, update and delete as the file says, by column.

Pure. A delta file tells changes instead of rows, and tells them in order: a key may be created, updated and
deleted in one file, and each event's `before` is what the one before it left. What the file says may not fit
what is known (`Unexpected`): then the policy decides, and the case is counted.

* an upsert makes its key so, known or not, and is never unexpected;
* create of a known key, update of an unknown one, delete of an unknown one are *unexpected*;
* `accept`: the create becomes an update, the update a create, the delete nothing;
* `reject`: the record changes nothing and is returned in `conflicts` for the dead-letter topic.

An update that changes no byte is unchanged and gives no event.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from adapters.diff import CREATE, DELETE, UPDATE, Bools, Changes, Int64s, codes, take

Unexpected = Literal["accept", "reject"]
Actions = npt.NDArray[np.uint8]
#: The action of a record that is an event of its own, of which no picture is kept.
EVENT = ord("e")
#: The action of a record that says how its key is now, whatever was known.
UPSERT = ord("p")


def apply_actions(
    old_key: pa.LargeStringArray,
    old_value: pa.LargeBinaryArray,
    new_key: pa.LargeStringArray,
    new_value: pa.LargeBinaryArray,
    action: Actions,
    *,
    unexpected: Unexpected = "accept",
) -> tuple[Changes, int]:
    """Apply n records in source order to m old rows (sorted by key, unique).

    Args:
        old_key: m key texts of the previous picture.
        old_value: m values of the previous picture.
        new_key: n key texts.
        new_value: n values; that of a delete is not looked at.
        action: n codes: `ord` of c, u or d, or `UPSERT`.
        unexpected: what becomes of a record that does not fit what is known.

    Returns:
        The changes in source order (a delete has its row, too), and how many records were unexpected.
    """
    m, n = len(old_key), len(new_key)
    code, _, distinct = codes(old_key, new_key, new_key.slice(0, 0))
    order = np.argsort(code, kind="stable")
    opens = np.append(True, code[order][1:] != code[order][:-1])[:n]
    there = np.empty(n, dtype=bool)
    there[order] = _there_before(action[order], code[order] < m, opens, unexpected)
    odd = np.where(action == CREATE, there, ~there) & (action != UPSERT)
    effective = ~odd if unexpected == "reject" else ~((action == DELETE) & odd)
    rows = np.flatnonzero(effective)

    # Among the records that count, the one before with the same key left what this one finds.
    order = rows[np.argsort(code[rows], kind="stable")]
    before_row = np.full(n, -1)
    same_key = code[order][1:] == code[order][:-1]
    before_row[order[1:]] = np.where(same_key, order[:-1], -1)
    left = before_row[rows]
    was_delete = (left >= 0) & (action[left] == DELETE)
    from_old = (left < 0) & (code[rows] < m)
    source = np.where(was_delete, -1, np.where(left >= 0, m + left, np.where(from_old, code[rows], -1)))
    both = pa.concat_arrays([old_value, new_value])
    before = take(both, source)
    after = take(new_value, np.where(action[rows] == DELETE, -1, rows))
    alike = pc.fill_null(pc.equal(before, after), fill_value=False)
    told = ~np.asarray(alike.to_numpy(zero_copy_only=False), dtype=bool)

    op = np.where(action[rows] == DELETE, DELETE, np.where(source < 0, CREATE, UPDATE)).astype(np.uint8)
    last = np.append(~same_key, True)[: len(order)]
    next_key, next_value = _next(old_key, old_value, new_key, new_value, order[last], code, action, distinct)
    kept = np.flatnonzero(told)
    changes = Changes(
        op=op[kept],
        row=rows[kept],
        key_text=take(new_key, rows[kept]),
        before=take(before, kept),
        after=take(after, kept),
        unchanged=int((~told).sum()),
        conflicts=np.flatnonzero(odd) if unexpected == "reject" else np.empty(0, np.int64),
        next_key_text=next_key if len(kept) else old_key,
        next_value=next_value if len(kept) else old_value,
    )
    return changes, int(odd.sum())


def events_of(
    old_key: pa.LargeStringArray,
    old_value: pa.LargeBinaryArray,
    new_key: pa.LargeStringArray,
    new_value: pa.LargeBinaryArray,
) -> Changes:
    """Return n records as n creates: each is an event of its own, and the picture stays as it was."""
    n = len(new_key)
    return Changes(
        op=np.full(n, CREATE, np.uint8),
        row=np.arange(n),
        key_text=new_key,
        before=pa.nulls(n, pa.large_binary()),
        after=new_value,
        unchanged=0,
        conflicts=np.empty(0, np.int64),
        next_key_text=old_key,
        next_value=old_value,
    )


def _there_before(action: Actions, known: Bools, opens: Bools, unexpected: Unexpected) -> Bools:
    """Return whether each record, sorted by key and source order, finds its key there.

    After a create the key is there and after a delete it is not. An accepted update leaves it there; a
    rejected one, and one that fits, leaves it as it was.
    """
    n = len(action)
    decides = (
        opens | np.append(False, action[:-1] != UPDATE)[:n] if unexpected == "reject" else np.ones(n, bool)
    )
    found = np.where(opens, known, np.append(False, action[:-1] != DELETE)[:n])
    origin = np.maximum.accumulate(np.where(decides, np.arange(n), 0)) if n else np.empty(0, np.int64)
    there: Bools = found[origin]
    return there


def _next(
    old_key: pa.LargeStringArray,
    old_value: pa.LargeBinaryArray,
    new_key: pa.LargeStringArray,
    new_value: pa.LargeBinaryArray,
    last: Int64s,
    code: Int64s,
    action: Actions,
    distinct: int,
) -> tuple[pa.LargeStringArray, pa.LargeBinaryArray]:
    """Return the old picture after the last record of each key."""
    m = len(old_key)
    place = np.full(distinct, -1)
    place[:m] = np.arange(m)
    place[code[last]] = np.where(action[last] == DELETE, -1, m + last)
    index = pa.array(place[place >= 0])
    keys = pa.concat_arrays([old_key, new_key]).take(index)
    values = pa.concat_arrays([old_value, new_value]).take(index)
    order = pc.sort_indices(keys)
    return keys.take(order), values.take(order)
