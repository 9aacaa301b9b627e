"""The canonical record of an operation, mapped to and from each side's document by data alone.

A record is a dict from field name to value. Three things are kept apart (DESIGN 10.7): a field that is
*absent* has no entry, a *nil* one is None, an *empty* one is `""` or `[]`. Each side says what its own
missing, null and empty forms mean, because Avro and SQL columns have only one of the three.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from schemas.entity import AvroType
from schemas.errors import Skippable

Record = dict[str, Any]
Means = Literal["absent", "nil", "empty"]


class MappingError(Skippable):
    """A document cannot be read as the canonical record (or the record not written as a document).

    Args:
        path: the canonical field, and the place inside it. The value itself is never shown.
        reason: what is wrong with it.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(reason, where=path, fix="mend the operation's map or the side that sent this")
        self.path, self.reason = path, reason


@dataclass(frozen=True, slots=True)
class FieldMap:
    """Where one canonical field stands in a side's document, and what its codes are called there.

    Attributes:
        path: names from the document's root, outermost first.
        codes: the side's code → the canonical code; one to one.
        null: what a null (JSON null, `xsi:nil`) at this path means.
        empty: what an empty string at this path means.
    """

    path: tuple[str, ...]
    codes: Mapping[Any, Any] = field(default_factory=dict)
    null: Means = "nil"
    empty: Means = "empty"


