"""What compilers do differently, as data: a profile is a row of settings, never an `if` on its name."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one compiler stores data.

    Attributes:
        name: the profile's name in settings.
        sync_doubleword: boundary of SYNC for binaries of 8 bytes.
        little_endian_native: byte order of COMP-5.
        hex_floats: COMP-1 and COMP-2 are IBM hexadecimal, not IEEE 754.
        binary_full_range: a COMP value may use all of its bytes (TRUNC(BIN)); else its PICTURE is the limit.
    """

    name: str
    sync_doubleword: int = 4
    little_endian_native: bool = False
    hex_floats: bool = True
    binary_full_range: bool = False

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


PROFILES: dict[str, Dialect] = {
    profile.name: profile
    for profile in (
        # Enterprise COBOL for z/OS with its default options: TRUNC(STD), hexadecimal floats.
        Dialect("ibm"),
        # The same compiler with TRUNC(BIN), which many shops set for CICS and Db2.
        Dialect("ibm-trunc-bin", binary_full_range=True),
        # IEEE floats as Cobrix reads them with floating_point_format=IEEE754.
        Dialect("ibm-ieee", hex_floats=False),
    )
}
