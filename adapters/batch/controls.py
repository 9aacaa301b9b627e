"""Control records of copybook files: where they say what, and whether they agree with the file's name."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Slot
from adapters.batch.dates import DateFormat
from adapters.batch.ledger import Said, Total
from adapters.batch.reference import BadValueError, decode_value


@dataclass(frozen=True, slots=True)
class Control:
    """A kind of control record: where it stands, and its promises.

    Attributes:
        name: `header`, `trailer`, `batch header` or `batch trailer`.
        promises: the field of each promise, and what it promises about the file, or about its batch.
        date, date_format: the business date.
        sequence: the file's number.
        in_name: what the file's name says about date and sequence.
    """

    name: str
    promises: tuple[tuple[Slot, Total], ...] = ()
    date: Slot | None = None
    date_format: DateFormat | None = None
    sequence: Slot | None = None
    in_name: re.Pattern[str] | None = None

    @property
    def totals(self) -> tuple[Total, ...]:
        """The promises without their places."""
        return tuple(total for _, total in self.promises)

    def said(self, raw: bytes, page: CodePage) -> Said:
        """Return what a record says for each promise."""
        return [_number(raw, slot, page) for slot, _ in self.promises]

    def file_number(self, raw: bytes, page: CodePage) -> Decimal | str | None:
        """Return the file's number, or why it cannot be read; None where none is declared."""
        return None if self.sequence is None else _number(raw, self.sequence, page)

    def against_name(self, raw: bytes, page: CodePage, name: str) -> list[str]:
        """Return where the record's date and number are not those in the file's name."""
        match = self.in_name.search(name) if self.in_name else None
        groups: Mapping[str, str | None] = match.groupdict() if match else {}
        found = []
        if self.date is not None and self.date_format is not None:
            said = _day(raw, self.date, self.date_format, page)
            named = groups.get("date")
            found += self._compared("date", said, self.date, named, _iso(named or ""))
        if self.sequence is not None:
            named = groups.get("sequence")
            number = _number(raw, self.sequence, page)
            found += self._compared("sequence", number, self.sequence, named, Decimal(named or 0))
        return found

    def _compared(self, what: str, said: object, slot: Slot, named: str | None, value: object) -> list[str]:
        if isinstance(said, str):
            return [f"the {self.name}'s {slot.path} cannot be read: {said}"]
        if named is None or said == value:
            return []
        return [f"the {self.name}'s {what} is {said}, the file's name says {named}"]


def _number(raw: bytes, slot: Slot, page: CodePage) -> Decimal | str:
    try:
        value = _value(raw, slot, page)
    except BadValueError as error:
        return str(error)
    if isinstance(value, str):
        return Decimal(value.strip()) if value.strip().isdecimal() else "it is no number"
    return Decimal(str(value))


def _day(raw: bytes, slot: Slot, form: DateFormat, page: CodePage) -> datetime.date | str:
    assert slot.storage is not None  # find() returns elementary items
    try:
        value = _value(raw, slot, page)
        return form.value(value if isinstance(value, str) else f"{value:0{slot.storage.digits}d}")
    except BadValueError as error:
        return str(error)


def _value(raw: bytes, slot: Slot, page: CodePage) -> object:
    assert slot.storage is not None  # find() returns elementary items
    piece = raw[slot.offset : slot.offset + slot.length]
    if len(piece) < slot.length:
        raise BadValueError("the record ends before it")
    return decode_value(piece, slot.storage, page, "both")


def _iso(text: str) -> datetime.date | None:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        return None
