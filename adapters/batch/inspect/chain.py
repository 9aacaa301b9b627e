"""Descriptor words: does a file consist of records (or blocks) that each tell their own length?

V: RDW, VB: BDW and RDW, VS and VBS: segments (z/OS DFSMS Using Data Sets, "Format-V records"). The words come
in four byte orders, as transfers make them, and count themselves or not: users of other readers spend days
on these switches, so all of them are tried.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from adapters.batch.inspect.guess import Guess
from adapters.batch.inspect.sample import Sample

#: Where the length stands in the word: `big` LL LL 00 00; `little` the whole word reversed, 00 00 LL LL with
#: the low byte first; `front` the low byte first but in front; `back` the high byte first but behind.
Order = Literal["big", "little", "front", "back"]
#: Records that are followed. A chain of this many is no chance.
LINKS = 4096
#: A word of chance passes once in some 200 tries (two bytes zero, the length within the file).
_CHANCE = 0.05
#: Bytes before the first record that are tried: a file header of another kind.
_HEADERS = 512


@dataclass(frozen=True, slots=True)
class Chain:
    """One way to follow descriptor words: framing, byte order, whether the length counts the word itself."""

    framing: str
    order: Order = "big"
    inclusive: bool = True

    def settings(self) -> dict[str, Any]:
        """Return the settings that say so."""
        if self.order in ("front", "back"):
            low, high = ("b0", "b1") if self.order == "front" else ("b3", "b2")
            length = f"{low} + 256 * {high}" + (" - 4" if self.inclusive else "")
            return {"framing": "header", "frame": {"header_length": 4, "length": length}}
        frame: dict[str, Any] = {}
        words = ("rdw",) if self.framing in ("rdw", "vs") else ("bdw", "rdw")
        for word in words:
            if self.order == "little":
                frame[f"{word}_byte_order"] = "little"
            if not self.inclusive:
                frame[f"{word}_inclusive"] = False
        return {"framing": self.framing} | ({"frame": frame} if frame else {})

    def __str__(self) -> str:
        order = {
            "big": "big-endian", "little": "little-endian", "front": "little-endian, length in front",
            "back": "big-endian, length behind",
        }[self.order]  # fmt: skip
        return f"{order}, {'counts itself' if self.inclusive else 'does not count itself'}"

    def length(self, word: bytes) -> int | None:
        """Return the bytes that follow a word, None where it cannot be one."""
        if len(word) < 4:
            return None
        said, rest = {
            "big": (word[:2], word[2:]), "little": (word[:1:-1], word[:2]),
            "front": (word[1::-1], word[2:]), "back": (word[2:], word[:2]),
        }[self.order]  # fmt: skip
        if any(rest):
            return None
        held = int.from_bytes(said, "big") - (4 if self.inclusive else 0)
        return held if held > 0 else None

    def segment(self, word: bytes) -> tuple[int, int] | None:
        """Return the bytes that follow a segment's word and its place: 0 whole, 1 first, 2 last, 3 middle."""
        plain = word if self.order == "big" else word[::-1]
        if self.order in ("front", "back") or len(word) < 4 or plain[2] > 3 or plain[3]:
            return None
        held = int.from_bytes(plain[:2], "big") - (4 if self.inclusive else 0)
        return (held, plain[2]) if held > 0 else None


