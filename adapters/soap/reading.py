"""Read one list: pages, the detail calls of their rows, and rows as Arrow columns."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from adapters.extract import Chunk
from adapters.soap.avro_entity import EntityShape
from adapters.soap.change_spec import DeletedSpec, PagingSpec
from adapters.soap.contract import Contract
from adapters.soap.envelope import SoapFault
from adapters.soap.errors import BrokenAnswer
from adapters.soap.http_reply import place
from adapters.soap.pace import Pace
from adapters.soap.polling.details import Details
from adapters.soap.polling.fault_error import fault_error
from adapters.soap.polling.load import Throttle, Wire
from adapters.soap.polling.paths import at, put, text_at
from adapters.soap.polling.rows import RowMaker
from adapters.soap.rows import RowBatch
from adapters.soap.spec import SoapSpec
from adapters.soap.stream import Item
from schemas.key_text import key_text

#: Rows a chunk: large enough for column work, small enough to bound memory.
CHUNK_ROWS = 5_000
#: Where each row is a call of its own, a chunk is what a crash loses of a first load.
_DETAIL_ROWS = 500


@dataclass(frozen=True, slots=True)
class ListCall:
    """One operation that returns rows: the list itself, or what has changed.

    Attributes:
        operation, request, item, paging, total: as in the settings of the list.
        deleted: which items stand for deleted rows.
    """

    operation: str
    request: Mapping[str, Any]
    item: str
    paging: PagingSpec | None = None
    total: str = ""
    deleted: DeletedSpec | None = None

    @classmethod
    def of(cls, spec: SoapSpec) -> ListCall:
        """Return the call of the adapter's list."""
        return cls(spec.operation, spec.request, spec.item, spec.paging, spec.total, spec.deleted)

    def is_deleted(self, item: Item) -> bool:
        """Return whether an item says that its row is gone."""
        return self.deleted is not None and text_at(item.value, self.deleted.element) in self.deleted.values


