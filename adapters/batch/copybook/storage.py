"""What the bytes of an elementary item mean: everything a kernel needs, and nothing of the copybook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from adapters.batch.copybook.tree import Item, Sign
from adapters.batch.dialect import Dialect
from schemas.entity import AvroType

Kind = Literal["text", "zoned", "packed", "binary", "hexfloat", "ieee"]


@dataclass(frozen=True, slots=True)
class Storage:
    """Bytes of one elementary item.

    Attributes:
        kind: which kernel reads it.
        length: bytes.
        digits: decimal digits that the value may have.
        scale: digits after the point; negative multiplies.
        signed: a sign is stored.
        sign_leading: the sign is at the front (zoned only).
        sign_separate: the sign is a character of its own (zoned only).
        full_range: the bytes, not `digits`, limit the value (binary only).
        little_endian: least significant byte first (binary and ieee).
        justified: text stands at the right.
        blank_when_zero: spaces mean zero.
        alignment: boundary that SYNC asks for, else 1.
    """

    kind: Kind
    length: int
    digits: int = 0
    scale: int = 0
    signed: bool = False
    sign_leading: bool = False
    sign_separate: bool = False
    full_range: bool = False
    little_endian: bool = False
    justified: bool = False
    blank_when_zero: bool = False
    alignment: int = 1

    @classmethod
    def of(cls, item: Item, dialect: Dialect) -> Storage:
        """Return the storage of an elementary item.

        Raises:
            ValueError: the item cannot be stored (a binary of more than 18 digits).
        """
        if item.usage in ("COMP-1", "COMP-2"):
            length = 4 if item.usage == "COMP-1" else 8
            kind: Kind = "hexfloat" if dialect.hex_floats else "ieee"
            return cls(kind, length, signed=True, alignment=length if item.sync else 1)
        picture = item.picture
        assert picture is not None  # the parser refuses an elementary item without one
        if picture.category != "numeric":
            return cls("text", picture.length, justified=item.justified)
        digits, scale, signed = picture.digits, picture.scale, picture.signed
        if item.usage == "COMP-3":
            return cls("packed", digits // 2 + 1, digits, scale, signed)
        if item.usage == "DISPLAY":
            sign = (item.sign or Sign()) if signed else Sign()
            length = digits + sign.separate
            return cls(
                "zoned", length, digits, scale, signed, sign.leading, sign.separate,
                blank_when_zero=item.blank_when_zero,
            )  # fmt: skip
        if digits > 18:
            raise ValueError(f"a binary item of {digits} digits: 18 are the limit")
        length = 2 if digits <= 4 else 4 if digits <= 9 else 8
        alignment = min(length, dialect.sync_doubleword) if length == 8 else length
        native = item.usage == "COMP-5"
        return cls(
            "binary", length, digits, scale, signed,
            full_range=native or dialect.binary_full_range,
            little_endian=native and dialect.little_endian_native,
            alignment=alignment if item.sync else 1,
        )  # fmt: skip

    @property
    def precision(self) -> int:
        """Digits that a value can have, with those that its scale adds."""
        digits = self.digits
        if self.full_range:
            digits = {2: 5, 4: 10, 8: 19 if self.signed else 20}[self.length]
        return max(digits, self.scale, digits - self.scale if self.scale < 0 else 0)

    @property
    def avro(self) -> AvroType:
        """The Avro type of its values: string, int, long, decimal, float or double."""
        if self.kind == "text":
            return "string"
        if self.kind in ("hexfloat", "ieee"):
            return "float" if self.length == 4 else "double"
        if self.scale > 0 or self.precision > (19 if self.full_range and self.signed else 18):
            return {
                "type": "bytes",
                "logicalType": "decimal",
                "precision": self.precision,
                "scale": max(self.scale, 0),
            }
        if self.full_range and self.scale >= 0:
            return "int" if self.length == 2 or (self.length == 4 and self.signed) else "long"
        return "int" if self.precision <= 9 else "long"