@dataclass(frozen=True, slots=True)
class Link:
    """One record (or one put together from segments) that a chain leads to."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Followed:
    """How far a chain goes: `sound` where it ends with the file (or with the sample), else where it broke."""

    chain: Chain
    links: tuple[Link, ...]
    blocks: int
    end: int
    sound: bool
    start: int = 0
    trailer: int = 0

    @property
    def lengths(self) -> set[int]:
        """The different lengths of its records."""
        return {len(link.data) for link in self.links}

    def settings(self) -> dict[str, Any]:
        """Return the settings that cut the file so."""
        made = self.chain.settings()
        extra = {k: v for k, v in (("file_header", self.start), ("file_trailer", self.trailer)) if v}
        return made | ({"frame": made.get("frame", {}) | extra} if extra else {})


def chains() -> Iterator[Chain]:
    """Yield every way that is tried, the usual ones first."""
    orders: tuple[Order, ...] = ("big", "little", "front", "back")
    yield from (Chain("rdw", order, inclusive) for order in orders for inclusive in (True, False))
    yield from (Chain("vs", order, inclusive) for order in orders[:2] for inclusive in (True, False))
    yield from (Chain("bdw", order, inclusive) for order in orders[:2] for inclusive in (True, False))


def follow(sample: Sample, chain: Chain, start: int = 0, limit: int = LINKS) -> Followed:
    """Follow a chain through the head of a file from byte `start`."""
    data = sample.head
    end = len(data)
    if chain.framing in ("rdw", "vs"):
        walked = _walk(data, start, end, chain, limit)
        cut = walked.at >= end or (not sample.whole and walked.overruns) or walked.full
        return Followed(_kind(chain, walked), tuple(walked.links), 0, walked.at, cut and walked.closed, start)
    links: list[Link] = []
    at, blocks, kind, closed = start, 0, chain, True
    while at < end and len(links) < limit:
        block = chain.length(data[at : at + 4])
        if block is None:
            return Followed(kind, tuple(links), blocks, at, not sample.whole and at + 4 > end, start)
        if at + 4 + block > end:
            return Followed(kind, tuple(links), blocks, at, not sample.whole and blocks > 0, start)
        walked = _walk(data, at + 4, at + 4 + block, Chain("vs", chain.order, chain.inclusive), LINKS, links)
        if walked.at != at + 4 + block:
            return Followed(kind, tuple(links), blocks, at, sound=False, start=start)
        kind = Chain("vbs", chain.order, chain.inclusive) if walked.spans else kind
        at, blocks, closed = at + 4 + block, blocks + 1, walked.closed
    return Followed(kind, tuple(links), blocks, at, closed or not sample.whole, start)


def framing_by_chain(sample: Sample) -> tuple[Guess, Followed] | None:
    """Guess `framing` where descriptor words are followed to the end; None where none can."""
    found = [f for f in (follow(sample, chain) for chain in chains()) if f.sound and _believable(f, sample)]
    if not found and (behind := _behind_header(sample)):
        found = [behind]
    if not found:
        return None
    # A chain of blocks reads as a chain of records too (one record a block), and segments as records with a
    # strange third byte, so the finer reading is the truth.
    best = max(
        found, key=lambda f: (f.chain.framing in ("bdw", "vbs"), f.chain.framing == "rdw", len(f.links))
    )
    whole = best.end == sample.size
    n = len(best.links)
    sure = min(0.99, 1 - _CHANCE ** (min(n, 3) if whole else min(n, 4) / 2))
    if best.start:
        sure = min(sure, 0.9)
    names = {"rdw": "record descriptor words", "vs": "segment descriptor words",
             "bdw": "block and record descriptor words",
             "vbs": "block and segment descriptor words"}  # fmt: skip
    why = [
        f"{names[best.chain.framing]} ({best.chain}) lead through {n:,} records"
        + (f" in {best.blocks:,} blocks" if best.blocks else "")
        + (f" from byte {best.start} on" if best.start else "")
        + (" to the very end of the file" if whole else f" to byte {best.end:,}")
    ]
    if best.trailer:
        why.append(f"{best.trailer:,} bytes follow that are no record: a file trailer")
    if len(best.lengths) > 1:
        why.append(f"the records are {min(best.lengths):,} to {max(best.lengths):,} bytes long")
    others = [
        Guess("framing", f.chain.framing, 0.1, [f"{f.chain}: {len(f.links):,} records"])
        for f in found
        if f is not best
    ]
    framing = best.settings()["framing"]
    return Guess("framing", framing, sure, why, others[:3]), best


def broken_chain(sample: Sample) -> Followed | None:
    """Return a chain that breaks off: what a file that was cut or spoilt looks like."""
    best = max((follow(sample, chain) for chain in chains()), key=lambda f: len(f.links))
    n = len(best.links)
    enough = (n >= 8 and len(best.lengths) > 1) or n >= 32
    return best if not best.sound and enough else None


@dataclass(slots=True)
class _Walked:
    links: list[Link]
    at: int
    #: The next word's record goes beyond the end, or the word itself is cut.
    overruns: bool = False
    full: bool = False
    spans: bool = False
    #: No record is left open: its last segment came.
    closed: bool = True


def _walk(
    data: bytes, at: int, end: int, chain: Chain, limit: int, links: list[Link] | None = None
) -> _Walked:
    walked = _Walked([] if links is None else links, at)
    while walked.at < end:
        at = walked.at
        if len(walked.links) >= limit:
            walked.full = True
            break
        word = data[at : at + 4]
        if len(word) < 4:
            walked.overruns = True
            break
        if chain.framing == "vs":
            found = chain.segment(word) or ((plain, 0) if (plain := chain.length(word)) else None)
        else:
            found = (plain, 0) if (plain := chain.length(word)) else None
        if found is None:
            break
        length, place = found
        if at + 4 + length > end:
            walked.overruns = True
            break
        piece = data[at + 4 : at + 4 + length]
        if place in (2, 3) and walked.links:
            walked.links[-1] = Link(walked.links[-1].offset, walked.links[-1].data + piece)
        else:
            walked.links.append(Link(at, piece))
        walked.spans = walked.spans or place != 0
        walked.closed = place in (0, 2)
        walked.at += 4 + length
    return walked


def _kind(chain: Chain, walked: _Walked) -> Chain:
    return chain if chain.framing == "rdw" or walked.spans else Chain("rdw", chain.order, chain.inclusive)


def _believable(followed: Followed, sample: Sample) -> bool:
    """A chain of one or two links needs to end where the file does."""
    links = len(followed.links)
    if followed.end == sample.size:
        return links >= 2 or (links == 1 and len(followed.links[0].data) > 4 and sample.size != 0)
    return links >= 4


def _behind_header(sample: Sample) -> Followed | None:
    """Find a chain that starts after a file header, and may end before a file trailer."""
    best: Followed | None = None
    for chain in (c for c in chains() if c.framing == "rdw"):
        if len(follow(sample, chain, limit=4).links) >= 4:
            continue  # it leads from the very start: then it breaks off later, which is another matter
        for start in range(1, min(_HEADERS, len(sample.head) - 8)):
            if chain.length(sample.head[start : start + 4]) is None:
                continue
            found = follow(sample, chain, start)
            n = len(found.links)
            left = (sample.size or 0) - found.end if not found.sound else 0
            if n < 8 or left > _HEADERS or len(found.lengths) < 2:
                continue
            if best is None or n > len(best.links):
                best = Followed(found.chain, found.links, 0, found.end, sound=True, start=start, trailer=left)
    return best
