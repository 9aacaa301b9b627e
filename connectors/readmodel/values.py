"""Values of a read model: from a URL to how a store keeps them, and from there to how the API shows them."""

from __future__ import annotations

import base64
import json
import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from connectors.readmodel.statements import ORDERED_DIGITS
from connectors.readmodel.table import Column

#: Kinds that are shown as they are stored.
_AS_STORED = frozenset({"text", "integer", "real", "decimal", "date", "timestamp"})
_WHOLE = re.compile(r"-?[0-9]+\Z")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")
#: A decimal of the largest precision has 38 digits; more are no number of a column, and cost time.
_LONGEST_NUMBER = 64


def as_stored(text: str, column: Column) -> Any:
    """Return a value of a URL as the store keeps it.

    Raises:
        ValueError: the text is no value of this column.
    """
    match column.kind:
        case "integer":
            if not _WHOLE.match(text) or len(text) > _LONGEST_NUMBER:
                raise ValueError(text)
            return in_range(int(text))
        case "real":
            if not math.isfinite(number := float(text)):
                raise ValueError(text)
            return number
        case "decimal":
            return _decimal(text, column)
        case "boolean":
            if text not in ("true", "false"):
                raise ValueError(text)
            return int(text == "true")
        case "date":
            return date.fromisoformat(text).isoformat()
        case "timestamp":
            return _timestamp(text, column)
        case "bytes":
            return base64.b64decode(text, validate=True)
        case _:
            text.encode()  # JSON can spell half a surrogate pair, which no store takes
            return text


def in_range(number: int) -> int:
    """Return a whole number that a store can hold.

    Raises:
        ValueError: it needs more than 64 bits.
    """
    if not -(1 << 63) <= number < 1 << 63:
        raise ValueError("more than 64 bits")
    return number


def is_stored(value: Any, column: Column) -> bool:
    """Return whether `value` is of the type in which a store keeps this column (null is one of any)."""
    match column.kind:
        case _ if value is None:
            return True
        case "integer" | "boolean":
            return type(value) is int and -(1 << 63) <= value < 1 << 63
        case "real":
            return type(value) in (int, float)
        case "bytes":
            return type(value) is bytes
        case _:
            return type(value) is str


def is_ordered(column: Column) -> bool:
    """Return whether rows can be compared by this column with `<`."""
    if column.kind == "decimal":
        return 0 < column.precision <= ORDERED_DIGITS
    return column.kind not in ("json", "bytes")


def ordinal(value: Any, column: Column) -> Any:
    """Return what is compared in place of a stored value: a decimal's digits as a whole number, else itself.

    A decimal is kept as text at its scale, so its digits without the point have its order, exactly.
    """
    if column.kind == "decimal" and value is not None:
        return int(str(value).replace(".", ""))
    return value


def shown(value: Any, column: Column) -> Any:
    """Return a stored value as the API shows it."""
    if value is None or column.kind in _AS_STORED:
        return value
    match column.kind:
        case "json":
            return json.loads(value)
        case "boolean":
            return bool(value)
        case "bytes":
            return base64.b64encode(value).decode()
        case _:
            return value


def _decimal(text: str, column: Column) -> str:
    if not _NUMBER.match(text) or len(text) > _LONGEST_NUMBER:
        raise ValueError(text)
    try:
        exact = Decimal(text)
        kept = exact.quantize(Decimal(1).scaleb(-column.scale))
    except InvalidOperation:
        raise ValueError(text) from None
    if kept != exact:
        raise ValueError("more places than the column has")
    return format(kept + 0, "f")


def _timestamp(text: str, column: Column) -> str:
    moment = datetime.fromisoformat(text.replace(" ", "+"))  # an unescaped + of a zone arrives as a blank
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    micros = column.precision == 6
    if not micros and moment.microsecond % 1000:
        raise ValueError("finer than the column")
    places = "microseconds" if micros else "milliseconds"
    return moment.replace(tzinfo=None).isoformat(timespec=places) + "Z"
