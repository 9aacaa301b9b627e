"""What the bytes of an elementary item mean: everything a kernel needs, and nothing of the copybook."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from adapters.batch.copybook.checks import BARE
from adapters.batch.copybook.edited import EditedPicture
from adapters.batch.copybook.picture import SIGNED
from adapters.batch.copybook.tree import Item, Sign, Usage
from adapters.batch.dialect import Absent, Dialect
from adapters.batch.overpunch import Overpunch
from schemas.entity import AvroType

#: `hex` is opaque: pointers, and double-byte text unless the code page is a mixed one.
Kind = Literal[
    "text", "national", "hex", "edited", "zoned", "packed", "unsigned-packed", "binary", "hexfloat", "ieee"
]
#: Bytes of the usages without a PICTURE that are whole numbers.
_WHOLE: dict[Usage, int] = {
    "INDEX": 4, "BINARY-CHAR": 1, "BINARY-SHORT": 2, "BINARY-LONG": 4, "BINARY-DOUBLE": 8
}  # fmt: skip


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
        little_endian: least significant byte first (binary, ieee, national).
        justified: text stands at the right.
        blank_when_zero: spaces mean zero.
        alignment: boundary that SYNC asks for, else 1.
        utf16: the characters of a zoned or edited number are UTF-16 (USAGE NATIONAL).
        overpunch, strict, loose: how signs are read (Dialect.overpunch, strict_signs, loose_digits).
        blank, nul: what a number of spaces, or of LOW-VALUES, is.
        lenient: a value that cannot be read is null, not bad.
        nul_is_null: text of LOW-VALUES is null.
        point: where a point is printed among the digits (zoned only; see `Picture.point`).
        pairs: double-byte text without shifts (`hex` only): it is text where the code page is a mixed one.
        edited: the positions of a numeric-edited item that is read as a number.
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
    utf16: bool = False
    overpunch: Overpunch = "translated"
    strict: bool = False
    loose: bool = False
    blank: Absent = "reject"
    nul: Absent = "reject"
    lenient: bool = False
    nul_is_null: bool = False
    edited: EditedPicture | None = None
    point: int | None = None
    pairs: bool = False

    @classmethod
    def of(cls, item: Item, dialect: Dialect) -> Storage:
        """Return the storage of an elementary item.

        Raises:
            ValueError: the item cannot be stored (a binary of more digits than 16 bytes hold).
        """
        return _Maker(item, dialect).storage()

    @property
    def nullable(self) -> bool:
        """True where the bytes themselves may say null: an array of such items needs a null branch."""
        return self.lenient or self.nul_is_null or "null" in (self.blank, self.nul)

    @property
    def is_text(self) -> bool:
        """True where its values are strings."""
        return self.kind in ("text", "national", "hex")

    @property
    def precision(self) -> int:
        """Digits that a value can have, with those that its scale adds."""
        digits = self.digits
        if self.full_range:
            digits = len(str(2 ** (self.length * 8 - self.signed) - 1))
        return max(digits, self.scale, digits - self.scale if self.scale < 0 else 0)

    @property
    def avro(self) -> AvroType:
        """The Avro type of its values: string, int, long, decimal, float or double."""
        if self.is_text:
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
            return "int" if self.length * 8 - self.signed < 32 else "long"
        return "int" if self.precision <= 9 else "long"


@dataclass(frozen=True, slots=True)
class _Maker:
    item: Item
    dialect: Dialect

    def storage(self) -> Storage:
        item, dialect = self.item, self.dialect
        if item.usage in BARE:
            return self._bare()
        picture = item.picture
        assert picture is not None  # the parser refuses such an item without one
        if picture.category == "numeric":
            return self._number()
        if picture.category == "edited" and dialect.edited == "number" and self._edited() is not None:
            return self._edited_number()
        if item.usage == "COMP-X":
            return self._binary(picture.length, signed=False, native=False, digits=0)
        if picture.category == "dbcs" or item.usage == "DISPLAY-1":
            return Storage("hex", picture.length * 2, pairs=True)
        if picture.category == "national" or item.usage == "NATIONAL":
            return Storage(
                "national", picture.length * 2, little_endian=dialect.little_endian_national,
                justified=item.justified, nul_is_null=dialect.nul_text == "null",
            )  # fmt: skip
        return Storage(
            "text", picture.length, justified=item.justified, lenient=dialect.bad_values == "null",
            nul_is_null=dialect.nul_text == "null",
        )  # fmt: skip

    def _bare(self) -> Storage:
        item, dialect = self.item, self.dialect
        usage = item.usage
        if usage in ("COMP-1", "COMP-2"):
            length = 4 if usage == "COMP-1" else 8
            return Storage(
                "hexfloat" if dialect.hex_floats else "ieee", length, signed=True,
                little_endian=dialect.little_endian_floats, alignment=self._aligned(length, length),
                lenient=dialect.bad_values == "null",
            )  # fmt: skip
        if usage in _WHOLE:
            return self._binary(_WHOLE[usage], signed=not item.unsigned, native=True, digits=0)
        # PROCEDURE-POINTER: a code address and one of its environment, eight bytes also on 31-bit systems.
        length = 8 if usage == "PROCEDURE-POINTER" else dialect.pointer_length
        return Storage("hex", length, alignment=self._aligned(length, length))

    def _number(self) -> Storage:
        item, dialect = self.item, self.dialect
        picture = item.picture
        assert picture is not None
        digits, scale, signed = picture.digits, picture.scale, picture.signed
        blank, nul = dialect.blank_numbers, dialect.nul_numbers
        lenient = dialect.bad_values == "null"
        if picture.point is not None and (not dialect.loose_digits or item.usage != "DISPLAY"):
            raise ValueError(f"PICTURE {picture.text} is not a valid character string: S: {SIGNED}")
        if item.usage in ("DISPLAY", "NATIONAL"):
            sign = (item.sign or Sign()) if signed else Sign()
            width = 2 if item.usage == "NATIONAL" else 1
            point = None if picture.point is None else picture.point + (sign.separate and sign.leading)
            length = (digits + sign.separate + (point is not None)) * width
            return Storage(
                "zoned", length, digits, scale, signed, sign.leading, sign.separate,
                blank_when_zero=item.blank_when_zero, utf16=width == 2,
                little_endian=width == 2 and dialect.little_endian_national, overpunch=dialect.overpunch,
                strict=dialect.strict_signs, loose=dialect.loose_digits, lenient=lenient,
                blank=blank, nul=nul, point=point,
            )  # fmt: skip
        if item.usage == "COMP-6" or (item.usage == "COMP-3" and not dialect.packed_sign and not signed):
            return Storage("unsigned-packed", (digits + 1) // 2, digits, scale, lenient=lenient)
        if item.usage == "COMP-3":
            return Storage(
                "packed", digits // 2 + 1, digits, scale, signed, strict=dialect.strict_signs,
                lenient=lenient, blank=blank, nul=nul,
            )  # fmt: skip
        if item.usage in ("COMP-X", "COMP-N"):
            length = _fewest(digits, signed)
            return self._binary(
                length, signed=signed, native=item.usage == "COMP-N", digits=digits, scale=scale
            )
        length = self._binary_length(digits, signed)
        native = item.usage in ("COMP-5", "COMP-9")
        return self._binary(length, signed=signed, native=native, digits=digits, scale=scale)

    def _binary_length(self, digits: int, signed: bool) -> int:
        dialect = self.dialect
        if digits > 18:
            if dialect.long_binaries == "refuse":
                raise ValueError(
                    f"a binary item of {digits} digits: 18 are the limit of dialect {dialect.name}"
                )
            return 16 if dialect.long_binaries == "16" else _fewest(digits, signed)
        if dialect.binary_sizes == "1-8" and self.item.usage != "COMP-9":
            return _fewest(digits, signed)
        # COMP-9 is Cobrix's name for little-endian binaries, with single bytes among them.
        bytes_too = dialect.binary_sizes == "1-2-4-8" or self.item.usage == "COMP-9"
        return 1 if digits <= 2 and bytes_too else 2 if digits <= 4 else 4 if digits <= 9 else 8

    def _binary(self, length: int, *, signed: bool, native: bool, digits: int, scale: int = 0) -> Storage:
        item, dialect = self.item, self.dialect
        if length > 8 and not digits:
            raise ValueError(f"a binary item of {length} bytes: 8 are the limit where no digits are given")
        little = dialect.little_endian_native if native else dialect.little_endian
        little = little or item.usage == "COMP-9"
        boundary = length if length in (2, 4) else dialect.sync_doubleword if length in (8, 16) else 1
        if item.usage.startswith("BINARY-"):
            boundary = 1  # as the one compiler says that was asked, GnuCOBOL
        return Storage(
            "binary", length, digits or len(str(2 ** (length * 8 - signed) - 1)), scale, signed,
            full_range=length <= 8 and (native or item.usage == "COMP-X" or dialect.binary_full_range),
            little_endian=little, alignment=self._aligned(length, boundary),
            lenient=dialect.bad_values == "null",
        )  # fmt: skip

    def _aligned(self, length: int, boundary: int) -> int:
        return boundary if self.item.sync and self.dialect.sync else 1

    def _edited(self) -> EditedPicture | None:
        assert self.item.picture is not None
        return EditedPicture.of(
            self.item.picture, decimal_comma=self.dialect.decimal_comma, currency=self.dialect.currency,
            loose=self.dialect.loose_digits,
        )  # fmt: skip

    def _edited_number(self) -> Storage:
        places, dialect = self._edited(), self.dialect
        assert places is not None
        utf16 = self.item.usage == "NATIONAL"
        return Storage(
            "edited", len(places.symbols) * (2 if utf16 else 1), places.digits, places.scale, places.signed,
            blank_when_zero=self.item.blank_when_zero, utf16=utf16,
            little_endian=utf16 and dialect.little_endian_national, blank=dialect.blank_numbers,
            nul=dialect.nul_numbers, lenient=dialect.bad_values == "null", edited=places,
        )  # fmt: skip


def _fewest(digits: int, signed: bool) -> int:
    """Return the fewest bytes that hold so many digits (Micro Focus' byte-storage mode, GnuCOBOL's 1--8)."""
    return (int(10**digits - 1).bit_length() + signed + 7) // 8
