"""Decoded items as rows by column, and what cannot be a row as rejects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from lxml import etree

from adapters.diff import DELETE
from adapters.extract import Chunk, Int64s, Reject, Rows
from adapters.soap.avro_entity import EntityShape, shape
from adapters.soap.contract import Contract
from adapters.soap.errors import BadValue
from adapters.soap.rows import RowBatch
from adapters.soap.spec import SoapSpec
from adapters.soap.stream import MAX_RAW_BYTES, Item
from adapters.soap.xsd_types import Element
from schemas.key_text import key_text_of


def shape_of(contract: Contract, spec: SoapSpec, element: Element) -> EntityShape:
    """Return the entity of an adapter, whose records are `element`s."""
    return shape(
        contract.schema,
        element,
        key=spec.key,
        system=spec.system,
        name=spec.entity,
        decimals=contract.decimals,
        classification=spec.classification,
        key_privacy=spec.key_privacy,
        style=spec.avro_style,
    )


class RowMaker:
    """Makes the chunks of one entity.

    Args:
        contract: whose values come.
        shape: the entity, with the way from values to rows.
        element: what the values were decoded from, to write a bad one as XML again.
        key: names of the key elements in the schema.
    """

    def __init__(self, contract: Contract, shape: EntityShape, element: Element, key: Sequence[str]) -> None:
        self.shape, self._contract, self._element, self._key = shape, contract, element, tuple(key)

    def chunk(self, items: Sequence[Item], first: int, actions: Sequence[int] | None = None) -> Chunk:
        """Return items as rows and rejects; the first has the record number `first`.

        An item without value and without error gives neither. `actions` are those of a delta: of a delete
        only the key is looked at.
        """
        rows: list[Mapping[str, Any]] = []
        numbers: list[int] = []
        codes: list[int] = []
        rejects: list[Reject] = []
        for at, found in enumerate(items):
            item, number = found, first + at
            action = actions[at] if actions is not None else 0
            if item.value is not None:
                try:
                    rows.append(self._gone(item.value) if action == DELETE else self.shape.row(item.value))
                    numbers.append(number)
                    codes.append(action)
                except BadValue as error:
                    item = self._unfit(item, error)
            if item.error is not None:
                rejects.append(self._reject(item, item.error, number))
        if not rows:
            return Chunk((), tuple(rejects))
        good = rows_of(
            self.shape.entity.name, self.columns(rows), numbers, codes if actions is not None else None
        )
        return Chunk((good,), tuple(rejects))

    def of_columns(self, batches: Sequence[RowBatch], first: int) -> Chunk:
        """Return rows that came as columns; number 0 of the list is record `first`."""
        entity = self.shape.entity
        rejects = [
            self._reject(item, item.error, first + number)
            for batch in batches
            for number, item in batch.bad
            if item.error is not None
        ]
        good = [b for b in batches if len(b.numbers)]
        if not good:
            return Chunk((), tuple(rejects))
        columns = good[0].rows if len(good) == 1 else pa.concat_batches([b.rows for b in good])
        numbers = np.concatenate([b.numbers for b in good]) + first
        return Chunk((rows_of(entity.name, columns, numbers),), tuple(rejects))

    def columns(self, rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
        """Return n rows as columns of the entity's Arrow schema."""
        schema = self.shape.entity.arrow_schema()
        arrays = [pa.array([row[f.name] for row in rows], f.type) for f in schema]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def item_key(self, item: Item) -> str | None:
        """Return the key text of an item, None if it cannot be read."""
        values: Sequence[Any] = item.node_keys
        if item.value is not None:
            values = [item.value.get(key) for key in self._key]
        if len(values) != len(self._key) or any(v is None for v in values):
            return None
        try:
            row = self.shape.key_row(dict(zip(self._key, values, strict=True)))
        except BadValue:
            return None
        return key_text_of(self.shape.entity, row)

    def _gone(self, value: Mapping[str, Any]) -> Mapping[str, Any]:
        row = self.shape.key_row(value)
        for key in self.shape.entity.key:
            if row[key] is None:
                raise BadValue(key, "a key field is absent or nil")
        return {f.name: None for f in self.shape.entity.fields} | row

    def _unfit(self, item: Item, error: BadValue) -> Item:
        """Return a decoded item that no row can hold as a bad one, its XML made again."""
        try:
            raw = bytes(etree.tostring(self._contract.codec.encode(self._element, item.value)))
        except BadValue:
            raw = b""  # a key that stands for a deleted row is no whole element
        keys = tuple((item.value or {}).get(key) for key in self._key)
        return Item(None, error, raw[:MAX_RAW_BYTES], keys)

    def _reject(self, item: Item, error: BadValue, number: int) -> Reject:
        entity = self.shape.entity.name
        return Reject(entity, number, -1, item.raw, error.path, error.reason, self.item_key(item))


def rows_of(
    entity: str, batch: pa.RecordBatch, numbers: Sequence[int] | Int64s, codes: Sequence[int] | None = None
) -> Rows:
    """Return n rows with their record numbers and, in a delta, their actions."""
    record = np.array(numbers, np.int64)
    action = None if codes is None else np.array(codes, np.uint8)
    return Rows(entity, batch, record, np.full(len(record), -1, np.int64), action)
