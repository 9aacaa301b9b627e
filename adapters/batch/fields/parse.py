"""One text to one value: slow, obvious, the twin of `convert`, and what tells why a text is none."""

from __future__ import annotations

import datetime
import functools
import re
from decimal import Decimal

from adapters.batch.fields.value_type import ValueType
from adapters.batch.moments import micros
from adapters.batch.reference import EXACT, BadValueError, trimmed

Value = str | int | bool | Decimal | datetime.date | datetime.datetime
#: Blanks around a value: spaces, tabs, and the NULs of LOW-VALUES.
BLANKS = " \t\0"


def parse(text: str, kind: ValueType) -> Value | None:
    """Return the value of a text, None where it means nothing.

    Raises:
        BadValueError: it is no value of the type. The message holds no data.
    """
    bare = text.strip(BLANKS)
    if bare in kind.null:
        return None
    match kind.kind:
        case "text":
            return trimmed(text, kind.trim)
        case "integer" | "decimal":
            return _number(bare, kind)
        case "date":
            assert kind.date is not None
            return kind.date.value(bare)
        case "timestamp":
            return _moment(bare, kind)
    word = bare.lower()
    if word in kind.true or word in kind.false:
        return word in kind.true
    raise BadValueError("neither a word for true nor one for false")


def _moment(text: str, kind: ValueType) -> datetime.datetime:
    assert kind.moment is not None
    moment = kind.moment.value(text)
    if kind.digits != 6 and micros(moment) % 1000:
        raise BadValueError("finer than milliseconds (declare timestamp(6))")
    return moment


def _number(text: str, kind: ValueType) -> int | Decimal:
    match = re.fullmatch(number_pattern(kind.decimal, kind.grouping), text)
    if match is None:
        raise BadValueError(_why_no_number(text, kind))
    whole, fraction, exponent = match["whole"], match["fraction"] or "", match["exponent"]
    digits = (whole.replace(kind.grouping, "") if kind.grouping else whole) + fraction
    shift = int(exponent or 0) - len(fraction)
    if kind.implied and match["fraction"] is None:
        shift -= kind.scale
    value = Decimal(digits).scaleb(shift, EXACT)
    unscaled = value.scaleb(kind.scale, EXACT)
    if unscaled != unscaled.to_integral_value():
        raise BadValueError(f"more than {kind.scale} digits after the decimal mark")
    if unscaled >= 10**kind.digits:
        raise BadValueError(f"more than {kind.digits - kind.scale} digits before the decimal mark")
    signs = [match["lead"], match["trail"], "-" if match["open"] else None]
    if bool(match["open"]) != bool(match["close"]) or sum(s is not None for s in signs) > 1:
        raise BadValueError("more than one sign")
    if any(s not in (None, "+") for s in signs):
        unscaled = -unscaled
    if kind.kind == "integer" and kind.digits <= 18:
        return int(unscaled)
    return Decimal(int(unscaled)).scaleb(-kind.scale, EXACT)


@functools.cache
def number_pattern(decimal: str, grouping: str) -> str:
    """Return numbers as a regular expression.

    Signs stand before or behind; CR and DB (COBOL's edited credit and debit) and parentheses are minus.
    """
    point, group = re.escape(decimal), re.escape(grouping)
    grouped = rf"[0-9]{{1,3}}(?:{group}[0-9]{{3}})+|" if grouping else ""
    return (
        rf"(?P<open>\()?(?P<lead>[+-])? ?(?P<whole>{grouped}[0-9]+|(?={point}[0-9]))"
        rf"(?:{point}(?P<fraction>[0-9]*))?(?:[eE](?P<exponent>[+-]?[0-9]{{1,2}}))?"
        rf"(?P<trail> ?(?:[+-]|CR|DB))?(?P<close>\))?"
    )


def _why_no_number(text: str, kind: ValueType) -> str:
    if not text:
        return "a number is blank"
    strange = next((c for c in text if c not in f"0123456789+-{kind.decimal}{kind.grouping}"), "")
    if strange:
        return f"character U+{ord(strange):04X} is no digit"
    return "signs and digits do not make a number"
