"""Descriptor words of RECFM=V files: RDW before each record (or segment), BDW before each block.

z/OS DFSMS Using Data Sets, "Format-V records": two bytes of length that count the word itself, two reserved
bytes; in the RDW of a spanned segment the third byte has the segment's place, and a BDW whose first bit is
set has its length in 31 bits. FTP from little-endian systems leaves the word with its bytes reversed.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.batch.framing.chain import LengthError, Prefix
from adapters.batch.framing.spec import ByteOrder

#: Bytes of a descriptor word.
WORD = 4
_EXTENDED = 0x80


@dataclass(frozen=True, slots=True)
class Word:
    """How descriptor words of one kind are written.

    Attributes:
        name: in errors.
        byte_order: `little`: the whole word is reversed.
        inclusive: the length counts the word itself.
        adjustment: added to the length.
        strict: reserved bytes must be zero.
        segments: the third byte is a segment's place, 0 to 3.
        longest: greatest number of bytes behind the word that is believed.
    """

    name: str
    byte_order: ByteOrder
    inclusive: bool
    adjustment: int
    strict: bool
    longest: int
    segments: bool = False
    extended: bool = False

    def total(self, raw: bytes) -> int:
        """Return the bytes from the word's start to the next word.

        Raises:
            LengthError: the word cannot be one.
        """
        word = raw if self.byte_order == "big" else raw[::-1]
        if self.extended and word[0] & _EXTENDED:
            said = int.from_bytes(word) & 0x7FFFFFFF
        else:
            said = word[0] << 8 | word[1]
            self._check_reserved(word)
        held = said + self.adjustment - (WORD if self.inclusive else 0)
        if said == 0 or held < 0:
            raise LengthError(f"{self.name} says {said} bytes{', itself included' if self.inclusive else ''}")
        if held > self.longest:
            raise LengthError(f"{self.name} says {said} bytes; at most {self.longest} are believed")
        return WORD + held

    def word(self, held: int, place: int = 0) -> bytes:
        """Return the word for `held` bytes behind it: the inverse of `total`."""
        said = held - self.adjustment + (WORD if self.inclusive else 0)
        if self.extended and said > 0x7FFF:
            word = (said | 0x80000000).to_bytes(WORD)
        else:
            word = said.to_bytes(2) + bytes([place, 0])
        return word if self.byte_order == "big" else word[::-1]

    def prefix(self, start: int, end: int) -> Prefix:
        """Return the chain rule of records that are led by this word and trimmed by `start` and `end`."""
        return Prefix(0, WORD, WORD + start, end, self.total, self.name)

    def _check_reserved(self, word: bytes) -> None:
        if not self.strict:
            return
        if self.segments and word[2] <= 3 and word[3] == 0:
            return
        if word[2] or word[3]:
            hint = "; is it a segment of a spanned record (VS, VBS)?" if 0 < word[2] <= 3 else ""
            raise LengthError(f"{self.name} has 0x{word[2:4].hex().upper()} in its reserved bytes{hint}")
