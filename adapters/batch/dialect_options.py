"""`[dialect_options]`: single settings of a dialect, each with its meaning; the rest stay the profile's."""

from __future__ import annotations

import dataclasses
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from adapters.batch.codepage import Newline
from adapters.batch.dialect import Absent, BinarySizes, Dialect, LongBinaries, Trim
from adapters.batch.overpunch import Overpunch


class DialectOptions(BaseModel):
    """How this file differs from its dialect's profile."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    binary_sizes: BinarySizes | None = Field(
        None,
        description="Bytes of a COMP item by its digits: `2-4-8` (4, 9, 18 digits), `1-2-4-8` (2 digits are "
        "a byte), or `1-8` (as few bytes as hold the digits).",
    )
    long_binaries: LongBinaries | None = Field(
        None, description="A COMP item of 19 digits and more: `refuse`, `16` bytes, or the `fewest`."
    )
    binary_full_range: bool | None = Field(
        None,
        description="A COMP item may hold what its bytes can (TRUNC(BIN)), not just its PICTURE.",
    )
    sync: bool | None = Field(None, description="SYNCHRONIZED makes slack bytes; else it says nothing.")
    sync_doubleword: Literal[4, 8] | None = Field(
        None, description="The boundary that SYNCHRONIZED gives binaries of 8 bytes."
    )
    slack_in_groups: bool | None = Field(
        None,
        description="Slack before a group's first item lies inside it, and that of an occurrence before "
        "its last item (GnuCOBOL); else before the group, and at the occurrence's end.",
    )
    little_endian: bool | None = Field(None, description="COMP and COMP-X have their lowest byte first.")
    little_endian_native: bool | None = Field(None, description="So have COMP-5, COMP-N, INDEX, BINARY-LONG.")
    hex_floats: bool | None = Field(
        None, description="COMP-1 and COMP-2 are IBM hexadecimal floats; else IEEE 754."
    )
    little_endian_floats: bool | None = Field(None, description="Floats have their bytes in reverse order.")
    pointer_length: Literal[4, 8] | None = Field(None, description="Bytes of a POINTER.")
    overpunch: Overpunch | None = Field(
        None,
        description="Signs inside zoned digits of ASCII files: `translated` (`{`, A-I plus, `}`, J-R minus), "
        "`microfocus` (p-y minus; GnuCOBOL too), `realia` (blank to `)` minus), `fujitsu` (`@`, A-I plus, "
        "P-Y minus). EBCDIC files have their signs in the zone.",
    )
    strict_signs: bool | None = Field(
        None, description="Only C, D and F are signs of zoned and packed numbers; else A, B and E too."
    )
    loose_digits: bool | None = Field(
        None, description="Zoned numbers may have blanks, NULs and a sign at any place, as Cobrix takes them."
    )
    packed_sign: bool | None = Field(
        None,
        description="An unsigned COMP-3 has a sign nibble; else it is stored like COMP-6.",
    )
    blank_numbers: Absent | None = Field(
        None, description="A number of spaces where digits should be: `reject`, `zero` or `null`."
    )
    nul_numbers: Absent | None = Field(
        None, description="A zoned, packed or edited number of LOW-VALUES: `reject`, `zero` or `null`."
    )
    bad_values: Literal["reject", "null"] | None = Field(
        None, description="Bytes that are no value of their item: a bad record, or `null` without a word."
    )
    nul_text: Literal["keep", "null"] | None = Field(
        None, description="Text of LOW-VALUES: `keep` (it is trimmed as padding) or `null`."
    )
    trim: Trim | None = Field(
        None,
        description="What is cut from text: `padding` at its end, blanks at the `left` or `both` ends, "
        "`all` control characters there too, or `none`.",
    )
    edited: Literal["text", "number"] | None = Field(
        None, description="Numeric-edited items (PIC Z,ZZ9.99-) are text as they stand, or numbers."
    )
    currency: str | None = Field(
        None, min_length=1, max_length=1, description="CURRENCY SIGN, where it is none of $, £, ¥ and €."
    )
    decimal_comma: bool | None = Field(None, description="DECIMAL-POINT IS COMMA, for edited numbers.")
    little_endian_national: bool | None = Field(
        None, description="NATIONAL items are UTF-16LE; else UTF-16BE."
    )
    newline: Newline | None = Field(
        None,
        description="EBCDIC 0x15 and 0x25: `nel` (NEL and LF, IBM's tables) or `lf` (LF and NEL).",
    )

    def applied(self, dialect: Dialect) -> Dialect:
        """Return the dialect with the options that are set."""
        return dataclasses.replace(dialect, **self.model_dump(exclude_none=True))
