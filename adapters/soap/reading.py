"""Read one list: pages, the detail calls of their rows, and rows as Arrow columns."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from lxml import etree

from adapters.extract import Chunk, Reject, Rows
from adapters.soap.avro_entity import EntityShape
from adapters.soap.contract import Contract
from adapters.soap.envelope import SoapFault
from adapters.soap.errors import BadValue, BrokenAnswer, CallRefused, ServiceUnavailable
from adapters.soap.http_reply import place
from adapters.soap.pace import Pace
from adapters.soap.safe_xml import MAX_ANSWER_BYTES
from adapters.soap.spec import SoapSpec
from adapters.soap.stream import MAX_RAW_BYTES, Item
from adapters.soap.zeep_wire import ZeepWire
from schemas.errors import BanyanError
from schemas.key_text import key_text_of

#: Rows a chunk: large enough for column work, small enough to bound memory.
CHUNK_ROWS = 5_000


class Reading:
    """How one adapter's list is read: settings, contract, wire and pace. Holds no state of a poll."""

    def __init__(self, spec: SoapSpec, contract: Contract, wire: ZeepWire, pace: Pace, endpoint: str) -> None:
        self.spec, self.contract, self.wire, self.pace, self.endpoint = spec, contract, wire, pace, endpoint
        self.item = contract.element(spec.operation, spec.item)
        source = (spec.detail.operation, spec.detail.item) if spec.detail else (spec.operation, spec.item)
        self.shape: EntityShape = contract.shape(
            *source,
            spec.key,
            spec.system,
            spec.entity,
            classification=spec.classification,
            key_privacy=spec.key_privacy,
        )
        for path in filter(None, (spec.total, spec.paging.more if spec.paging else "")):
            contract.element(spec.operation, path)
        if spec.detail:
            for element in spec.detail.parameters.values():
                contract.element(spec.operation, f"{spec.item}/{element}")

    def list_request(self, number: int) -> dict[str, Any]:
        """Return the request values of one page."""
        values = dict(self.spec.request)
        if (paging := self.spec.paging) is not None:
            values[paging.page] = number
            if paging.size:
                values[paging.size] = paging.rows
        return values

    def first_page(self) -> Page:
        """Return the first page, not read yet."""
        return Page(self, self.spec.paging.first if self.spec.paging else 0)

    def page_after(self, page: Page) -> Page:
        """Return the page that follows."""
        return Page(self, page.number + 1)

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

    def item_key(self, item: Item) -> str | None:
        """Return the key text of a list item, None if it cannot be read."""
        values: Sequence[Any] = item.node_keys
        if item.value is not None:
            values = [item.value.get(key) for key in self.spec.key]
        if len(values) != len(self.spec.key) or any(v is None for v in values):
            return None
        try:
            row = self.shape.key_row(dict(zip(self.spec.key, values, strict=True)))
        except BadValue:
            return None
        return key_text_of(self.shape.entity, row)

    def columns(self, rows: Sequence[Mapping[str, Any]]) -> pa.RecordBatch:
        """Return n rows as columns of the entity's Arrow schema."""
        schema = self.shape.entity.arrow_schema()
        arrays = [pa.array([row[f.name] for row in rows], f.type) for f in schema]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


