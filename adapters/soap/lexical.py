"""XSD built-in types: text on the wire ↔ Python value, and the Avro type that holds it (XSD 1.0 part 2)."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from typing import Any, Literal

Kind = Literal["string", "boolean", "integer", "decimal", "float", "date", "dateTime", "base64", "hex"]

_SPACE = re.compile(r"[ \t\r\n]+")
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)\Z", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d+\Z", re.ASCII)
_FLOAT = re.compile(r"([+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?|-?INF|NaN)\Z", re.ASCII)
_DATE = re.compile(r"(\d{4}-\d\d-\d\d)(Z|[+-]\d\d:\d\d)?\Z", re.ASCII)
_DATE_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Builtin:
    """A built-in type.

    Attributes:
        kind: which Python values hold it.
        low, high: bounds of the integer types; None = none.
        collapse: white space around the value is not part of it (all but string and normalizedString).
    """

    kind: Kind
    low: int | None = None
    high: int | None = None
    collapse: bool = True


def _signed(bits: int) -> Builtin:
    return Builtin("integer", -(1 << (bits - 1)), (1 << (bits - 1)) - 1)


def _unsigned(bits: int) -> Builtin:
    return Builtin("integer", 0, (1 << bits) - 1)


_TEXT = Builtin("string")
BUILTINS: dict[str, Builtin] = {
    "string": Builtin("string", collapse=False),
    "normalizedString": Builtin("string", collapse=False),
    "anySimpleType": Builtin("string", collapse=False),
    **dict.fromkeys(
        (
            "token",
            "language",
            "Name",
            "NCName",
            "NMTOKEN",
            "ID",
            "IDREF",
            "ENTITY",
            "anyURI",
            "QName",
            "NOTATION",
        ),
        _TEXT,
    ),
    # Kept as the text that was sent: Avro has no type that holds them without loss.
    **dict.fromkeys(("time", "duration", "gYear", "gYearMonth", "gMonth", "gMonthDay", "gDay"), _TEXT),
    "boolean": Builtin("boolean"),
    "byte": _signed(8),
    "short": _signed(16),
    "int": _signed(32),
    "long": _signed(64),
    "unsignedByte": _unsigned(8),
    "unsignedShort": _unsigned(16),
    "unsignedInt": _unsigned(32),
    "unsignedLong": _unsigned(64),
    "integer": Builtin("integer"),
    "nonNegativeInteger": Builtin("integer", 0),
    "positiveInteger": Builtin("integer", 1),
    "nonPositiveInteger": Builtin("integer", None, 0),
    "negativeInteger": Builtin("integer", None, -1),
    "decimal": Builtin("decimal"),
    "float": Builtin("float"),
    "double": Builtin("float"),
    "date": Builtin("date"),
    "dateTime": Builtin("dateTime"),
    "base64Binary": Builtin("base64"),
    "hexBinary": Builtin("hex"),
}


def collapsed(text: str) -> str:
    """Return a text with its white space collapsed: XML's only, a no-break space is a character."""
    if " ".join(text.split()) == text:
        return text
    return _SPACE.sub(" ", text).strip(" ")


def parse(builtin: Builtin, text: str, zone: tzinfo | None) -> Any:
    """Return the Python value of `text`.

    `zone` is what a dateTime without zone means; None = such a value is not readable, zones are declared
    and never guessed (DESIGN 10.13).

    Raises:
        ValueError: not in the lexical space; the argument says what was expected and never the text.
    """
    if builtin.kind == "string":
        return collapsed(text) if builtin.collapse else text
    return _PARSERS[builtin.kind](text.strip(" \t\r\n"), zone)


def parser(builtin: Builtin, zone: tzinfo | None) -> Callable[[str], Any]:
    """Return `parse` with everything but the text already chosen, for inner loops."""
    if builtin.kind == "string":
        return collapsed if builtin.collapse else str
    read = _PARSERS[builtin.kind]
    return lambda text: read(text.strip(" \t\r\n"), zone)


