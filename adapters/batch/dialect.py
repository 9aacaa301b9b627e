"""What compilers do differently, as data: a profile is a row of settings, never an `if` on its name.

Sources, by profile: IBM Enterprise COBOL for z/OS Language Reference ("USAGE clause", "SYNCHRONIZED clause")
and Programming Guide (TRUNC, NUMPROC, ARITH); the configuration files of GnuCOBOL (`default.conf`:
binary-size, binary-byteorder, binary-truncate, synchronized-clause) and what its compiler does, which the
oracle tests run; Micro Focus Visual COBOL documentation ("Selection of Character Representation and Radix",
"The SYNCHRONIZED Clause", directives IBMCOMP, SIGN, COMP-6); Fujitsu NetCOBOL User's Guide (BINARY compile
option) and COBOL2000 Reference Manual ("BINARY phrase"); Cobrix's decoders (BinaryUtils, BCDNumberDecoders,
StringDecoders). The settings are described one by one in `dialect_options`; `docs/dialects.md` tabulates the
profiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from adapters.batch.codepage import CodePage, Newline
from adapters.batch.overpunch import Overpunch
from schemas.errors import SettingsError

#: Bytes of a binary of n digits: halfword, fullword, doubleword; the same and a byte; or as few as hold it.
BinarySizes = Literal["2-4-8", "1-2-4-8", "1-8"]
#: A binary of 19 digits and more: an error, 16 bytes, or as few as hold it.
LongBinaries = Literal["refuse", "16", "fewest"]
#: What a number that is blank, or all LOW-VALUES, is.
Absent = Literal["reject", "zero", "null"]
#: What is cut from text: nothing, the padding (right; left if JUSTIFIED), blanks at the left or on both
#: sides, or all that is no printing character on both sides.
Trim = Literal["padding", "left", "both", "all", "none"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one compiler stores data; each attribute is a setting of `[dialect_options]`."""

    name: str
    binary_sizes: BinarySizes = "2-4-8"
    long_binaries: LongBinaries = "refuse"
    binary_full_range: bool = False
    sync: bool = True
    sync_doubleword: Literal[4, 8] = 4
    slack_in_groups: bool = False
    little_endian: bool = False
    little_endian_native: bool = False
    hex_floats: bool = True
    little_endian_floats: bool = False
    pointer_length: Literal[4, 8] = 4
    overpunch: Overpunch = "translated"
    strict_signs: bool = False
    loose_digits: bool = False
    packed_sign: bool = True
    blank_numbers: Absent = "reject"
    nul_numbers: Absent = "reject"
    bad_values: Literal["reject", "null"] = "reject"
    nul_text: Literal["keep", "null"] = "keep"
    trim: Trim = "padding"
    edited: Literal["text", "number"] = "text"
    currency: str = "$"
    decimal_comma: bool = False
    little_endian_national: bool = False
    newline: Newline = "nel"

    @classmethod
    def named(cls, name: str) -> Dialect:
        """Return a profile.

        Raises:
            SettingsError: there is none of that name.
        """
        if name not in PROFILES:
            raise SettingsError(
                f"no dialect {name!r}", where="dialect", fix=f"use one of {', '.join(PROFILES)}"
            )
        return PROFILES[name]

    def page(self, name: str) -> CodePage:
        """Return a code page with this dialect's reading of the two EBCDIC line ends.

        Raises:
            SettingsError: no such page.
        """
        return CodePage.named(name, newline=self.newline)


PROFILES: dict[str, Dialect] = {
    profile.name: profile
    for profile in (
        # Enterprise COBOL for z/OS with its default options: TRUNC(STD), hexadecimal floats, NUMPROC(NOPFD).
        Dialect("ibm"),
        # The same compiler with TRUNC(BIN), which many shops set for CICS and Db2.
        Dialect("ibm-trunc-bin", binary_full_range=True),
        # IEEE floats as Cobrix reads them with floating_point_format=IEEE754.
        Dialect("ibm-ieee", hex_floats=False),
        # Cobrix 2.x: never fails on a value, gives null instead; SYNC is read over; blanks in numbers are
        # skipped.
        Dialect(
            "cobrix", long_binaries="fewest", binary_full_range=True, sync=False, strict_signs=True,
            loose_digits=True, blank_numbers="null", nul_numbers="null", bad_values="null", nul_text="null",
            trim="all", edited="number",
        ),
        # GnuCOBOL 3 on a little-endian machine with default.conf.
        Dialect(
            "gnucobol", binary_sizes="1-2-4-8", sync_doubleword=8, slack_in_groups=True,
            little_endian_native=True,
            hex_floats=False, little_endian_floats=True, pointer_length=8, overpunch="microfocus",
            little_endian_national=True,
        ),
        # Visual COBOL on a little-endian machine with its defaults: NOIBMCOMP, SIGN"ASCII", TRUNC.
        Dialect(
            "microfocus", binary_sizes="1-8", long_binaries="fewest", sync=False,
            little_endian_native=True, hex_floats=False,
            little_endian_floats=True, pointer_length=8, overpunch="microfocus", little_endian_national=True,
        ),
        # NetCOBOL on a little-endian machine: BINARY(WORD,MLBON), zones 4 and 5 for signs.
        Dialect(
            "fujitsu", long_binaries="16", little_endian_native=True, hex_floats=False,
            little_endian_floats=True,
            pointer_length=8, overpunch="fujitsu", little_endian_national=True,
        ),
    )
}  # fmt: skip
