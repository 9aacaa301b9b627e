"""Simple types: compiled into a function from text to checked value, for every inner loop, and back.

A list is a Python list; a union is the value of its first member that takes the text.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from adapters.soap.errors import BadValue
from adapters.soap.lexical import BUILTINS, Builtin, collapsed, parser, render
from adapters.soap.xsd_regex import matcher
from adapters.soap.xsd_types import SimpleType

Decode = Callable[[str], Any]
Check = Callable[[Any], None]


def text_decoder(kind: SimpleType, zone: tzinfo | None) -> Decode:
    """Return the decoder of one simple type; it raises BadValue with an empty path."""
    if kind.variety == "list":
        return _list_decoder(kind, zone)
    if kind.variety == "union":
        return _union_decoder(kind, zone)
    builtin = BUILTINS[kind.base]
    read = parser(builtin, zone)
    checks = _checks(kind, builtin, read)
    patterns = _patterns(kind)
    squeeze = builtin.kind != "string" or builtin.collapse

    def decode(text: str) -> Any:
        try:
            value = read(text)
        except ValueError as error:
            raise BadValue("", str(error)) from None
        for check in checks:
            check(value)
        for pattern in patterns:
            pattern(collapsed(text) if squeeze else text)
        return value

    if builtin.kind == "string" and not checks and not patterns:
        return read
    return decode


def render_text(kind: SimpleType, value: Any) -> str:
    """Return the text of a value, not checked against the facets.

    Raises:
        ValueError: the Python value is not of this type.
    """
    if kind.variety == "list":
        return _render_list(kind, value)
    if kind.variety == "union":
        return _render_union(kind, value)
    return render(BUILTINS[kind.base], value)


def _list_decoder(kind: SimpleType, zone: tzinfo | None) -> Decode:
    item = text_decoder(kind.item or SimpleType("string"), zone)
    allowed = frozenset(collapsed(text) for text in kind.enumeration)
    checks = _length_checks(kind)
    patterns = _patterns(kind)

    def decode(text: str) -> list[Any]:
        values = [item(part) for part in collapsed(text).split(" ") if part]
        for check in checks:
            check(values)
        if allowed or patterns:
            text = collapsed(text)
            if allowed and text not in allowed:
                raise BadValue("", "not one of the enumerated values")
            for pattern in patterns:
                pattern(text)
        return values

    return decode


def _union_decoder(kind: SimpleType, zone: tzinfo | None) -> Decode:
    members = [text_decoder(member, zone) for member in kind.members]
    patterns = _patterns(kind)
    allowed: list[Any] = []

    def decode(text: str) -> Any:
        for pattern in patterns:
            pattern(text)
        for member in members:
            try:
                value = member(text)
            except BadValue:
                continue
            if kind.enumeration and value not in allowed:
                raise BadValue("", "not one of the enumerated values")
            return value
        raise BadValue("", "none of the union's types takes it")

    for text in kind.enumeration:
        for member in members:
            try:
                allowed.append(member(text))
            except BadValue:
                continue
            break
    return decode


def _render_list(kind: SimpleType, value: Any) -> str:
    if not isinstance(value, list | tuple):
        raise ValueError(f"a list is expected, not a {type(value).__name__}")
    texts = [render_text(kind.item or SimpleType("string"), item) for item in value]
    if any(not text or collapsed(text) != text or " " in text for text in texts):
        raise ValueError("an item of a list has no white space and is not empty")
    return " ".join(texts)


def _render_union(kind: SimpleType, value: Any) -> str:
    """The text by the first member that gives this very value again; 1 and True are two values."""
    for member in kind.members:
        try:
            text = render_text(member, value)
            again = text_decoder(member, None)(text)
        except (ValueError, ArithmeticError, BadValue):
            continue
        if type(again) is type(value) or not isinstance(value, bool | str):
            return text
    for member in kind.members:
        try:
            return render_text(member, value)
        except (ValueError, ArithmeticError):
            continue
    raise ValueError("none of the union's types takes it")


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
    if builtin.kind in ("integer", "decimal", "float"):
        if kind.minimum is not None or kind.maximum is not None:
            checks.append(_bounds(kind))
        has_digits = kind.total_digits is not None or kind.fraction_digits is not None
        if has_digits and builtin.kind != "float":
            checks.append(_sizes(kind.total_digits, kind.fraction_digits))
    if kind.bounds:
        checks.append(_ordered(kind, read))
    return (*checks, *_length_checks(kind))


def _length_checks(kind: SimpleType) -> tuple[Check, ...]:
    if kind.min_length is None and kind.max_length is None:
        return ()
    return (_lengths(kind.min_length or 0, kind.max_length),)


def _patterns(kind: SimpleType) -> tuple[Callable[[str], None], ...]:
    """One check for each derivation step: any of its patterns must match.

    A pattern that is none of XSD's is documentation: the importer reports it.
    """
    steps = kind.patterns or (((kind.pattern,),) if kind.pattern else ())
    found = []
    for step in steps:
        try:
            tests = [matcher(pattern) for pattern in step]
        except ValueError:
            continue
        found.append(_any_pattern(tests))
    return tuple(found)


def _any_pattern(tests: list[Callable[[str], bool]]) -> Callable[[str], None]:
    def check(text: str) -> None:
        if not any(test(text) for test in tests):
            raise BadValue("", "does not match the pattern")

    return check


def _ordered(kind: SimpleType, read: Decode) -> Check:
    """Bounds of dates and times; those of times and durations that are kept as text are not compared."""
    bounds = []
    for facet, text in kind.bounds:
        try:
            bounds.append((facet, read(text)))
        except ValueError:
            continue

    def check(value: Any) -> None:
        for facet, bound in bounds:
            if isinstance(bound, str):
                continue
            below = value < bound or (value == bound and facet == "minExclusive")
            above = value > bound or (value == bound and facet == "maxExclusive")
            if (below and facet.startswith("min")) or (above and facet.startswith("max")):
                raise BadValue("", f"outside the bound {facet}")

    return check


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
    def check(value: str | bytes | list[Any]) -> None:
        if len(value) < low:
            raise BadValue("", f"shorter than {low}")
        if high is not None and len(value) > high:
            raise BadValue("", f"longer than {high}")

    return check