@dataclass(frozen=True, slots=True)
class RecordMap:
    """One side's map: canonical field → place; `types` gives each field's Avro type."""

    types: Mapping[str, AvroType]
    fields: Mapping[str, FieldMap]

    def read(self, document: Mapping[str, Any]) -> Record:
        """Return the canonical record that `document` holds.

        Raises:
            MappingError: a value is not of the field's type, or a code is not in the map.
        """
        out: Record = {}
        for name, place in self.fields.items():
            found, value = _find(document, place.path)
            if not found:
                continue
            if value is None:
                _put(out, name, place.null)
            elif value == "" and "" not in place.codes:
                _put(out, name, place.empty)
            else:
                out[name] = _decode(place, value, self.types[name], name)
        return out

    def write(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Return the document for `record`; the inverse of `read` on every record that this side can hold.

        Raises:
            MappingError: this side has no form for an absent, nil or empty field.
        """
        document: dict[str, Any] = {}
        for name, place in self.fields.items():
            form = _form(record, name)
            if form == "value":
                _store(document, place.path, _encode(place, record[name], name))
            elif form == place.null:
                _store(document, place.path, None)
            elif form == place.empty:
                _store(document, place.path, "")
            elif form != "absent":
                raise MappingError(name, f"this side cannot say that it is {form}")
        return document


def typed(avro: AvroType, value: Any, path: str = "") -> Any:
    """Return `value` (from JSON, or already typed) as the Python value of an Avro type.

    Decimals become `Decimal`, dates `date`, timestamps `datetime` (naive stays naive), bytes `bytes`;
    records and arrays are converted inside.

    Raises:
        MappingError: the value is not one of that type.
    """
    if isinstance(avro, list):
        return None if value is None else typed(next(b for b in avro if b != "null"), value, path)
    if isinstance(avro, dict):
        return _typed_complex(avro, value, path)
    match avro:
        case "string" if isinstance(value, str):
            return value
        case "boolean" if isinstance(value, bool):
            return value
        case "boolean" if value in ("true", "false", "1", "0"):
            return value in ("true", "1")
        case "int" | "long" if isinstance(value, (int, str, Decimal)) and not isinstance(value, bool):
            return _converted(_integer, value, path, "not a whole number")
        case "float" | "double" if isinstance(value, (int, float, str, Decimal)) and not isinstance(
            value, bool
        ):
            return _converted(float, value, path, "not a number")
        case "bytes" if isinstance(value, bytes):
            return value
        case "bytes" if isinstance(value, str):
            return _converted(_unbase64, value, path, "not base64")
    raise MappingError(path, f"expected {avro}, found {type(value).__name__}")


def jsonable(avro: AvroType, value: Any) -> Any:
    """Return a typed value as JSON: decimals as strings at their scale, ISO dates, RFC 3339 times in Z."""
    if value is None:
        return None
    if isinstance(avro, list):
        return jsonable(next(b for b in avro if b != "null"), value)
    if isinstance(avro, dict) and avro["type"] == "record":
        types = {f["name"]: f["type"] for f in avro["fields"]}
        return {k: jsonable(types[k], v) for k, v in value.items()}
    if isinstance(avro, dict) and avro["type"] == "array":
        return [jsonable(avro["items"], v) for v in value]
    if isinstance(value, Decimal):
        return _decimal_text(value, avro.get("scale", 0) if isinstance(avro, dict) else 0)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if value.tzinfo else value.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _typed_complex(avro: dict[str, Any], value: Any, path: str) -> Any:
    match avro.get("logicalType", avro["type"]):
        case "decimal":
            return _converted(_decimal, value, path, "not a decimal")
        case "date":
            return _converted(_date, value, path, "not an ISO date")
        case "timestamp-millis" | "timestamp-micros":
            return _converted(_timestamp, value, path, "not an ISO date-time")
        case "record" if isinstance(value, Mapping):
            fields = {f["name"]: f["type"] for f in avro["fields"]}
            return {
                k: v if v is None else typed(fields[k], v, f"{path}.{k}")
                for k, v in value.items()
                if k in fields
            }
        case "array" if isinstance(value, (list, tuple)):
            return [typed(avro["items"], v, f"{path}[{i}]") for i, v in enumerate(value)]
        case "record" | "array":
            raise MappingError(path, f"expected {avro['type']}, found {type(value).__name__}")
    return typed(avro["type"], value, path)


def _converted(convert: Any, value: Any, path: str, reason: str) -> Any:
    try:
        return convert(value)
    except (ValueError, TypeError, ArithmeticError, binascii.Error):
        raise MappingError(path, reason) from None


def _integer(value: int | str | Decimal) -> int:
    if (whole := int(value)) != (Decimal(value) if isinstance(value, str) else value):
        raise ValueError
    return whole


def _decimal(value: Any) -> Decimal:
    if isinstance(value, (bool, float)):  # a float has already lost what a decimal is there to keep
        raise InvalidOperation
    if not (number := Decimal(value)).is_finite():
        raise ValueError
    return number


def _date(value: Any) -> date:
    if isinstance(value, datetime):
        raise TypeError
    return value if isinstance(value, date) else date.fromisoformat(value)


def _timestamp(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def _unbase64(value: str) -> bytes:
    return base64.b64decode(value, validate=True)


def _decimal_text(value: Decimal, scale: int) -> str:
    exact = -int(value.as_tuple().exponent)
    return f"{value:.{max(scale, exact, 0)}f}" if exact <= scale else f"{value:f}"


def _find(document: Mapping[str, Any], path: tuple[str, ...]) -> tuple[bool, Any]:
    here: Any = document
    for name in path:
        if not isinstance(here, Mapping) or name not in here:
            return False, None
        here = here[name]
    return True, here


def _store(document: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for name in path[:-1]:
        document = document.setdefault(name, {})
    document[path[-1]] = value


def _put(out: Record, name: str, means: Means) -> None:
    if means == "nil":
        out[name] = None
    elif means == "empty":
        out[name] = ""


def _form(record: Mapping[str, Any], name: str) -> str:
    if name not in record:
        return "absent"
    value = record[name]
    return "nil" if value is None else "empty" if value == "" else "value"


def _decode(place: FieldMap, value: Any, avro: AvroType, path: str) -> Any:
    if place.codes:
        if value not in place.codes:
            raise MappingError(path, "a code that the map does not know")
        value = place.codes[value]
    return typed(avro, value, path)


def _encode(place: FieldMap, value: Any, path: str) -> Any:
    if not place.codes:
        return value
    for own, canonical in place.codes.items():
        if canonical == value:
            return own
    raise MappingError(path, "a code that the map does not know")
