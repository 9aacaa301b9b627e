"""How well a copybook fits records: the share of a record's bytes that are what their items say they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Slot
from adapters.batch.inspect.alphabet import ASCII_WORDS, EBCDIC_WORDS
from adapters.batch.kernels.column import column

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
#: Numbers that decode say more than bytes that may be text: packed digits and zones are rarely right by
#: chance.
_NUMBER, _TEXT = 2.0, 1.0
_NUMBERS = ("zoned", "packed", "binary", "hexfloat", "ieee")
#: A blank number decodes to nothing, but is a habit of many programs.
_BLANK = 0.6


@dataclass(frozen=True, slots=True)
class Fit:
    """Points of n records, and the most that there are."""

    points: Floats
    most: Floats

    @property
    def quality(self) -> Floats:
        """Points as a share, by record: 0 nothing fits, 1 everything does."""
        return self.points / np.maximum(self.most, 1e-9)

    @property
    def mean(self) -> float:
        """The mean share of all records."""
        return float(self.quality.mean()) if len(self.points) else 0.0


def fit(slot: Slot, view: Bytes, lengths: npt.NDArray[np.int64], page: CodePage) -> Fit:
    """Return how well the records fit an item and what is below it.

    Of items that redefine each other each record's best counts. Bytes past a record's end count for nothing;
    of a table only the first occurrence is looked at.
    """
    if slot.storage is not None:
        return _elementary(slot, view, lengths, page)
    points, most = np.zeros(len(view)), np.zeros(len(view))
    for area in areas(slot.children):
        found = [fit(alternative, view, lengths, page) for alternative in area]
        best = found[0]
        if len(found) > 1:
            stacked = np.array([f.quality for f in found]).argmax(axis=0)
            rows = np.arange(len(view))
            best = Fit(
                np.array([f.points for f in found])[stacked, rows],
                np.array([f.most for f in found])[stacked, rows],
            )
        points, most = points + best.points, most + best.most
    return Fit(points, most)


def areas(children: Sequence[Slot]) -> Iterator[list[Slot]]:
    """Yield the items of each storage area: one, or those that redefine each other."""
    found: list[list[Slot]] = []
    by_name: dict[str, list[Slot]] = {}
    for child in children:
        if child.item.redefines is not None and child.item.redefines in by_name:
            area = by_name[child.item.redefines]
            area.append(child)
        else:
            area = [child]
            found.append(area)
        by_name[child.item.name] = area
    yield from found


def _elementary(slot: Slot, view: Bytes, lengths: npt.NDArray[np.int64], page: CodePage) -> Fit:
    storage = slot.storage
    assert storage is not None  # the caller looked
    n, end = len(view), slot.offset + slot.length
    there = lengths >= end
    if end > view.shape[1] or not there.any():
        # A short record may end before an optional field; a whole file of them does not fit.
        return Fit(np.zeros(n), np.full(n, 0.2 * slot.length))
    piece = view[:, slot.offset : end]
    ebcdic = bool(page.digit[0xF0] == 0)
    words = EBCDIC_WORDS if ebcdic else ASCII_WORDS
    if storage.kind not in _NUMBERS:
        likely = _likely(ebcdic=ebcdic)[piece].mean(axis=1) * _laid(piece, page)
        # FILLER holds anything.
        weight = _TEXT * slot.length if slot.item.name else 0.1 * slot.length
        return Fit(np.where(there, likely * weight, 0.0), np.where(there, weight, 0.2 * weight))
    _, bad = column(np.ascontiguousarray(piece), storage, page, "none")
    good = np.ones(n)
    good[bad] = 0.0
    weight = _NUMBER * slot.length
    if storage.kind == "binary":
        # Any bytes are a binary number; letters and blanks are seldom meant as one.
        wordy = words[piece].all(axis=1)
        good = np.where(wordy, 0.3 * good, good)
        weight = _TEXT * slot.length
    elif storage.kind in ("hexfloat", "ieee"):
        weight = 0.3 * slot.length
    blank = (piece == page.space).all(axis=1) | (piece == 0).all(axis=1)
    good = np.where(blank & (good == 0), _BLANK, good)
    return Fit(np.where(there, good * weight, 0.0), np.where(there, weight, 0.2 * weight))


def _laid(piece: Bytes, page: CodePage) -> Floats:
    """Return how much each row looks like one text in its place: it starts at the left, and is padded behind.

    Blanks in front, or two blanks between words, come from a border of items that lies elsewhere.
    """
    pad = (piece == page.space) | (piece == 0)
    filled = ~pad.all(axis=1)
    out = np.ones(len(piece))
    out[filled & pad[:, 0]] -= 0.3
    if piece.shape[1] > 3:
        gap = (pad[:, :-2] & pad[:, 1:-1] & ~pad[:, 2:]).any(axis=1)
        out[filled & gap] -= 0.3
    return out


def _likely(*, ebcdic: bool) -> Floats:
    """Return how likely each byte is as text, 0 to 1."""
    table = np.full(256, 0.15)
    if ebcdic:
        table[0x41:0x100] = 0.5
        table[
            [0x4B, 0x4D, 0x5D, 0x50, 0x5C, 0x60, 0x61, 0x6B, 0x6D, 0x6F, 0x7A, 0x7D, 0x7E, 0x5B, 0x7B, 0x7C]
        ] = 0.9
        table[EBCDIC_WORDS] = 1.0
        table[0xFF] = 0.2
    else:
        table[0x21:0x7F] = 0.8
        table[0x80:] = 0.3
        table[ASCII_WORDS] = 1.0
    table[0x00] = 0.6  # LOW-VALUES pad text in many programs
    return table
