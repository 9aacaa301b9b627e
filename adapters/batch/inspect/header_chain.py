"""Records behind headers of a system's own: a length in two bytes somewhere in front of each record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from adapters.batch.inspect.chain import LINKS, Link
from adapters.batch.inspect.guess import Guess
from adapters.batch.inspect.sample import Sample

#: Longest header that is tried, in bytes.
_LONGEST = 12


@dataclass(frozen=True, slots=True)
class OwnHeader:
    """A header: its bytes, where the two bytes of the length stand, their order, and what is added."""

    header: int
    at: int
    little: bool
    add: int
    links: tuple[Link, ...] = ()

    def settings(self) -> dict[str, Any]:
        """Return the settings that cut the file so."""
        low, high = (self.at, self.at + 1) if self.little else (self.at + 1, self.at)
        length = f"b{low} + 256 * b{high}" + (f" - {-self.add}" if self.add else "")
        return {"framing": "header", "frame": {"header_length": self.header, "length": length}}

    def kinds(self, data: bytes) -> Iterator[tuple[dict[str, Any], tuple[Link, ...]]]:
        """Yield settings and records: of all headers, then of those with one value of a byte that has few.

        Some systems mark records that are deleted, or of no use, in their headers.
        """
        plain = self.settings()
        yield plain, self.links
        for byte in range(self.header):
            if byte in (self.at, self.at + 1):
                continue
            values = [data[link.offset - self.header + byte] for link in self.links]
            counts = Counter(values)
            for value, times in counts.most_common():
                if len(counts) in (2, 3) and times * 10 > len(values):
                    frame = plain["frame"] | {"valid": {f"b{byte}": value}}
                    links = tuple(k for k, v in zip(self.links, values, strict=True) if v == value)
                    yield plain | {"frame": frame}, links


def framing_by_header(sample: Sample) -> tuple[Guess, OwnHeader] | None:
    """Guess `framing` = `header`; None where no length leads from record to record."""
    best: OwnHeader | None = None
    for header in range(2, _LONGEST + 1):
        for at in range(header - 1):
            for little in (False, True):
                for add in (0, -header):
                    found = _followed(sample, OwnHeader(header, at, little, add))
                    if found and (best is None or len(found.links) > len(best.links)):
                        best = found
    if best is None:
        return None
    n, lengths = len(best.links), {len(link.data) for link in best.links}
    sure = 0.9 if n >= 30 else 0.7
    why = [
        f"bytes {best.at} and {best.at + 1} of a header of {best.header} bytes lead through {n:,} records of "
        f"{min(lengths):,} to {max(lengths):,} bytes"
    ]
    return Guess("framing", "header", sure, why), best


def _followed(sample: Sample, header: OwnHeader) -> OwnHeader | None:
    data, at = sample.head, 0
    links: list[Link] = []
    low, high = (header.at, header.at + 1) if header.little else (header.at + 1, header.at)
    while at + header.header <= len(data) and len(links) < LINKS:
        length = data[at + low] + 256 * data[at + high] + header.add
        start = at + header.header
        if length <= 0 or start + length > len(data):
            break
        links.append(Link(start, data[start : start + length]))
        at = start + length
    enough = len(links) >= 8 and len({len(link.data) for link in links}) >= 2
    ends = at == len(data) if sample.whole else at > len(data) - 70_000 or len(links) >= LINKS
    if not (enough and ends):
        return None
    return OwnHeader(header.header, header.at, header.little, header.add, tuple(links))
