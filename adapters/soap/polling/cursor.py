"""Values of one request element, kept as text: cursors (times, numbers, tokens), ids of messages."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from lxml import etree

from adapters.soap.contract import Contract
from adapters.soap.errors import BadValue
from adapters.soap.xsd_types import Element
from schemas.errors import SettingsError


class Cursor:
    """One request element that takes a cursor or an id: text as in XML ↔ value as the codec has it.

    Args:
        contract: whose request takes it.
        operation, path: where.
        where: the adapter, for errors.
    """

    def __init__(self, contract: Contract, operation: str, path: str, where: str) -> None:
        self._codec, self._where = contract.codec, where
        request = contract.operation(operation).request
        try:
            if request is None:
                raise KeyError(path)
            self._element: Element = [request, *contract.schema.walk(request, path)][-1]
        except KeyError as error:
            raise SettingsError(
                f"the request of {operation} has no {error.args[0]!r} on the path {path!r}",
                where=where,
                fix="look at the operation's schema in the WSDL",
            ) from None

    def value(self, text: str) -> Any:
        """Return the value of a cursor's text; a text of another type is a wrong setting."""
        node = etree.Element(self._element.name)
        node.text = text
        try:
            return self._codec.decode(self._element, node)
        except BadValue as error:
            raise SettingsError(
                f"the cursor does not fit the element that takes it: {error.reason}",
                where=self._where,
                fix="look at its type in the WSDL's schema",
            ) from None

    def text(self, value: Any) -> str:
        """Return a cursor's value as its text; one of another type is a wrong setting."""
        try:
            return self._codec.encode(self._element, value).text or ""
        except BadValue as error:
            raise SettingsError(
                f"the cursor of the items does not fit the request: {error.reason}",
                where=self._where,
                fix="choose an element of the type that `since` takes",
            ) from None

    @property
    def repeats(self) -> bool:
        """Whether the element takes several."""
        return self._element.repeats

    def fits(self, text: str) -> bool:
        """Return whether a text is a value of the element."""
        try:
            self.value(text)
        except SettingsError:
            return False
        return True

    def sample(self) -> Any:
        """Return a value of the cursor's type, to try a request with."""
        for text in ("2000-01-01T00:00:00Z", "2000-01-01", "0", ""):
            try:
                return self.value(text)
            except SettingsError:
                continue
        raise SettingsError(
            "no cursor can be made for the element that `since` names", where=self._where, fix="set start"
        )


def back(value: Any, amount: float) -> Any:
    """Return a cursor so much earlier: seconds of a time (whole days of a date), a difference of a number.

    Raises:
        TypeError: a text cannot be reckoned with.
    """
    if not amount:
        return value
    if isinstance(value, datetime):
        return value - timedelta(seconds=amount)
    if isinstance(value, date):
        return value - timedelta(days=math.ceil(amount / 86_400))
    if isinstance(value, Decimal):
        return value - Decimal(str(amount))
    if isinstance(value, int):
        return value - math.ceil(amount)
    raise TypeError("a text cannot be reckoned with")


def moment(value: Any, now_ms: int) -> Any:
    """Return now in the form of a cursor; None where the cursor is no time."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    if isinstance(value, datetime):
        return now if value.tzinfo else now.replace(tzinfo=None)
    return now.date() if isinstance(value, date) else None
