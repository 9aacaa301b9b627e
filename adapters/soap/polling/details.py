"""Detail calls: from the keys of a list to its records, one call a key or one for many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from adapters.soap.contract import Contract
from adapters.soap.envelope import SoapFault
from adapters.soap.errors import BadValue, BrokenAnswer
from adapters.soap.http_reply import place
from adapters.soap.polling.fault_error import fault_error
from adapters.soap.polling.load import Throttle, Wire
from adapters.soap.polling.paths import at, put
from adapters.soap.safe_xml import MAX_ANSWER_BYTES
from adapters.soap.spec import DetailSpec
from adapters.soap.stream import MAX_RAW_BYTES, Item
from schemas.errors import BanyanError, Terminal, Transient

#: Keys of one item, as they are compared with those of the records: texts, and numbers by their value.
Key = tuple[str | Decimal | None, ...]


class Details:
    """Fetches the records behind a list's items.

    Args:
        spec: of the calls.
        key: elements of the business key.
        contract, wire, throttle, endpoint: how calls are made.
        concurrency: threads; the throttle lets fewer through while the service is slow.
    """

    def __init__(
        self,
        spec: DetailSpec,
        key: Sequence[str],
        contract: Contract,
        wire: Wire,
        throttle: Throttle,
        endpoint: str,
        concurrency: int,
    ) -> None:
        self._spec, self._key, self._contract = spec, tuple(key), contract
        self._wire, self._throttle, self._concurrency = wire, throttle, concurrency
        self._where = place(endpoint, spec.operation)
        if spec.keys:
            # An answer names its records by the elements that have the parameters' names in the list.
            for element in spec.parameters.values():
                contract.element(spec.operation, f"{spec.item}/{element}")

    def fetch(self, items: Sequence[Item], problems: list[str], *, strict: bool = False) -> list[Item]:
        """Return the record of each item; items without value stay as they are.

        Args:
            items: of the list.
            problems: failed calls are told here, and their items are empty.
            strict: raise the first transient failure instead, and whatever fails below SOAP: credentials
                that are over are no record's fault. A call that SOAP refuses is a bad record. For readers
                that come back to what they could not read.
        """
        wanted = [n for n, item in enumerate(items) if item.value is not None]
        groups = [wanted[n : n + self._spec.batch] for n in range(0, len(wanted), self._spec.batch)]

        def call(group: list[int]) -> list[Item]:
            return self._call([items[n] for n in group], problems, strict=strict)

        found = list(items)
        with ThreadPoolExecutor(self._concurrency) as pool:
            for group, records in zip(groups, pool.map(call, groups), strict=True):
                for n, record in zip(group, records, strict=True):
                    found[n] = record
        return found

    def _call(self, items: list[Item], problems: list[str], *, strict: bool) -> list[Item]:
        request, raw = self._request(items), b""
        answered = False
        try:
            with self._throttle.call(self._wire, self._spec.operation, request) as parts:
                raw = b"".join(_bounded(parts, self._where))
            answered = True
            return self._records(items, raw, problems, strict=strict)
        except BadValue as error:
            return [Item(None, error, raw[:MAX_RAW_BYTES], self._node_keys(item)) for item in items]
        except BanyanError as error:
            if strict and (isinstance(error, Transient) or not answered):
                raise
            if strict and isinstance(error, Terminal):
                refused = BadValue("", "the detail call was refused")
                return [Item(None, refused, self._asked(item), self._node_keys(item)) for item in items]
            problems.append(f"a detail call failed: {error.what}")
            return [Item(None)] * len(items)

    def _request(self, items: list[Item]) -> dict[str, Any]:
        spec = self._spec
        each = [{p: (i.value or {}).get(e) for p, e in spec.parameters.items()} for i in items]
        if not spec.keys:
            return each[0]
        values: dict[str, Any] = {}
        last = spec.keys.rpartition("/")[2]
        simple = len(spec.parameters) == 1 and last in spec.parameters
        put(values, spec.keys, [one[last] for one in each] if simple else each)
        return values

    def _records(self, items: list[Item], raw: bytes, problems: list[str], *, strict: bool) -> list[Item]:
        if not self._spec.keys:
            answer = self._contract.decode_response(self._spec.operation, raw, self._where)
            if isinstance(answer, SoapFault):
                raise fault_error(answer, self._where)
            if (value := at(answer, self._spec.item)) is None:
                raise BadValue(self._spec.item, "absent or nil in the answer")
            return [Item(value)]
        return self._matched(items, raw, problems, strict=strict)

    def _matched(self, items: list[Item], raw: bytes, problems: list[str], *, strict: bool) -> list[Item]:
        """Return the records of an answer for many keys in the order in which they were asked for."""
        names = tuple(self._spec.parameters.values())
        decoder = self._contract.list_decoder(self._spec.operation, self._spec.item, names, self._where)
        by_key: dict[Key, Item] = {}
        for record in decoder.feed(raw):
            values = [record.value.get(n) for n in names] if record.value is not None else record.node_keys
            by_key[tuple(values)] = record
        rest = decoder.rest()
        if isinstance(rest, SoapFault):
            raise fault_error(rest, self._where)
        found = [by_key.pop(tuple((i.value or {}).get(n) for n in names), None) for i in items]
        missing = sum(record is None for record in found)
        if missing and strict:
            gone = BadValue("", "its detail was asked for and did not come")
            return [
                r or Item(None, gone, self._asked(i), self._node_keys(i))
                for r, i in zip(found, items, strict=True)
            ]
        if missing:
            problems.append("a detail was asked for and did not come")
        if by_key and not strict:
            problems.append("a detail came that was not asked for")
        return [record or Item(None) for record in found]

    def _asked(self, item: Item) -> bytes:
        """Return the request for one item, for the dead letter of a record that did not come."""
        return self._contract.encode_request(self._spec.operation, self._request([item]))[:MAX_RAW_BYTES]

    def _node_keys(self, item: Item) -> tuple[Any, ...]:
        return tuple((item.value or {}).get(key) for key in self._key)


def _bounded(parts: Iterator[bytes], where: str) -> Iterator[bytes]:
    size = 0
    for part in parts:
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise BrokenAnswer(f"the answer is longer than {MAX_ANSWER_BYTES:,} bytes", where=where)
        yield part
