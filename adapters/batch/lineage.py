"""Trees of records (an IMS unload, a header with its details): a child's row carries its parent's key.

Which parent a record has follows from order alone: the last one of its parent's type before it, unless a
record further up the tree has come since.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from adapters.batch.kernels.integers import Bools, Int64s
from adapters.batch.records import Parent, RecordType
from schemas.entity import Entity
from schemas.errors import SettingsError
from schemas.names import avro_name

ORPHAN = "no {parent} record stands before it that it could belong to"
REJECTED = "its {parent}, record {record}, is rejected, so its key is not known"


def inherited(name: str, parent: Entity, prefix: str) -> str | None:
    """Return the field that a child's key takes from its parent under this name, None where it is its own."""
    return next((prefix + k for k in parent.key if avro_name(name).upper() == (prefix + k).upper()), None)


def below(
    own: Entity, parent: Entity, at: int, prefix: str, key: Sequence[str], where: str
) -> tuple[Entity, Parent]:
    """Return a child's entity, with its parent's key in front, and the link to the parent's type.

    Args:
        own: the child's own fields; its key is the own part of the whole key, in order.
        parent: the entity above.
        at: the place of the parent among the record types.
        prefix: put before the names of the parent's key fields.
        key: the whole key as declared.
        where: the settings' place.

    Raises:
        SettingsError: the child has fields of these names already.
    """
    columns = tuple((name, prefix + name) for name in parent.key)
    names = {f.name for f in own.fields}
    if clash := [new for _, new in columns if new in names]:
        raise SettingsError(
            f"{own.name} has a field {clash[0]!r} of its own, beside the key of its parent {parent.name}",
            where=where, fix=f"set parent_prefix = '{parent.name.upper()}_' in its [[records]] table",
        )  # fmt: skip
    fields = tuple(replace(parent[old], name=new, doc=f"Key of {parent.name}.") for old, new in columns)
    rest = iter(own.key)
    ordered = tuple(inherited(name, parent, prefix) or next(rest) for name in key)
    made = Entity(own.system, own.name, (*fields, *own.fields), ordered, own.key_privacy)
    return made, Parent(at, columns)


@dataclass(frozen=True, slots=True)
class Family:
    """The parents of n records.

    Attributes:
        keys: n rows with the parent's key fields under the child's names; arbitrary where there is none.
        reasons: row → why it has no parent.
    """

    keys: pa.RecordBatch
    reasons: dict[int, str]


@dataclass(slots=True)
class _Known:
    """Records of one type, the last of the chunks before and those of this one."""

    record: Int64s
    keys: pa.RecordBatch
    sound: Bools


@dataclass(slots=True)
class Lineage:
    """Follows the tree through one file, chunk by chunk."""

    types: Sequence[RecordType]
    _known: dict[int, _Known] = field(default_factory=dict)

    def wanted(self, index: int) -> bool:
        """Return whether a record type has children."""
        return any(kind.parent is not None and kind.parent.type == index for kind in self.types)

    def learn(self, index: int, record: Int64s, keys: pa.RecordBatch, sound: Bools) -> None:
        """Take in the records of a type with children: all of them, the rejected ones marked unsound."""
        if before := self._known.get(index):
            record = np.concatenate([before.record[-1:], record])
            sound = np.concatenate([before.sound[-1:], sound])
            keys = _joined(before.keys.slice(len(before.keys) - 1), keys)
        self._known[index] = _Known(record, keys, sound)

    def parents(self, index: int, record: Int64s) -> Family:
        """Return the parents of n records of a type that has one."""
        link = self.types[index].parent
        assert link is not None  # asked for children only
        above = self.types[link.type].entity
        assert above is not None  # only details have children
        known = self._known.get(link.type)
        if known is None:
            schema = above.arrow_schema()
            empty = [pa.nulls(len(record), schema.field(old).type) for old, _ in link.columns]
            keys = pa.RecordBatch.from_arrays(empty, [new for _, new in link.columns])
            return Family(keys, dict.fromkeys(range(len(record)), ORPHAN.format(parent=above.name)))
        at = np.searchsorted(known.record, record) - 1
        lost = (at < 0) | self._overtaken(link.type, record, known.record[at])
        unsound = ~lost & ~known.sound[at]
        reasons = dict.fromkeys(np.flatnonzero(lost).tolist(), ORPHAN.format(parent=above.name))
        for row in np.flatnonzero(unsound).tolist():
            reasons[row] = REJECTED.format(parent=above.name, record=known.record[at[row]])
        taken = known.keys.take(np.maximum(at, 0))
        columns = [taken.column(old) for old, _ in link.columns]
        return Family(pa.RecordBatch.from_arrays(columns, [new for _, new in link.columns]), reasons)

    def _overtaken(self, index: int, record: Int64s, parent: Int64s) -> Bools:
        """Return where a record of a type above the parent stands between it and the child."""
        found: Bools = np.zeros(len(record), np.bool_)
        link = self.types[index].parent
        while link is not None:
            if known := self._known.get(link.type):
                at = np.searchsorted(known.record, record) - 1
                found |= (at >= 0) & (known.record[at] > parent)
            link = self.types[link.type].parent
        return found


def _joined(first: pa.RecordBatch, second: pa.RecordBatch) -> pa.RecordBatch:
    return pa.Table.from_batches([first, second]).combine_chunks().to_batches()[0]
