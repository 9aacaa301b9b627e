"""One page of a list: its rows as they arrive, whether another follows, and what it says of itself."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from adapters.extract import Chunk
from adapters.soap.envelope import SoapFault
from adapters.soap.errors import BrokenAnswer
from adapters.soap.http_reply import place
from adapters.soap.polling.fault_error import fault_error
from adapters.soap.polling.paths import at, count_at
from adapters.soap.rows import RowBatch, RowDecoder
from adapters.soap.stream import Item, ListDecoder
from adapters.soap.wire.validators import Validators
from schemas.key_text import key_text

if TYPE_CHECKING:
    from adapters.soap.reading import Reading

#: Rows a chunk: large enough for column work, small enough to bound memory.
CHUNK_ROWS = 5_000
#: Where each row is a call of its own, a chunk is what a crash loses of a first load.
_DETAIL_ROWS = 500


@dataclass(frozen=True, slots=True)
class Batch:
    """Some consecutive rows of a page.

    Attributes:
        keys: what identifies each.
        items: the decoded items; None where they came as columns.
        rows: batches of columns with their numbers in the page, and what could not be a row.
        start: number of the first row in the page, from 0.
    """

    keys: tuple[str, ...]
    items: Sequence[Item] | None = None
    rows: Sequence[RowBatch] = ()
    start: int = 0


@dataclass
class Page:
    """One page of a list; complete after `batches` (or `items`) is exhausted.

    Attributes:
        asked: request values of this reading, by path.
        before: rows of the pages before it.
        size: rows asked for, where the page size is asked for.
        to_the_end: read on where the service's total is reached: it may count the page alone.
        validators: of an earlier answer, to be told if nothing has changed; after the call those of this one.
        unchanged: whether the service says that it is that answer still; nothing else is known of it then.
        keys: what identifies each row, in list order.
        rows: items that came, bad ones too.
        total: as the service says; None if it does not.
        more: whether a page is asked for after this one.
        rest: the response without its items.
        problems: detail calls that failed.
        next_record: number of the record after this page's last.
    """

    reading: Reading
    number: int
    asked: Mapping[str, Any] = field(default_factory=dict)
    before: int = 0
    size: int = 0
    to_the_end: bool = False
    validators: Validators = field(default_factory=Validators)
    unchanged: bool = False
    keys: list[str] = field(default_factory=list)
    rows: int = 0
    total: int | None = None
    more: bool = False
    rest: Mapping[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    next_record: int = 1

    def items(self) -> Generator[Item]:
        """Call the service and yield the items of this page as they arrive.

        Raises:
            Transient, Terminal: the call failed or the service answered with a fault.
        """
        reading, call = self.reading, self.reading.call
        keys = reading.spec.key if not reading.spec.detail else ()
        decoder = reading.contract.list_decoder(call.operation, call.item, keys, self._where)
        for part in self._parts():
            for item in decoder.feed(part):
                self.rows += 1
                yield item
        self._end(decoder)

    def _columns(self) -> Generator[RowBatch]:
        """Call the service and yield rows by column as they arrive; errors as in `items`."""
        reading, call = self.reading, self.reading.call
        decoder = reading.contract.row_decoder(
            call.operation, call.item, reading.shape, reading.spec.key, self._where
        )
        for part in self._parts():
            for batch in decoder.feed(part):
                self.rows += batch.count
                yield batch
        self._end(decoder)

    @property
    def _where(self) -> str:
        return place(self.reading.endpoint, self.reading.call.operation)

    def _parts(self) -> Generator[bytes]:
        reading, asked = self.reading, self.validators
        request = reading.list_request(self.number, self.asked, before=self.before, rows=self.size)
        with reading.throttle.call(reading.wire, reading.call.operation, request, asked) as parts:
            self.validators, self.unchanged = parts.validators, parts.unchanged
            yield from parts

    def _end(self, decoder: ListDecoder | RowDecoder) -> None:
        if self.unchanged:
            return
        rest, call, paging = decoder.rest(), self.reading.call, self.reading.call.paging
        if isinstance(rest, SoapFault):
            raise fault_error(rest, self._where)
        self.rest = rest
        self.total = count_at(rest, call.total) if call.total else None
        if paging is None:
            return
        said = at(rest, paging.more) if paging.more else None
        if said is not None:
            self.more = bool(said)
            if self.more and not self.rows:
                # Taken for the end, it would make a whole list of one that is not.
                raise BrokenAnswer("a page without rows says that more follow", where=self._where)
        else:
            # How many rows a page has says nothing: the service may give fewer than it is asked for.
            self.more = self.rows > 0 and (self.to_the_end or not self.counted_out)

    @property
    def counted_out(self) -> bool:
        """Whether by the service's own total no row is left after this page."""
        return self.total is not None and self.before + self.rows >= self.total

    @property
    def short(self) -> bool:
        """Whether it has fewer rows than were asked for, of a service that gives as many as it has."""
        paging = self.reading.call.paging
        return paging is not None and not paging.short_pages and 0 < self.rows < self.size

    def identity(self, item: Item) -> str:
        """Return what tells this row from its neighbours in the list: its key, else its XML."""
        spec = self.reading.spec
        if spec.detail and item.value is not None:
            return "\x1f".join(str(item.value.get(name)) for name in spec.detail.parameters.values())
        return self.reading.rows.item_key(item) or f"?{item.raw!r}"

    def batches(self, *, items: bool = False) -> Iterator[Batch]:
        """Yield the page's rows, so many at once as make a chunk; as items where `items` asks for them."""
        for batch in self._found(items=items or not self.reading.by_column):
            self.keys += batch.keys
            yield batch

    def _found(self, *, items: bool) -> Iterator[Batch]:
        if not items:
            yield from self._column_batches()
            return
        for found in self._item_batches():
            yield Batch(tuple(self.identity(item) for item in found), found)

    def _column_batches(self) -> Iterator[Batch]:
        waiting: list[RowBatch] = []
        with closing(self._columns()) as found:
            for batch in found:
                waiting.append(batch)
                if sum(b.count for b in waiting) >= CHUNK_ROWS:
                    yield self._batch(waiting)
                    waiting = []
        if waiting:
            yield self._batch(waiting)

    def _batch(self, rows: list[RowBatch]) -> Batch:
        first = self.rows - sum(b.count for b in rows)
        keys: dict[int, str] = {}
        for batch in rows:
            texts = key_text(self.reading.shape.entity, batch.rows).to_pylist()
            keys |= dict(zip(batch.numbers.tolist(), texts, strict=True))
            keys |= {number: self.identity(item) for number, item in batch.bad}
        return Batch(tuple(keys[first + n] for n in range(len(keys))), None, rows, first)

    def _there(self, batches: Sequence[RowBatch]) -> Sequence[RowBatch]:
        """Take out the rows that are marked as deleted."""
        column, deleted = self.reading.gone_column, self.reading.call.deleted
        if not column or deleted is None:
            return batches
        left = []
        for batch in batches:
            gone = pc.is_in(batch.rows.column(column), value_set=pa.array(deleted.values, pa.string()))
            kept = pc.invert(gone)
            numbers = batch.numbers[np.asarray(kept.to_numpy(zero_copy_only=False), bool)]
            left.append(replace(batch, rows=batch.rows.filter(kept), numbers=numbers))
        return left

    def _item_batches(self) -> Iterator[list[Item]]:
        size = CHUNK_ROWS if self.reading.details is None else _DETAIL_ROWS
        batch: list[Item] = []
        with closing(self.items()) as items:
            for item in items:
                batch.append(item)
                if len(batch) >= size:
                    yield batch
                    batch = []
        if batch:
            yield batch

    def chunk(self, batch: Batch, *, strict: bool = False) -> Chunk:
        """Return a batch as rows and rejects, after its detail calls.

        A row that is marked as deleted is left out: its absence deletes it, where the list is complete.
        `strict` raises the first transient failure of a detail call.
        """
        first, self.next_record = self.next_record, self.next_record + len(batch.keys)
        if batch.items is None:
            return self.reading.rows.of_columns(self._there(batch.rows), first - batch.start)
        there = [Item(None) if self.reading.call.is_deleted(item) else item for item in batch.items]
        if self.reading.details is not None:
            there = self.reading.details.fetch(there, self.problems, strict=strict)
        return self.reading.rows.chunk(there, first)