def render(builtin: Builtin, value: Any) -> str:
    """Return the text for the wire: XSD's canonical form, but a decimal keeps its own scale.

    Raises:
        ValueError: the Python value is not of this type.
    """
    match builtin.kind:
        case "string" if isinstance(value, str):
            return value
        case "boolean" if isinstance(value, bool):
            return "true" if value else "false"
        case "integer" if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        case "decimal" if isinstance(value, Decimal | int | str) and not isinstance(value, bool):
            return f"{_decimal(str(value), None) if isinstance(value, str) else Decimal(value):f}"
        case "float" if isinstance(value, float | int) and not isinstance(value, bool):
            return _render_float(float(value))
        case "date" if isinstance(value, str) or (
            isinstance(value, date) and not isinstance(value, datetime)
        ):
            return (_date(value, None) if isinstance(value, str) else value).isoformat()
        case "dateTime" if isinstance(value, datetime | str):
            return _render_date_time(_date_time(value, None) if isinstance(value, str) else value)
        case "base64" if isinstance(value, bytes):
            return base64.b64encode(value).decode("ascii")
        case "hex" if isinstance(value, bytes):
            return value.hex().upper()
    raise ValueError(f"a {builtin.kind} is expected, not a {type(value).__name__}")


def _boolean(text: str, _: tzinfo | None) -> bool:
    if text in ("true", "1"):
        return True
    if text in ("false", "0"):
        return False
    raise ValueError("true, false, 1 or 0 is expected")


def _integer(text: str, _: tzinfo | None) -> int:
    if not _INTEGER.match(text) or len(text) > 100:
        raise ValueError("a whole number is expected")
    return int(text)


def _decimal(text: str, _: tzinfo | None) -> Decimal:
    if not _DECIMAL.match(text) or len(text) > 100:
        raise ValueError("a decimal number is expected")
    return Decimal(text)


def _float(text: str, _: tzinfo | None) -> float:
    if not _FLOAT.match(text):
        raise ValueError("a floating-point number is expected")
    return float(text)


def _date(text: str, _: tzinfo | None) -> date:
    # A zone on a date is allowed by XSD and says nothing that an Avro date could hold; `faithful` sees it.
    if match := _DATE.match(text):
        try:
            return date.fromisoformat(match[1])
        except ValueError:
            pass
    raise ValueError("a date (YYYY-MM-DD) is expected")


def _date_time(text: str, zone: tzinfo | None) -> datetime:
    match = _DATE_TIME.match(text)
    if not match:
        raise ValueError("a dateTime (YYYY-MM-DDThh:mm:ss) is expected")
    fraction = (match[2] or "").rstrip("0")
    if len(fraction) > 3:
        raise ValueError("a dateTime no finer than a millisecond is expected")
    try:
        moment = datetime.fromisoformat(match[1] + (match[3] or ""))
    except ValueError:
        raise ValueError("a dateTime that exists is expected") from None
    moment = moment.replace(microsecond=int(fraction.ljust(6, "0")) if fraction else 0)
    if moment.tzinfo is None:
        if zone is None:
            raise ValueError("a dateTime with a zone is expected, or declare `zone` for this system")
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a dateTime between the years 1 and 9999 is expected") from None


def _render_date_time(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("a dateTime with a zone is expected")
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{moment.microsecond:06d}".rstrip("0")
    return f"{moment.year:04d}{text[text.index('-') :]}" + (f".{fraction}" if fraction else "") + "Z"


def _render_float(value: float) -> str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "INF" if value > 0 else "-INF"
    return repr(value)


def _base64(text: str, _: tzinfo | None) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except binascii.Error:
        raise ValueError("base64 is expected") from None


def _hex(text: str, _: tzinfo | None) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError("hexadecimal digits are expected") from None


_PARSERS: dict[str, Callable[[str, tzinfo | None], Any]] = {
    "boolean": _boolean,
    "integer": _integer,
    "decimal": _decimal,
    "float": _float,
    "date": _date,
    "dateTime": _date_time,
    "base64": _base64,
    "hex": _hex,
}
