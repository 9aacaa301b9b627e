"""A copybook tried on a sample: framing, alphabet, dialect and record types that its items agree with."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Layout, Slot
from adapters.batch.inspect.fit import Fit, areas, fit
from adapters.batch.inspect.guess import Guess
from adapters.batch.inspect.matrix import Matrix
from adapters.batch.reference import BadValueError, decode_value

Bytes = npt.NDArray[np.uint8]
#: Records on which each candidate is tried.
_ROWS = 300
#: A copybook that fits has nearly all of its numbers decode.
FITS = 0.85
_KEYS = re.compile(r"(^|-)(ID|NO|NR|NUM|NUMBER|KEY|REF|NINO|CODE|CD)($|-)")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to cut the file into records: settings, and the records that it gives."""

    settings: Mapping[str, Any]
    matrix: Matrix
    what: str
    #: Evidence from the file alone, 0 to 1.
    prior: float = 0.5


@dataclass(frozen=True, slots=True)
class Tried:
    """A candidate with one layout and one alphabet, scored."""

    candidate: Candidate
    layout: Layout
    dialect: str
    page: str
    quality: float

    @property
    def score(self) -> float:
        """What is compared: how well it fits, with a nod to what the file itself says."""
        return self.quality + 0.25 * self.candidate.prior


def tried(
    candidates: Sequence[Candidate], layouts: Mapping[str, Layout], pages: Sequence[str]
) -> list[Tried]:
    """Return every candidate with every layout and page, the best first."""
    found = [
        Tried(candidate, layout, dialect, page, _fitted(candidate.matrix, layout, page).mean)
        for candidate in candidates
        for dialect, layout in layouts.items()
        for page in pages
        if len(candidate.matrix.view)
    ]
    # A stable sort: what comes first (the usual dialect) wins a tie.
    return sorted(found, key=lambda t: -round(t.score, 3))


def _fitted(matrix: Matrix, layout: Layout, page: str) -> Fit:
    view, lengths = some(matrix, layout.length)
    return fit(layout.record, view, lengths, CodePage.named(page))


def some(matrix: Matrix, length: int) -> tuple[Bytes, npt.NDArray[np.int64]]:
    """Return up to a few hundred records, cut or padded to `length`."""
    rows = np.unique(np.linspace(0, len(matrix.view) - 1, min(_ROWS, len(matrix.view))).astype(int))
    view, lengths = matrix.view[rows], matrix.lengths[rows]
    if view.shape[1] < length:
        view = np.pad(view, ((0, 0), (0, length - view.shape[1])))
    return np.ascontiguousarray(view[:, :length]), lengths


@dataclass(frozen=True, slots=True)
class Segments:
    """Record types of a copybook: the item that tells them, and the group of each value."""

    field: Slot
    groups: Mapping[str, Slot | None]
    counts: Mapping[str, int]
    header: str | None = None
    trailer: str | None = None
    total: Slot | None = None
    total_counts: str = "details"


