"""What a field's texts are: a type with everything that reading it needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from adapters.batch.dates import DateFormat
from adapters.batch.moments import MomentFormat
from adapters.batch.reference import Trim
from schemas.entity import AvroType
from schemas.errors import SettingsError

Kind = Literal["text", "integer", "decimal", "date", "timestamp", "boolean"]
_DECLARED = re.compile(r"(\w+)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?")
#: Digits that an Avro int, a long and a decimal always hold.
_INT, _LONG, _DECIMAL = 9, 18, 38


@dataclass(frozen=True, slots=True)
class ValueType:
    """A field's type.

    Attributes:
        kind: what its values are.
        digits: of a number, all together; of a time stamp, those of its second's fraction (3 or 6).
        scale: of a number, those after the decimal mark.
        null: texts that mean nothing; compared without the blanks around them.
        trim: what is cut from a text.
        decimal: the decimal mark.
        implied: digits without a decimal mark have it before their last `scale`.
        grouping: stands between groups of three digits; empty where nothing may.
        true: words that mean true, in small letters; so is `false`.
        false: see `true`.
        date: the form of a date.
        moment: the form of a time stamp.
    """

    kind: Kind = "text"
    digits: int = 0
    scale: int = 0
    null: tuple[str, ...] = ("",)
    trim: Trim = "padding"
    decimal: str = "."
    implied: bool = False
    grouping: str = ""
    true: tuple[str, ...] = ("true",)
    false: tuple[str, ...] = ("false",)
    date: DateFormat | None = None
    moment: MomentFormat | None = None

    @property
    def avro(self) -> AvroType:
        """The Avro type, without the null branch."""
        match self.kind:
            case "text":
                return "string"
            case "boolean":
                return "boolean"
            case "date":
                return {"type": "int", "logicalType": "date"}
            case "timestamp":
                unit = "micros" if self.digits == 6 else "millis"
                return {"type": "long", "logicalType": f"timestamp-{unit}"}
            case "integer" if self.digits <= _LONG:
                return "int" if self.digits <= _INT else "long"
        return {"type": "bytes", "logicalType": "decimal", "precision": self.digits, "scale": self.scale}


def declared(text: str, *, where: str) -> tuple[Kind, int, int]:
    """Return kind, digits and scale of a type's words: `text`, `integer(9)`, `decimal(11,2)`, `timestamp(6)`.

    Raises:
        SettingsError: no such type, or digits that it cannot have.
    """
    match = _DECLARED.fullmatch(text.strip().lower())
    word, first, second = match.groups() if match else ("", None, None)
    digits, scale = int(first or 0), int(second or 0)
    match word:
        case "text" | "date" | "boolean" if first is None:
            return word, 0, 0
        case "timestamp" if second is None and digits in (0, 3, 6):
            return word, digits, 0
        case "integer" if second is None and (first is None or 1 <= digits <= _DECIMAL):
            return word, digits or _LONG, 0
        case "decimal" if first is not None and 1 <= digits <= _DECIMAL and scale <= digits:
            return word, digits, scale
    raise SettingsError(
        f"{text!r} is no type",
        where=where,
        fix="use text, integer, integer(9), decimal(11,2), date, timestamp, timestamp(6) or boolean",
    )
