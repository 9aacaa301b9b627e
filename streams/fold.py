"""The row fold: of a batch's events, the newest one of each row key decides. Pure, and by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from connectors.readmodel.rows import Rows
from connectors.readmodel.table import Column, Table
from streams.batch import Batch, Int64s
from streams.decoding import Decoded, Group
from streams.projection import Projection
from streams.shape import stored, stored_type

Mask = npt.NDArray[np.bool_]
#: Operations that leave a row behind (Debezium): create, update, snapshot read.
_KEEPS = np.frombuffer(b"cur", np.uint8)
_DELETE = ord("d")


@dataclass(frozen=True, slots=True)
class Folded:
    """What a batch does to the table. Keys of `upserts` and `deletes` are distinct and disjoint."""

    upserts: Sequence[tuple[Any, ...]]
    deletes: Sequence[tuple[Any, ...]]
    bad: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Part:
    """One group's events as the table wants them, bad ones left out.

    Attributes:
        place: m places in the batch.
        keys: the key columns, as stored.
        stays: m flags: the event leaves a row behind.
        group: where the other columns come from.
        at: m rows of the group.
        casts: columns that were cast, by Avro name, one value for each row of the group.
    """

    place: Int64s
    keys: list[pa.Array]
    stays: Mask
    group: Group
    at: Int64s
    casts: Mapping[str, pa.Array]


def fold(
    projection: Projection,
    table: Table,
    batch: Batch,
    decoded: Decoded,
    tombstones: Mapping[int, tuple[Any, ...]],
) -> Folded:
    """Fold decoded events into row changes.

    Args:
        projection: its casts and conditions.
        table: columns and key.
        batch: for each event's offset.
        decoded: the events, in groups by writer schema.
        tombstones: place in the batch → key tuple of a null value's message key, as stored.

    Returns:
        Rows (columns, partition, offset, ts_ms) and key tuples to delete, both in key order, and events that
        make no sense (an unknown operation, an image that should be there and is not, a value that cannot be
        cast) with the reason by place.
    """
    bad: dict[int, str] = {}
    parts = [_part(projection, table, group, bad) for group in decoded.groups]
    keys = [table.column(k) for k in table.key]
    n_events = sum(len(part.place) for part in parts)
    dead = sorted(tombstones.items())
    joined = [
        _joined(
            [part.keys[j] for part in parts]
            + [pa.array([key[j] for _, key in dead], stored_type(column)) if dead else None],
            column,
        )
        for j, column in enumerate(keys)
    ]
    place = np.concatenate([*(part.place for part in parts), np.asarray([p for p, _ in dead], np.int64)])
    stays = np.concatenate([*(part.stays for part in parts), np.zeros(len(dead), np.bool_)])
    newest = _newest(joined, place)
    order = pc.sort_indices(
        pa.record_batch([column.take(pa.array(newest)) for column in joined], names=list(table.key)),
        sort_keys=[(name, "ascending") for name in table.key],
    )
    newest = newest[np.asarray(order)]
    gone, kept = newest[~stays[newest]], newest[stays[newest]]
    deletes = Rows([column.take(pa.array(gone)) for column in joined], len(gone))
    upserts = _rows(table, batch, parts, kept, n_events)
    return Folded(upserts, deletes, bad)


def row_keys(table: Table, group: Group) -> list[tuple[Any, ...]]:
    """Return the key of each event's row, as stored."""
    keys = [_key(group, group.op == _DELETE, table.column(k)) for k in table.key]
    return list(Rows(keys, len(group.index)))


