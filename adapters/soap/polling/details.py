"""Detail calls: from the keys of a list to its records, one call a key or one for many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
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
from schemas.errors import BanyanError, SettingsError, Terminal, Transient

#: What tells an item's record from others.
Key = tuple[str | None, ...]
_ANOTHER = "a detail came that was not asked for"
_MISSING = "a detail was asked for and did not come"
_TWICE = "a detail came twice"


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
        self._matches = self._matching()

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

    def _matching(self) -> dict[str, str]:
        """Return element of the list's item → element of the record that shows whose answer it is."""
        spec, operation = self._spec, self._spec.operation
        for path in spec.matches.values():
            self._contract.element(operation, f"{spec.item}/{path}")
        if spec.matches:
            return dict(spec.matches)
        record = self._contract.schema.complex(self._contract.element(operation, spec.item))
        names = {element.local for element in record.elements} if record is not None else set()
        asked = list(spec.parameters.values())
        if same := {name: name for name in asked if name in names}:
            return same
        if len(asked) == len(self._key) == 1 and self._key[0] in names:
            return {asked[0]: self._key[0]}
        raise SettingsError(
            "a record does not say which key it is the answer for",
            where=f"the response of {operation}",
            fix="set detail.matches: element of the list's item = element of the record",
        )

    def _records(self, items: list[Item], raw: bytes, problems: list[str], *, strict: bool) -> list[Item]:
        if self._spec.keys:
            return self._matched(items, raw, problems, strict=strict)
        answer = self._contract.decode_response(self._spec.operation, raw, self._where)
        if isinstance(answer, SoapFault):
            raise fault_error(answer, self._where)
        if (value := at(answer, self._spec.item)) is None:
            raise BadValue(self._spec.item, "absent or nil in the answer")
        if self._key_of(value) == self._key_asked(items[0]):
            return [Item(value)]
        return [self._failed(items[0], _ANOTHER, problems, strict=strict)]

    def _matched(self, items: list[Item], raw: bytes, problems: list[str], *, strict: bool) -> list[Item]:
        """Return the records of an answer for many keys in the order in which they were asked for.

        One that comes twice is none: nobody knows which of the two it is.
        """
        paths = tuple(self._matches.values())
        plain = tuple(path for path in paths if "/" not in path)
        decoder = self._contract.list_decoder(self._spec.operation, self._spec.item, plain, self._where)
        by_key: dict[Key, list[Item]] = {}
        for record in decoder.feed(raw):
            known = (
                record.value if record.value is not None else dict(zip(plain, record.node_keys, strict=True))
            )
            by_key.setdefault(self._key_of(known), []).append(record)
        rest = decoder.rest()
        if isinstance(rest, SoapFault):
            raise fault_error(rest, self._where)
        asked = [self._key_asked(item) for item in items]
        if by_key.keys() - set(asked) and not strict:
            problems.append(_ANOTHER)
        found = []
        for item, key in zip(items, asked, strict=True):
            records = by_key.get(key, ())
            if len(records) == 1 and None not in key:
                found.append(records[0])
            else:
                what = _TWICE if records else _MISSING
                found.append(self._failed(item, what, problems, strict=strict))
        return found

    def _failed(self, item: Item, what: str, problems: list[str], *, strict: bool) -> Item:
        """Return what stands for a record whose call failed: never a row, and never an absence."""
        if strict:
            return Item(None, BadValue("", what), self._asked(item), self._node_keys(item))
        problems.append(what)
        return Item(None)

    def _key_asked(self, item: Item) -> Key:
        return tuple(_text(at(item.value, name)) for name in self._matches)

    def _key_of(self, record: Any) -> Key:
        return tuple(_text(at(record, path)) for path in self._matches.values())

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


def _text(value: Any) -> str | None:
    """Return a value so that it can be compared: a number of the list may be text in the record."""
    if isinstance(value, Mapping):
        value = value.get("#text")
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return None if value is None else str(value)
