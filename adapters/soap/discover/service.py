"""A made-up service behind an adapter's settings, for a test without a source: nothing in it is real."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from adapters.soap.change_spec import QueueChange, ReceiveChange, SinceChange
from adapters.soap.contract import Contract
from adapters.soap.discover.made_up import made_up
from adapters.soap.polling.paths import at, put
from adapters.soap.spec import SoapSpec
from adapters.soap.xsd_types import Element, SimpleType

#: Records that it has.
RECORDS = 3


class MadeUpService:
    """Answers an adapter's calls from the schema. It is a wire: nothing goes over a network.

    Attributes:
        broken: operations that answer with what no SOAP service sends.
    """

    def __init__(self, spec: SoapSpec, contract: Contract) -> None:
        self._spec, self._contract, self._change = spec, contract, spec.change
        self.broken: set[str] = set()
        self._waiting = True

    @contextmanager
    def call(self, operation: str, values: Mapping[str, Any]) -> Iterator[Iterator[bytes]]:
        """Check the request against the contract and answer it."""
        request = self._contract.decode_request(
            operation, self._contract.encode_request(operation, dict(values))
        )
        if operation in self.broken:
            yield iter([b"<html/>"])
        else:
            yield iter([self._contract.encode_response(operation, self.answer(operation, request))])

    def answer(self, operation: str, request: Any) -> Any:
        """Return the values of a response."""
        spec, change = self._spec, self._change
        response = self._contract.operation(operation).response
        if response is None:
            return {}
        values: Any = made_up(self._contract, response)
        if spec.detail is not None and operation == spec.detail.operation:
            self._details(values, request)
        elif isinstance(change, QueueChange) and operation == change.operation:
            put(values, change.item, self._messages(change) if self._waiting else [])
        elif isinstance(change, QueueChange) and operation == change.acknowledge.operation:
            self._waiting = False
        elif isinstance(change, SinceChange) and operation == (change.operation or spec.operation):
            there = (
                at(request, change.since) is None
                or not change.next
                or at(request, change.since) == change.start
            )
            put(
                values,
                change.item or spec.item,
                self._rows(operation, change.item or spec.item) if there else [],
            )
            self._end(values, change.paging or spec.paging)
        elif operation == spec.operation:
            put(values, spec.item, self._rows(operation, spec.item))
            self._end(values, spec.paging)
            if spec.total:
                put(values, spec.total, RECORDS)
        return values

    def request(self, number: int) -> bytes:
        """Return a message that the legacy system would send, of mode `receive`."""
        change = self._change
        assert isinstance(change, ReceiveChange)
        request = self._contract.operation(change.operation).request
        assert request is not None
        values: Any = made_up(self._contract, request, number)
        *_, record = self._contract.schema.walk(request, change.record)
        value = self._keyed(record, number)
        put(values, change.record, [value] if record.repeats else value)
        self._set(values, request, change.message_id, number)
        if change.action is not None and not change.action.element.startswith(f"{change.record}/"):
            put(values, change.action.element, change.action.upsert[0])
        return self._contract.encode_request(change.operation, values)

    def _rows(self, operation: str, path: str) -> list[Any]:
        item = self._contract.element(operation, path)
        return [self._keyed(item, n) for n in range(1, RECORDS + 1)]

    def _messages(self, change: QueueChange) -> list[Any]:
        item = self._contract.element(change.operation, change.item)
        messages = []
        for number in range(1, RECORDS + 1):
            message: Any = made_up(self._contract, item, number)
            self._set(message, item, change.message_id, number)
            if change.record:
                *_, record = self._contract.schema.walk(item, change.record)
                put(message, change.record, self._keyed(record, number))
            else:
                self._key(message, item, number)
            if change.action is not None:
                put(message, change.action.element, change.action.upsert[0])
            messages.append(message)
        return messages

    def _details(self, values: Any, request: Any) -> None:
        detail = self._spec.detail
        assert detail is not None
        element = self._contract.element(detail.operation, detail.item)
        asked = at(request, detail.keys) if detail.keys else [request]
        records = []
        for number, key in enumerate(asked, 1):
            record: Any = made_up(self._contract, element, number)
            for parameter, name in detail.parameters.items():
                record[name] = key.get(parameter) if isinstance(key, Mapping) else key
            records.append(record)
        put(values, detail.item, records if element.repeats else records[0])

    def _keyed(self, element: Element, number: int) -> Any:
        value: Any = made_up(self._contract, element, number)
        self._key(value, element, number)
        return value

    def _key(self, value: Any, element: Element, number: int) -> None:
        names = [*self._spec.key, *(self._spec.detail.parameters.values() if self._spec.detail else ())]
        for name in names:
            if "/" not in name and not name.startswith(("@", "#")):
                self._set(value, element, name, number)

    def _set(self, value: Any, element: Element, path: str, number: int) -> None:
        """Make the value at a path differ from record to record."""
        try:
            *_, found = [element, *self._contract.schema.walk(element, path)]
        except KeyError:
            return
        made = made_up(self._contract, found, number)
        if isinstance(made, str) and isinstance(found.type, SimpleType) and not found.type.enumeration:
            made = _counted(made, number)
        put(value, path, made)

    @staticmethod
    def _end(values: Any, paging: Any) -> None:
        if paging is not None and paging.more:
            put(values, paging.more, False)


def _counted(text: str, number: int) -> str:
    """Return a text of the same shape with another last figure or letter."""
    for at_ in range(len(text) - 1, -1, -1):
        if text[at_].isdigit():
            return f"{text[:at_]}{(int(text[at_]) + number - 1) % 10}{text[at_ + 1 :]}"
    if text and text[-1].isalpha():
        return text[:-1] + chr(
            (ord(text[-1].lower()) - 97 + number - 1) % 26 + (65 if text[-1].isupper() else 97)
        )
    return text