def segments(matrix: Matrix, layout: Layout, page: CodePage) -> tuple[list[Guess], Segments] | None:
    """Guess the record types of a file by its copybook; None where all records are of one type."""
    view, lengths = matrix.view, matrix.lengths
    if view.shape[1] < layout.length:
        view = np.pad(view, ((0, 0), (0, layout.length - view.shape[1])))
    area = max(_split(layout.record), key=lambda a: (len(a), a[0].length), default=[])
    best: tuple[float, Slot, dict[str, Slot | None], Counter[str]] | None = None
    fits = _fits(view, lengths, area, page)
    for slot in _type_items(layout, area):
        values = type_texts(view, slot, page)
        counts = Counter(values)
        if not 2 <= len(counts) <= 12 or "" in counts or len(counts) > max(2, len(values) // 2):
            continue
        groups, margin = _groups(values, counts, area, fits)
        conditions = {v for c in slot.item.conditions for v, _ in c.values}
        meant = conditions & {value.strip(" \0") for value in counts}
        ends = counts[values[0]] == 1 or counts[values[-1]] == 1
        told = len({g.path for g in groups.values() if g is not None})
        # An item of one alternative is something else in the others, whose values may part them by chance.
        common = not any(s is slot for other in area for s in other.walk())
        score = margin + (0.3 if meant else 0.0) + (0.1 if ends else 0.0) - 0.0001 * slot.offset
        score += (0.2 if common else 0.0) + 0.1 * told / max(len(area), 1)
        split = told > 1
        if (split or (meant and ends)) and (best is None or score > best[0]):
            best = (score, slot, groups, counts)
    if best is None:
        return None
    _, slot, groups, counts = best
    values = type_texts(view, slot, page)
    header = values[0] if counts[values[0]] == 1 and matrix.first and len(counts) > 2 else None
    trailer = values[-1] if counts[values[-1]] == 1 and matrix.last and values[-1] != header else None
    if trailer is not None and len(counts) == 2 and len(values) < 4:
        trailer = None
    total, which = _total(matrix, view, layout, page, header) if trailer is not None else (None, "details")
    made = Segments(slot, groups, counts, header, trailer, total, which)
    name = slot.item.name
    guesses = [
        Guess(
            "record_types", len(counts) - (header is not None) - (trailer is not None), 0.9,
            [f"{name} holds {len(counts)} values"
             + (f", and each fits a redefinition of its own: {_listed(groups)}" if fits else "")],
        )
    ]  # fmt: skip
    if header is not None:
        guesses.append(Guess("header", True, 0.8, [f"{name}: the first record's value comes only there"]))
    if trailer is not None:
        why = [f"{name}: the last record's value comes only there"]
        if total is not None:
            why.append(f"{total.path} is the number of {'all' if which == 'all' else 'detail'} records")
        guesses.append(Guess("trailer", True, 0.97 if total is not None else 0.8, why))
    return guesses, made


def _listed(groups: Mapping[str, Slot | None]) -> str:
    return ", ".join(sorted({slot.item.name or "FILLER" for slot in groups.values() if slot is not None}))


def text_bytes(matrix: Matrix, layout: Layout, found: Segments | None, page: CodePage) -> Bytes:
    """Return the bytes of the text items: what tells code pages apart.

    Of items that redefine each other only those of a record's own type count.
    """
    view, lengths = some(matrix, layout.length)
    values = type_texts(view, found.field, page) if found else []
    pieces = []
    for slot, group in _texts_of(layout.record, None):
        rows = lengths >= slot.offset + slot.length
        if group is not None:
            mine = {v for v, g in found.groups.items() if g is group} if found else set()
            rows = rows & np.array([v in mine for v in values] or [False] * len(view))
        if rows.any():
            # With a blank between two items, which are no words together.
            piece = np.pad(view[rows, slot.offset : slot.offset + slot.length], ((0, 0), (1, 1)))
            piece[:, [0, -1]] = page.space
            pieces.append(piece.ravel())
    return np.concatenate(pieces) if pieces else np.zeros(0, np.uint8)


def _texts_of(slot: Slot, group: Slot | None) -> Iterator[tuple[Slot, Slot | None]]:
    """Yield each text item with the alternative that it belongs to, None where all records have it."""
    for area in areas(slot.children):
        for child in area:
            mine = group if len(area) == 1 else child
            if child.children:
                yield from _texts_of(child, mine)
            elif (
                child.storage is not None
                and child.storage.kind == "text"
                and child.item.name
                and child.length > 1
            ):
                yield child, mine


def key_of(view: Bytes, lengths: npt.NDArray[np.int64], items: Sequence[Slot]) -> tuple[list[Slot], bool]:
    """Return the items that identify each record, and whether they do so in the sample."""
    usable = [s for s in items if s.length <= 60 and not _amount(s)]
    named = [s for s in usable if _KEYS.search(s.item.name)]
    ordered = [*named, *(s for s in usable if s not in named)]
    if not usable:
        return [], False
    for slot in ordered:
        if _unique(view, [slot]):
            return [slot], True
    leading = usable[:6]
    for count in (2, 3, 4):
        if len(leading) >= count and _unique(view, leading[:count]):
            return list(leading[:count]), True
    for i, first in enumerate(leading):
        for second in leading[i + 1 :]:
            if _unique(view, [first, second]):
                return [first, second], True
    return [ordered[0]], False


def _amount(slot: Slot) -> bool:
    """Return whether an item is a quantity: it differs from record to record, but tells none apart."""
    storage = slot.storage
    return storage is not None and (storage.scale > 0 or storage.kind in ("hexfloat", "ieee"))


def _unique(view: Bytes, slots: Sequence[Slot]) -> bool:
    joined = np.concatenate([view[:, s.offset : s.offset + s.length] for s in slots], axis=1)
    return len({row.tobytes() for row in joined}) == len(joined)


def _split(record: Slot) -> list[list[Slot]]:
    """Return the areas that several items describe, outermost first, groups only."""
    found: list[list[Slot]] = []
    for area in areas(record.children):
        groups = [s for s in area if s.children]
        if len(area) > 1 and groups:
            found.append(area)
        elif len(area) == 1 and area[0].children and not area[0].item.occurs:
            found += _split(area[0])
    return found


def _type_items(layout: Layout, area: Sequence[Slot]) -> list[Slot]:
    """Return the items that may tell record types: short text or digits, in every record."""
    inside = {s.path for other in area for s in other.walk()}
    names = Counter(s.item.name for s in layout.record.walk())
    return [
        s for s in layout.record.walk()
        if s.storage is not None and s.storage.kind in ("text", "zoned") and s.item.name and s.length <= 8
        and not s.item.occurs and names[s.item.name] == 1
        and (s.path not in inside or any(s.offset == o.offset for o in area))
        and not any(p.item.occurs for p in layout.record.walk() if s in p.children)
    ]  # fmt: skip


def _fits(
    view: Bytes, lengths: npt.NDArray[np.int64], area: Sequence[Slot], page: CodePage
) -> dict[str, npt.NDArray[np.float64]]:
    """Return how well each record fits each alternative; one that ends where the record ends fits better."""
    if len(area) < 2:
        return {}
    varying = len(np.unique(lengths)) > 1
    return {
        s.path: fit(s, view, lengths, page).quality + 0.2 * (varying & (lengths == s.offset + s.length))
        for s in area
    }


def type_texts(view: Bytes, slot: Slot, page: CodePage) -> list[str]:
    """Return the text of one item in each record, without blanks at its end."""
    piece = view[:, slot.offset : slot.offset + slot.length]
    return ["".join(page.characters[b] for b in row.tolist()).rstrip(" ") for row in piece]


def _groups(
    values: Sequence[str],
    counts: Mapping[str, int],
    area: Sequence[Slot],
    fits: Mapping[str, npt.NDArray[np.float64]],
) -> tuple[dict[str, Slot | None], float]:
    """Return the best alternative of each value, and how clearly they differ."""
    if not fits:
        return dict.fromkeys(counts), 0.0
    chosen: dict[str, Slot | None] = {}
    margins = []
    groups = [s for s in area if s.children] or list(area)
    for value in counts:
        # Not by numpy: it drops NULs behind a text, and they are what pads some types.
        at = np.array([other == value for other in values])
        means = sorted(((float(fits[s.path][at].mean()), -i) for i, s in enumerate(groups)), reverse=True)
        chosen[value] = groups[-means[0][1]]
        margins.append(means[0][0] - (means[1][0] if len(means) > 1 else 0.0))
    return chosen, float(np.mean(margins))


def _total(
    matrix: Matrix, view: Bytes, layout: Layout, page: CodePage, header: str | None
) -> tuple[Slot | None, str]:
    """Return the item of the last record that holds the number of records."""
    if matrix.total is None:
        return None, "details"
    last = view[-1].tobytes()
    wanted = {matrix.total - 1 - (header is not None): "details", matrix.total: "all"}
    names = Counter(s.item.name for s in layout.record.walk())
    for slot in layout.record.walk():
        kind = slot.storage.kind if slot.storage else ""
        if kind not in ("zoned", "packed", "binary") or slot.item.occurs or names[slot.item.name] > 1:
            continue
        assert slot.storage is not None  # it has a kind
        try:
            value = decode_value(last[slot.offset : slot.offset + slot.length], slot.storage, page)
        except BadValueError:
            continue
        if value in wanted and value:
            return slot, wanted[int(value)]
    return None, "details"