class Reading:
    """How one list is read: settings, contract, wire and pace. Holds no state of a poll."""

    def __init__(
        self,
        spec: SoapSpec,
        contract: Contract,
        wire: Wire,
        pace: Pace,
        endpoint: str,
        *,
        call: ListCall | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        self.spec, self.contract, self.wire, self.endpoint = spec, contract, wire, endpoint
        self.call = call or ListCall.of(spec)
        self.throttle = throttle or Throttle(pace, spec.limits.concurrency, spec.limits.slow)
        operation, item = self.call.operation, self.call.item
        source = (spec.detail.operation, spec.detail.item) if spec.detail else (operation, item)
        self.shape: EntityShape = contract.shape(
            *source,
            spec.key,
            spec.system,
            spec.entity,
            classification=spec.classification,
            key_privacy=spec.key_privacy,
            style=spec.avro_style,
        )
        self.rows = RowMaker(contract, self.shape, contract.element(*source), spec.key)
        paging = self.call.paging
        for path in filter(None, (self.call.total, paging.more if paging else "")):
            contract.element(operation, path)
        #: Whole lists whose items are the records are decoded by column; others item by item.
        self.gone_column = self._gone_column()
        self.by_column = spec.detail is None and (self.call.deleted is None or bool(self.gone_column))
        self.details: Details | None = None
        if spec.detail:
            for element in spec.detail.parameters.values():
                contract.element(operation, f"{item}/{element}")
            concurrency = spec.limits.concurrency
            self.details = Details(
                spec.detail, spec.key, contract, wire, self.throttle, endpoint, concurrency
            )

    def _gone_column(self) -> str:
        """Return the column that says that a row is deleted; empty where none does, or not as plain text."""
        deleted = self.call.deleted
        for member in self.shape.members if deleted is not None else ():
            if deleted is not None and member.key == deleted.element and member.type == "string":
                return member.name
        return ""

    def list_request(self, number: int, more: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the request values of one page; `more` are values by path."""
        values = dict(self.call.request)
        if (paging := self.call.paging) is not None:
            ahead = (number - paging.first) * paging.rows
            values[paging.page] = paging.first + ahead if paging.offset else number
            if paging.size:
                values[paging.size] = paging.rows
        for path, value in (more or {}).items():
            put(values, path, value)
        return values

    def first_page(self, more: Mapping[str, Any] | None = None) -> Page:
        """Return the first page, not read yet; `more` are request values by path."""
        return Page(self, self.call.paging.first if self.call.paging else 0, more or {})

    def page_after(self, page: Page) -> Page:
        """Return the page that follows."""
        return Page(self, page.number + 1, page.asked)

    def key_order(self) -> Iterator[str]:
        """Read the list again and yield what identifies its rows, in order; no detail calls, no rows.

        Raises:
            BanyanError: any page failed.
        """
        page: Page | None = self.first_page()
        while page is not None:
            for item in page.items():
                yield page.identity(item)
            page = self.page_after(page) if page.more else None


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
    """One page of a list; complete after `chunks` (or `items`) is exhausted.

    Attributes:
        asked: request values of this reading, by path.
        keys: what identifies each row, in list order.
        rows: items that came, bad ones too.
        total: as the service says; None if it does not.
        more: whether a page follows.
        rest: the response without its items.
        problems: detail calls that failed.
        next_record: number of the record after this page's last.
    """

    reading: Reading
    number: int
    asked: Mapping[str, Any] = field(default_factory=dict)
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
        self._end(decoder.rest())

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
        self._end(decoder.rest())

    @property
    def _where(self) -> str:
        return place(self.reading.endpoint, self.reading.call.operation)

    def _parts(self) -> Generator[bytes]:
        reading = self.reading
        request = reading.list_request(self.number, self.asked)
        with reading.throttle.call(reading.wire, reading.call.operation, request) as parts:
            yield from parts

    def _end(self, rest: dict[str, Any] | SoapFault) -> None:
        call = self.reading.call
        if isinstance(rest, SoapFault):
            raise fault_error(rest, self._where)
        self.rest = rest
        self.total = at(rest, call.total) if call.total else None
        if call.paging is not None:
            full = self.rows >= call.paging.rows
            self.more = bool(at(rest, call.paging.more)) if call.paging.more else full
            if self.more and not self.rows:
                # Taken for the end, it would make a whole list of one that is not.
                raise BrokenAnswer("a page without rows says that more follow", where=self._where)

    def identity(self, item: Item) -> str:
        """Return what tells this row from its neighbours in the list: its key, else its XML."""
        spec = self.reading.spec
        if spec.detail and item.value is not None:
            return "\x1f".join(str(item.value.get(name)) for name in spec.detail.parameters.values())
        return self.reading.rows.item_key(item) or f"?{item.raw!r}"

    def batches(self, *, items: bool = False) -> Iterator[Batch]:
        """Yield the page's rows, so many at once as make a chunk; as items where `items` asks for them."""
        if self.reading.by_column and not items:
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

    def chunks(self, record: int, *, strict: bool = False) -> Iterator[Chunk]:
        """Yield the page's rows and rejects; `record` is the number of its first.

        A row that is marked as deleted is left out: its absence deletes it, where the list is complete.
        `strict` raises the first transient failure of a detail call.
        """
        self.next_record = record
        for batch in self.batches():
            self.keys += batch.keys
            yield self.chunk(batch, strict=strict)

    def chunk(self, batch: Batch, *, strict: bool = False) -> Chunk:
        """Return a batch as rows and rejects, after its detail calls."""
        first, self.next_record = self.next_record, self.next_record + len(batch.keys)
        if batch.items is None:
            return self.reading.rows.of_columns(self._there(batch.rows), first - batch.start)
        there = [Item(None) if self.reading.call.is_deleted(item) else item for item in batch.items]
        if self.reading.details is not None:
            there = self.reading.details.fetch(there, self.problems, strict=strict)
        return self.reading.rows.chunk(there, first)
