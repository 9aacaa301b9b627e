"""Compile a simple type into a function from text to checked value: the inner loop of every decode."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from adapters.soap.errors import BadValue
from adapters.soap.lexical import BUILTINS, Builtin, parser
from adapters.soap.xsd_types import SimpleType

Decode = Callable[[str], Any]
Check = Callable[[Any], None]


def text_decoder(kind: SimpleType, zone: tzinfo | None) -> Decode:
    """Return the decoder of one simple type; it raises BadValue with an empty path."""
    builtin = BUILTINS[kind.base]
    read = parser(builtin, zone)
    checks = _checks(kind, builtin, read)

    def decode(text: str) -> Any:
        try:
            value = read(text)
        except ValueError as error:
            raise BadValue("", str(error)) from None
        for check in checks:
            check(value)
        return value

    if builtin.kind == "string" and not checks:
        return read
    return decode


def digits(value: Decimal) -> tuple[int, int]:
    """Return how many digits the value needs before and after the point, trailing zeros not counted."""
    _, figures, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, figures)).lstrip("0")
    if exponent < 0:
        while exponent < 0 and text.endswith("0"):
            text, exponent = text[:-1], exponent + 1
    if not text:
        return 0, 0
    return max(len(text) + exponent, 0), max(-exponent, 0)


def _checks(kind: SimpleType, builtin: Builtin, read: Decode) -> tuple[Check, ...]:
    checks: list[Check] = []
    if kind.enumeration:
        checks.append(_one_of(frozenset(read(text) for text in kind.enumeration)))
    if builtin.kind == "integer" and (builtin.low is not None or builtin.high is not None):
        checks.append(_between(kind.base, builtin.low, builtin.high))
    if builtin.kind in ("integer", "decimal"):
        if kind.minimum is not None or kind.maximum is not None:
            checks.append(_bounds(kind))
        if kind.total_digits is not None or kind.fraction_digits is not None:
            checks.append(_sizes(kind.total_digits, kind.fraction_digits))
    if kind.min_length is not None or kind.max_length is not None:
        checks.append(_lengths(kind.min_length or 0, kind.max_length))
    return tuple(checks)


def _one_of(allowed: frozenset[Any]) -> Check:
    def check(value: Any) -> None:
        if value not in allowed:
            raise BadValue("", "not one of the enumerated values")

    return check


def _between(name: str, low: int | None, high: int | None) -> Check:
    def check(value: int) -> None:
        if (low is not None and value < low) or (high is not None and value > high):
            raise BadValue("", f"outside the range of xs:{name}")

    return check


def _bounds(kind: SimpleType) -> Check:
    low, high = kind.minimum, kind.maximum

    def check(value: Decimal | int) -> None:
        if low is not None and (value < low or (kind.exclusive_minimum and value == low)):
            raise BadValue("", f"below the minimum of {low}")
        if high is not None and (value > high or (kind.exclusive_maximum and value == high)):
            raise BadValue("", f"above the maximum of {high}")

    return check


def _sizes(total: int | None, fraction: int | None) -> Check:
    def check(value: Decimal | int) -> None:
        whole, after = digits(Decimal(value))
        if fraction is not None and after > fraction:
            raise BadValue("", f"more than {fraction} fraction digits")
        if total is not None and whole + after > total:
            raise BadValue("", f"more than {total} digits")

    return check


def _lengths(low: int, high: int | None) -> Check:
    def check(value: str | bytes) -> None:
        if len(value) < low:
            raise BadValue("", f"shorter than {low}")
        if high is not None and len(value) > high:
            raise BadValue("", f"longer than {high}")

    return check