def _part(projection: Projection, table: Table, group: Group, bad: dict[int, str]) -> _Part:
    keeps = np.isin(group.op, _KEEPS)
    deletes = group.op == _DELETE
    good = (keeps & group.has_after) | (deletes & group.has_before)
    if not good.all():
        for j in np.flatnonzero(~good).tolist():
            known = bool(keeps[j] or deletes[j])
            letter = chr(int(group.op[j]))
            reason = f"operation {letter} without its image" if known else "unknown operation"
            bad[int(group.index[j])] = reason
    stays = keeps & good
    for condition in projection.where:
        stays &= condition.mask(group.after, len(group.index))
    casts = {}
    for name, cast in projection.cast.items():
        if name in group.after:
            casts[name], failed = cast.column(group.after[name])
            for j in np.flatnonzero(failed & stays).tolist():
                bad.setdefault(int(group.index[j]), f"{name} cannot be cast to {cast}")
                good[j] = False
    at = np.arange(len(good)) if good.all() else np.flatnonzero(good)
    keys = [_key(group, deletes, column) for column in (table.column(k) for k in table.key)]
    if len(at) < len(good):
        keys = [column.take(pa.array(at)) for column in keys]
    return _Part(group.index[at], keys, stays[at], group, at, casts)


def _key(group: Group, deletes: Mask, column: Column) -> pa.Array:
    """Return a key column as stored: of the after-image, for deletes of the before-image."""
    after = stored(group.after[column.field], column)
    if not deletes.any() or column.field not in group.before:
        return after
    return pc.if_else(pa.array(deletes), stored(group.before[column.field], column), after)


def _joined(columns: Sequence[pa.Array | None], column: Column) -> pa.Array:
    found = [one for one in columns if one is not None]
    if not found:
        return pa.array([], stored_type(column))
    return found[0] if len(found) == 1 else pa.concat_arrays(found)


def _newest(keys: Sequence[pa.Array], place: Int64s) -> Int64s:
    """Return for each distinct key where its event with the highest place stands."""
    codes = np.zeros(len(place), np.int64)
    for column in keys:
        encoded = column.dictionary_encode(null_encoding="encode")
        codes = codes * len(encoded.dictionary) + np.asarray(encoded.indices)
        if len(keys) > 1:  # so that the product of the next column's cannot overflow
            codes = np.unique(codes, return_inverse=True)[1]
    order = np.argsort(place, kind="stable")
    last = np.full(int(codes.max(initial=-1)) + 1, -1, np.int64)
    last[codes[order]] = order  # of a repeated index numpy keeps the last value
    return last[last >= 0]


def _rows(table: Table, batch: Batch, parts: Sequence[_Part], kept: Int64s, n_events: int) -> Rows:
    """Return the rows of the events at `kept`, places in the parts laid one behind the other."""
    firsts = np.cumsum([0, *(len(part.place) for part in parts)])
    pieces: list[list[pa.Array]] = []
    for part, first in zip(parts, firsts, strict=False):
        mine = kept[(kept >= first) & (kept < first + len(part.place))] - first if len(parts) > 1 else kept
        if len(mine):
            pieces.append(_columns(table, batch, part, mine))
    if not pieces:
        return Rows([], 0)
    if len(pieces) == 1:
        return Rows(pieces[0], len(kept))
    # Rows of several schemas: back into key order.
    owner = np.searchsorted(firsts, kept, "right")
    order = pa.array(np.argsort(np.argsort(owner, kind="stable"), kind="stable"))
    columns = [pa.concat_arrays(list(column)).take(order) for column in zip(*pieces, strict=True)]
    return Rows(columns, len(kept))


def _columns(table: Table, batch: Batch, part: _Part, mine: Int64s) -> list[pa.Array]:
    rows = part.at[mine]
    take = pa.array(rows)
    columns: list[pa.Array] = []
    for column in table.columns:
        array = part.casts.get(column.field, part.group.after.get(column.field))
        if array is None:  # an older schema without this field
            columns.append(pa.nulls(len(rows), stored_type(column)))
        else:
            columns.append(stored(array.take(take), column))
    columns.append(pa.array(np.full(len(rows), batch.partition, np.int64)))
    columns.append(pa.array(batch.offsets[part.place[mine]]))
    columns.append(pa.array(part.group.source_ts_ms[rows]))
    return columns
