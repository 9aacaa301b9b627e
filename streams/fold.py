"""The row fold: of a batch's events, the newest one of each row key decides. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from connectors.readmodel.table import Table
from streams.batch import Batch
from streams.decoding import Decoded, Group
from streams.shape import stored

#: Operations that leave a row behind (Debezium): create, update, snapshot read.
_KEEPS = frozenset("cur")


@dataclass(frozen=True, slots=True)
class Folded:
    """What a batch does to the table. Keys of `upserts` and `deletes` are distinct and disjoint."""

    upserts: list[tuple[Any, ...]]
    deletes: list[tuple[Any, ...]]
    bad: dict[int, str] = field(default_factory=dict)


def fold(table: Table, batch: Batch, decoded: Decoded, tombstones: Mapping[int, tuple[Any, ...]]) -> Folded:
    """Fold decoded events into row changes.

    Args:
        table: columns and key.
        batch: for each event's offset.
        decoded: the events, in groups by writer schema.
        tombstones: place in the batch → key tuple of a null value's message key, as stored.

    Returns:
        Row tuples (columns, partition, offset, ts_ms), key tuples to delete, and events that make no sense
        (an unknown operation, or an image that should be there and is not) with the reason by place.
    """
    newest: dict[tuple[Any, ...], tuple[int, Group | None, int]] = {}
    bad: dict[int, str] = {}
    key_columns = [table.column(k) for k in table.key]
    single = len(decoded.groups) == 1 and not tombstones
    for group in decoded.groups:
        keeps = np.fromiter((op in _KEEPS for op in group.op), np.bool_, len(group.op))
        bad |= _senseless(group, keeps)
        keys = _keys(group, keeps, key_columns)
        places = group.index.tolist()
        if single and not bad:
            newest = {key: (place, group, j) for j, (key, place) in enumerate(zip(keys, places, strict=True))}
            break
        for j, (key, place) in enumerate(zip(keys, places, strict=True)):
            if place not in bad and (key not in newest or newest[key][0] < place):
                newest[key] = (place, group, j)
    for place, key in tombstones.items():
        if key not in newest or newest[key][0] < place:
            newest[key] = (place, None, 0)
    return _changes(table, batch, newest, bad)


def row_keys(table: Table, group: Group) -> list[tuple[Any, ...]]:
    """Return the key of each event's row, as stored."""
    keeps = np.fromiter((op in _KEEPS for op in group.op), np.bool_, len(group.op))
    return _keys(group, keeps, [table.column(k) for k in table.key])


def _keys(group: Group, keeps: Any, key_columns: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return the key of each event: from the after-image, for deletes from the before-image."""
    columns = []
    all_kept = bool(keeps.all())
    for column in key_columns:
        values = stored(group.after[column.field], column)
        if not all_kept and column.field in group.before:
            before = stored(group.before[column.field], column)
            for j in np.flatnonzero(~keeps).tolist():
                values[j] = before[j]
        columns.append(values)
    return list(zip(*columns, strict=True))


def _senseless(group: Group, keeps: Any) -> dict[int, str]:
    deletes = np.fromiter((op == "d" for op in group.op), np.bool_, len(group.op))
    bad = {int(group.index[j]): "unknown operation" for j in np.flatnonzero(~(keeps | deletes)).tolist()}
    for j in np.flatnonzero((keeps & ~group.has_after) | (deletes & ~group.has_before)).tolist():
        bad[int(group.index[j])] = f"operation {group.op[j]} without its image"
    return bad


def _changes(
    table: Table,
    batch: Batch,
    newest: Mapping[tuple[Any, ...], tuple[int, Group | None, int]],
    bad: dict[int, str],
) -> Folded:
    deletes: list[tuple[Any, ...]] = []
    kept: dict[int, tuple[Group, list[int]]] = {}
    for key, (_, group, j) in newest.items():
        if group is None or group.op[j] == "d":
            deletes.append(key)
        else:
            kept.setdefault(id(group), (group, []))[1].append(j)
    upserts: list[tuple[Any, ...]] = []
    for group, rows in kept.values():
        upserts.extend(_rows(table, batch, group, rows))
    return Folded(upserts, deletes, bad)


def _rows(table: Table, batch: Batch, group: Group, rows: list[int]) -> list[tuple[Any, ...]]:
    take = np.asarray(rows, np.int64)
    whole = len(rows) == len(group.index) and bool((take == np.arange(len(take))).all())
    columns: list[Sequence[Any]] = []
    for column in table.columns:
        array = group.after.get(column.field)
        if array is None:  # an older schema without this field
            columns.append([None] * len(rows))
        else:
            columns.append(stored(array if whole else array.take(take), column))
    columns.append([batch.partition] * len(rows))
    columns.append(batch.offsets[group.index[take]].tolist())
    columns.append(group.source_ts_ms[take].tolist())
    return list(zip(*columns, strict=True))
