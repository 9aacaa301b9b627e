"""What tells a record's length where no descriptor word does: a field, a map by record type, a header."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Slot
from adapters.batch.framing.chain import LengthError, Prefix
from adapters.batch.framing.expression import Expression
from adapters.batch.reference import BadValueError, decode_value
from schemas.errors import SettingsError

_BYTE = re.compile(r"b(\d+)")


@dataclass(frozen=True, slots=True)
class Trims:
    """Bytes that stand before and behind each record and are no part of it."""

    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class FieldMeasure:
    """The record's length is an expression over its own fields."""

    expression: Expression
    slots: Mapping[str, Slot]
    page: CodePage
    trims: Trims
    longest: int

    @property
    def prefix(self) -> Prefix:
        """The chain rule: the bytes from the first to the last of the fields tell the length."""
        first, last = self._reach
        start, end = self.trims.start, self.trims.end
        return Prefix(start + first, start + last, start, end, self.total, "the length field")

    def total(self, raw: bytes) -> int:
        """Return the distance to the next record.

        Raises:
            LengthError: a field is no number, or the length is impossible.
        """
        first, last = self._reach
        values: dict[str, int] = {}
        for name, slot in self.slots.items():
            assert slot.storage is not None  # find() returns elementary items
            try:
                value = decode_value(
                    raw[slot.offset - first : slot.offset - first + slot.length], slot.storage, self.page
                )
                values[name] = _whole(value)
            except BadValueError as error:
                raise LengthError(f"{slot.path} tells no length: {error}") from None
        length = _result(self.expression, values)
        return self.trims.start + _believed(length, last, self.longest) + self.trims.end

    @property
    def _reach(self) -> tuple[int, int]:
        slots = self.slots.values()
        return min(s.offset for s in slots), max(s.offset + s.length for s in slots)


@dataclass(frozen=True, slots=True)
class MapMeasure:
    """The record's length follows from the value of one field, as bytes."""

    slot: Slot
    lengths: Mapping[bytes, int]
    other: int | None
    trims: Trims

    @property
    def prefix(self) -> Prefix:
        """The chain rule: the field's bytes tell the length."""
        first = self.trims.start + self.slot.offset
        start, end = self.trims.start, self.trims.end
        return Prefix(first, first + self.slot.length, start, end, self.total, self.slot.path)

    def total(self, raw: bytes) -> int:
        """Return the distance to the next record.

        Raises:
            LengthError: the map does not have this value.
        """
        length = self.lengths.get(raw, self.other)
        if length is None:
            raise LengthError(f"{self.slot.path} has a value that frame.lengths does not have")
        return self.trims.start + length + self.trims.end


@dataclass(frozen=True, slots=True)
class HeaderMeasure:
    """A header of its own kind stands before each record; its bytes are called b0, b1 and so on."""

    size: int
    length: Expression
    valid: Mapping[int, tuple[int, ...]]
    trims: Trims
    longest: int

    @property
    def prefix(self) -> Prefix:
        """The chain rule: the header's bytes that count tell the length."""
        used = [*self.valid, *(byte_of(name) for name in self.length.names)]
        first, last = min(used, default=0), max(used, default=0) + 1
        head, end = self.size + self.trims.start, self.trims.end
        return Prefix(first, last, head, end, self.total, "the record header")

    def total(self, raw: bytes) -> int:
        """Return the distance to the next header, negative where this one begins no record.

        Raises:
            LengthError: the length is impossible.
        """
        first = self.prefix.first
        values = {name: raw[byte_of(name) - first] for name in self.length.names}
        total = self.size + _believed(_result(self.length, values), 0, self.longest)
        wanted = all(raw[at - first] in allowed for at, allowed in self.valid.items())
        return total if wanted else -total


def byte_of(name: str) -> int:
    """Return the position that a name of a header's byte stands for: `b3` is 3, which is the fourth.

    Raises:
        SettingsError: the name is none.
    """
    found = _BYTE.fullmatch(name.lower())
    if found is None:
        raise SettingsError(
            f"{name!r} is no byte of a header", where="frame", fix="call the header's bytes b0, b1, b2…"
        )
    return int(found[1])


def _whole(value: object) -> int:
    number = Decimal(str(value)) if not isinstance(value, str) else _number(value)
    if number != number.to_integral_value():
        raise BadValueError("it is no whole number")
    return int(number)


def _number(text: str) -> Decimal:
    if not text.strip().isdecimal():
        raise BadValueError("it is no number")
    return Decimal(text.strip())


def _result(expression: Expression, values: Mapping[str, int]) -> int:
    try:
        return expression.value(values)
    except ZeroDivisionError:
        raise LengthError(f"{expression.text} divides by zero") from None


def _believed(length: int, least: int, longest: int) -> int:
    if length <= 0:
        raise LengthError(f"the length is {length} bytes")
    if length < least:
        raise LengthError(f"the length is {length} bytes, but the field that tells it ends at byte {least}")
    if length > longest:
        raise LengthError(f"the length is {length} bytes; at most {longest} are believed")
    return length