@dataclass
class Page:
    """One page of a list; complete after `chunks` (or `items`) is exhausted.

    Attributes:
        keys: what identifies each row, in list order.
        rows: items that came, bad ones too.
        total: as the service says; None if it does not.
        more: whether a page follows.
        problems: detail calls that failed.
        next_record: number of the record after this page's last.
    """

    reading: Reading
    number: int
    keys: list[str] = field(default_factory=list)
    rows: int = 0
    total: int | None = None
    more: bool = False
    problems: list[str] = field(default_factory=list)
    next_record: int = 1

    def items(self) -> Generator[Item]:
        """Call the service and yield the items of this page as they arrive.

        Raises:
            Transient, Terminal: the call failed or the service answered with a fault.
        """
        spec, reading = self.reading.spec, self.reading
        where = place(reading.endpoint, spec.operation)
        decoder = reading.contract.list_decoder(
            spec.operation, spec.item, spec.key if not spec.detail else (), where
        )
        reading.pace.wait()
        with reading.wire.call(spec.operation, reading.list_request(self.number)) as parts:
            for part in parts:
                for item in decoder.feed(part):
                    self.rows += 1
                    yield item
        rest = decoder.rest()
        if isinstance(rest, SoapFault):
            raise fault_error(rest, where)
        self.total = _at(rest, spec.total) if spec.total else None
        if spec.paging is not None:
            full = self.rows >= spec.paging.rows
            self.more = bool(_at(rest, spec.paging.more)) if spec.paging.more else full
            self.more = self.more and self.rows > 0

    def identity(self, item: Item) -> str:
        """Return what tells this row from its neighbours in the list: its key, else its XML."""
        spec = self.reading.spec
        if spec.detail and item.value is not None:
            return "\x1f".join(str(item.value.get(name)) for name in spec.detail.parameters.values())
        return self.reading.item_key(item) or f"?{item.raw!r}"

    def chunks(self, record: int) -> Iterator[Chunk]:
        """Yield the page's rows and rejects; `record` is the number of its first."""
        self.next_record = record
        batch: list[Item] = []
        with closing(self.items()) as items:
            for item in items:
                self.keys.append(self.identity(item))
                batch.append(item)
                if len(batch) >= CHUNK_ROWS:
                    yield self._chunk(batch)
                    batch = []
        if batch:
            yield self._chunk(batch)

    def _chunk(self, items: list[Item]) -> Chunk:
        records = range(self.next_record, self.next_record + len(items))
        self.next_record += len(items)
        if self.reading.spec.detail:
            items = self._details(items)
        rows: list[dict[str, Any]] = []
        numbers: list[int] = []
        rejects: list[Reject] = []
        for number, item in zip(records, items, strict=True):
            if item.value is not None:
                try:
                    rows.append(self.reading.shape.row(item.value))
                    numbers.append(number)
                except BadValue as error:
                    item = self._unfit(item, error)
            if item.error is not None:
                rejects.append(self._reject(item, item.error, number))
        entity = self.reading.spec.entity
        batch = self.reading.columns(rows)
        record = np.array(numbers, np.int64)
        good = Rows(entity, batch, record, np.full(len(rows), -1, np.int64))
        return Chunk((good,) if rows else (), tuple(rejects))

    def _unfit(self, item: Item, error: BadValue) -> Item:
        """Return a decoded item that no row can hold as a bad one, its XML made again."""
        spec = self.reading.spec
        element = (
            self.reading.contract.element(spec.detail.operation, spec.detail.item)
            if spec.detail
            else self.reading.item
        )
        raw = bytes(etree.tostring(self.reading.contract.codec.encode(element, item.value)))
        keys = tuple((item.value or {}).get(key) for key in spec.key)
        return Item(None, error, raw[:MAX_RAW_BYTES], keys)

    def _reject(self, item: Item, error: BadValue, number: int) -> Reject:
        spec = self.reading.spec
        return Reject(
            spec.entity, number, -1, item.raw, error.path, error.reason, self.reading.item_key(item)
        )

    def _details(self, items: list[Item]) -> list[Item]:
        with ThreadPoolExecutor(self.reading.spec.limits.concurrency) as pool:
            return list(pool.map(self._detail, items))

    def _detail(self, item: Item) -> Item:
        """Return the record that a list item stands for; a failed call is a problem and an empty item."""
        spec, reading = self.reading.spec, self.reading
        if item.value is None or spec.detail is None:
            return item
        where = place(reading.endpoint, spec.detail.operation)
        request = {name: item.value.get(element) for name, element in spec.detail.parameters.items()}
        keys = tuple(item.value.get(key) for key in spec.key)
        raw = b""
        try:
            reading.pace.wait()
            with reading.wire.call(spec.detail.operation, request) as parts:
                raw = b"".join(_bounded(parts, where))
            answer = reading.contract.decode_response(spec.detail.operation, raw, where)
            if isinstance(answer, SoapFault):
                raise fault_error(answer, where)
            value = _at(answer, spec.detail.item)
            if value is None:
                raise BadValue(spec.detail.item, "absent or nil in the answer")
            return Item(value)
        except BadValue as error:
            return Item(None, error, raw[:MAX_RAW_BYTES], keys)
        except BanyanError as error:
            self.problems.append(f"a detail call failed: {error.what}")
            return Item(None)


def fault_error(fault: SoapFault, where: str) -> BanyanError:
    """Return a fault as the error whose recovery fits its code; its text is withheld."""
    if fault.by_caller:
        return CallRefused(fault.describe(), where=where, fix="check the request settings against the WSDL")
    return ServiceUnavailable(
        fault.describe(), where=where, fix="try again later; the service's log has the text"
    )


def _bounded(parts: Iterator[bytes], where: str) -> Iterator[bytes]:
    size = 0
    for part in parts:
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise BrokenAnswer(f"the answer is longer than {MAX_ANSWER_BYTES:,} bytes", where=where)
        yield part


def _at(values: Any, path: str) -> Any:
    for step in path.split("/"):
        if not isinstance(values, Mapping):
            return None
        values = values.get(step)
    return values
