"""A file with a copybook: every framing, alphabet and dialect that may be is tried on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from adapters.batch.codepage import CodePage
from adapters.batch.copybook import Layout, Slot
from adapters.batch.inspect.branches import Kind, branches
from adapters.batch.inspect.branches import guesses as tree_guesses
from adapters.batch.inspect.counted import matters, moved
from adapters.batch.inspect.cut import Cut, behind_bytes, by_chain, by_header, by_length, by_lines
from adapters.batch.inspect.described import (
    FITS,
    Candidate,
    Segments,
    Tried,
    key_of,
    segments,
    some,
    text_bytes,
    tried,
    type_texts,
)
from adapters.batch.inspect.file_names import part
from adapters.batch.inspect.fit import areas
from adapters.batch.inspect.found import Found
from adapters.batch.inspect.guess import Guess, cannot_tell
from adapters.batch.inspect.pages import code_page
from adapters.batch.inspect.sample import Sample

Bytes = npt.NDArray[np.uint8]
#: Stand for their alphabets while framings are compared; the page itself is told afterwards.
_STANDINS = {"ebcdic": "cp037", "ascii": "latin-1"}


def fitted(sample: Sample, letters: Guess, layout_of: Mapping[str, Layout], copybook: str) -> Found | None:
    """Return the best way to read the file by its copybook; None where none fits at all."""
    cuts = _cuts(sample, letters, layout_of)
    if not cuts:
        return None
    # Bytes that are mostly numbers tell no alphabet: then both are tried.
    sure = letters.value == "ebcdic" and letters.confidence > 0.9
    plain = letters.value not in ("ebcdic", None) and letters.confidence > 0.9
    pages = [p for a, p in _STANDINS.items() if not (sure and a == "ascii") and not (plain and a == "ebcdic")]
    ranked = tried([c.candidate for c in cuts], layout_of, pages)
    if not ranked:
        return None
    best = ranked[0]
    cut = next(c for c in cuts if c.candidate is best.candidate)
    guesses = [_framing(best, ranked, cut, sample)]
    if guesses[0].value is None:
        return None
    # Types stand in letters and digits, which all pages of an alphabet read alike.
    standin = CodePage.named(best.page)
    found = segments(best.candidate.matrix, best.layout, standin)
    typed = found[1] if found else None
    page = _page(best, letters, text_bytes(best.candidate.matrix, best.layout, typed, standin))
    guesses += [page, _length(best, cut, sample), _dialect(best, ranked)]
    chosen = page.value or (page.others[0].value if page.others else best.page)
    guesses += found[0] if found else []
    settings: dict[str, Any] = {"copybook": copybook, "code_page": chosen}
    if best.dialect != "ibm":
        settings["dialect"] = best.dialect
    guesses += _odo(best, cut, ranked)
    settings |= {k: v for k, v in best.candidate.settings.items() if k != "record_length"}
    if settings["framing"] == "fixed":
        settings["record_length"] = best.layout.length
    entities, warned, tree = _entities(best, typed, CodePage.named(chosen))
    guesses += tree
    frame = settings.pop("frame", None)
    settings |= entities
    if frame:
        settings["frame"] = frame
    if best.quality < FITS:
        warned.append(
            f"only {best.quality:.0%} of the items hold what the copybook says: another copybook, or "
            f"another version"
        )
    return Found(guesses, settings, _fields(best, typed, chosen), "", cut.content, cut.whole, warned)


def _cuts(sample: Sample, letters: Guess, layout_of: Mapping[str, Layout]) -> list[Cut]:
    """Return every way to cut the file that its bytes or the copybook's length allow."""
    ebcdic = letters.value == "ebcdic"
    pad = 0x40 if ebcdic else 0x20
    cuts = []
    if (chained := by_chain(sample, pad)) is not None:
        cuts.append(chained)
    if (found := by_lines(sample, "ebcdic" if ebcdic else "ascii", pad)) is not None:
        cuts.append(found[0])
    for length in sorted({layout.length for layout in layout_of.values()}):
        if len(sample.head) < length:
            continue
        divides = sample.size is not None and sample.size % length == 0
        why = f"the copybook describes {length:,} bytes; the size is " + (
            f"{sample.size // length:,} times that" if divides and sample.size else "no multiple of it"
        )
        cuts.append(by_length(sample, length, Guess("framing", "fixed", 0.9 if divides else 0.1, [why])))
        if not divides:
            cuts += behind_bytes(sample, length)
    if not any(c.guess.confidence > 0.8 for c in cuts):
        cuts += by_header(sample, pad)
    layout = next(iter(layout_of.values()))
    page = CodePage.named(_STANDINS["ebcdic" if ebcdic else "ascii"])
    return [*cuts, *moved(cuts, sample, layout, page)]


def _framing(best: Tried, ranked: Sequence[Tried], cut: Cut, sample: Sample) -> Guess:
    others = [
        Guess("framing", t.candidate.settings["framing"],
              round(max(0.0, 0.5 - 3 * (best.score - t.score)), 2),
              [f"{t.quality:.0%} of the items hold what the copybook says"])
        for t in _first_of_each(ranked)
        if _framed(t) != _framed(best)
    ]  # fmt: skip
    if best.quality < 0.5:
        return cannot_tell(
            "framing", f"at best {best.quality:.0%} of the items hold what the copybook says", others=others
        )
    runner = max((t.score for t in ranked if _framed(t) != _framed(best)), default=0.0)
    clear = min(1.0, 0.5 + 5 * (best.score - runner)) if runner else 1.0
    sure = min(0.99, best.quality * (0.6 + 0.4 * max(clear, cut.guess.confidence)))
    why = [*cut.guess.why, f"{best.quality:.0%} of the items hold what the copybook says"]
    return Guess(
        "framing", best.candidate.settings["framing"], sure, why, [o for o in others if o.confidence][:3]
    )


def _first_of_each(ranked: Sequence[Tried]) -> list[Tried]:
    seen: dict[str, Tried] = {}
    for one in ranked:
        seen.setdefault(_framed(one), one)
    return list(seen.values())


def _framed(one: Tried) -> str:
    """Return what a candidate says of framing alone."""
    return str({k: v for k, v in one.candidate.settings.items() if k != "odo"})


def _odo(best: Tried, cut: Cut, ranked: Sequence[Tried]) -> list[Guess]:
    """Return how counted tables lie in the file, where it makes a difference."""
    if not matters(best.layout):
        return []
    other = next(
        (t for t in ranked if _framed(t) == _framed(best) and t.candidate is not best.candidate), None
    )
    others = []
    if other is not None and other.quality > 0.5:
        value = other.candidate.settings.get("odo", "max")
        others = [Guess("odo", value, _beside(best, other), [f"{other.quality:.0%} of the items fit"])]
    if cut.odo is not None:
        return [replace(cut.odo, others=others)]
    sure = 0.9 if other is None or best.quality - other.quality > 0.02 else 0.6
    return [Guess("odo", "max", sure, ["the fields behind the tables are right at their full size"], others)]


def _page(best: Tried, letters: Guess, text: Bytes) -> Guess:
    if best.page == _STANDINS["ascii"]:
        value = letters.value if letters.value in ("latin-1", "cp1252", "ascii") else "latin-1"
        why = ["the items that hold text and zoned numbers hold ASCII", *letters.why]
        if value == "ascii" and (best.candidate.matrix.view >= 0x80).any():
            value, why = (
                "latin-1",
                [*why, "text items hold bytes that are no ASCII; latin-1 has a character for each"],
            )
        return Guess(
            "code_page", value, max(letters.confidence, 0.8) if letters.value != "ebcdic" else 0.7, why
        )
    return code_page(text)


def _length(best: Tried, cut: Cut, sample: Sample) -> Guess:
    why = [f"the copybook describes {best.layout.length:,} bytes"]
    if best.candidate.settings["framing"] == "fixed":
        left = (sample.size or 0) % best.layout.length
        why.append(f"{left:,} bytes are left over" if left else "the file's size is a multiple")
    longest = int(best.candidate.matrix.lengths.max(initial=0))
    if longest > best.layout.length:
        why.append(f"but a record of {longest:,} bytes was seen")
    return Guess("record_length", best.layout.length, 0.97 if best.quality > FITS else best.quality, why)


def _beside(best: Tried, other: Tried) -> float:
    """Return the confidence of what was not chosen: never above a coin's."""
    return round(min(0.5, max(0.0, 0.5 - 5 * (best.quality - other.quality))), 2)


def _dialect(best: Tried, ranked: Sequence[Tried]) -> Guess:
    same = [t for t in ranked if t.candidate is best.candidate and t.page == best.page]
    others = [
        Guess("dialect", t.dialect, _beside(best, t), [f"{t.quality:.0%} fit"]) for t in same if t is not best
    ]
    if not others:
        return Guess(
            "dialect", best.dialect, 0.6, ["the dialects lay this copybook out alike; the usual one assumed"]
        )
    margin = best.quality - max(t.quality for t in same if t is not best)
    if margin < 0.005:
        why = "cannot tell: other dialects fit as well; the usual one assumed"
        return Guess("dialect", best.dialect, 0.5, [why], others)
    return Guess(
        "dialect", best.dialect, min(0.95, 0.6 + 5 * margin), [f"{best.quality:.0%} of the items fit"], others
    )


def _entities(
    best: Tried, found: Segments | None, page: CodePage
) -> tuple[dict[str, Any], list[str], list[Guess]]:
    matrix, layout = best.candidate.matrix, best.layout
    view, lengths = some(Candidate({}, matrix, "").matrix, layout.length)
    if found is None:
        group, items = None, _items(layout.record, None)
        key, sure = key_of(view, lengths, items)
        made: dict[str, Any] = {
            "entity": entity_name(layout.record, layout.source),
            "key": _named(key, layout),
        }
        warned = [] if sure else [_no_key(layout.name)]
        return made | ({"group": group} if group else {}), warned, []
    return _record_types(best, found, page)


def _record_types(
    best: Tried, found: Segments, page: CodePage
) -> tuple[dict[str, Any], list[str], list[Guess]]:
    layout, warned = best.layout, []
    view, lengths = _all(best)
    column = view[:, found.field.offset : found.field.offset + found.field.length]
    texts = ["".join(page.characters[b] for b in row.tolist()).rstrip(" ") for row in column]
    by_group: dict[str, list[str]] = {}
    slot_of: dict[str, Slot | None] = {}
    for value, slot in found.groups.items():
        if value not in (found.header, found.trailer):
            by_group.setdefault(slot.path if slot else "", []).append(value)
            slot_of[slot.path if slot else ""] = slot
    records: list[dict[str, Any]] = []
    taken: set[str] = set()
    kinds: list[Kind] = []
    for path, values in by_group.items():
        slot = slot_of[path]
        at = [i for i, text in enumerate(texts) if text in values]
        key, sure = key_of(view[at], lengths[at], _items(layout.record, slot))
        name = entity_name(slot or layout.record, layout.source)
        name = name if name not in taken else f"{name}_{part(values[0])}"
        taken.add(name)
        record: dict[str, Any] = {
            "entity": name,
            "when": {"field": found.field.item.name, "equals": values[0] if len(values) == 1 else values},
        }
        if slot is not None:
            record["group"] = slot.item.name
        records.append(record | {"key": _named(key, layout)})
        kinds.append(Kind(name, at, _items(layout.record, slot), key, sure))
    tree = branches(kinds, view, best.candidate.matrix.unbroken)
    for record, kind, values in zip(records, kinds, by_group.values(), strict=True):
        if (branch := tree.get(kind.entity)) is not None:
            record |= {"parent": branch.parent} | ({"parent_prefix": branch.prefix} if branch.prefix else {})
            record["key"] = [*branch.above, *_named(branch.own, layout)]
        elif not kind.sure:
            warned.append(_no_key(f"records of type {', '.join(values)}"))
    made: dict[str, Any] = {"records": records}
    field = found.field.item.name
    if found.header is not None:
        made["header"] = {"when": {"field": field, "equals": found.header}}
    if found.trailer is not None:
        made["trailer"] = {"when": {"field": field, "equals": found.trailer}}
        if found.total is not None:
            made["trailer"]["count"] = found.total.item.name
            made["trailer"] |= {"counts": "all"} if found.total_counts == "all" else {}
    return made, warned, tree_guesses(tree)


def _all(best: Tried) -> Any:
    matrix, length = best.candidate.matrix, best.layout.length
    view = matrix.view
    if view.shape[1] < length:
        view = np.pad(view, ((0, 0), (0, length - view.shape[1])))
    return view, matrix.lengths


def _items(record: Slot, group: Slot | None) -> list[Slot]:
    """Return the items that an entity may have as its key: named, in every record, of one place."""
    found: list[Slot] = []

    def inside(slot: Slot) -> None:
        first: dict[str, Slot] = {}
        for child in slot.children:
            if child.item.occurs:
                continue
            redefined = child.item.redefines
            rivals = (
                [c for c in slot.children if c.item.redefines == child.item.name] if child.item.name else []
            )
            if redefined is not None and child is not group and not _holds(child, group):
                continue
            if rivals and group is not None and any(r is group or _holds(r, group) for r in rivals):
                continue
            first[child.item.name] = child
            if child.children:
                inside(child)
            elif child.item.name:
                found.append(child)

    inside(record)
    wanted = [s for s in found if group is None or _holds(group, s)]
    return [*wanted, *(s for s in found if s not in wanted)]


def _holds(group: Slot | None, slot: Slot | None) -> bool:
    return group is not None and slot is not None and any(s is slot for s in group.walk())


def _named(key: Sequence[Slot], layout: Layout) -> list[str]:
    """Return the names that settings use: short ones where they are unique, paths elsewhere."""
    names = [s.item.name for s in layout.record.walk()]
    return [s.item.name if names.count(s.item.name) == 1 else s.path for s in key]


def entity_name(slot: Slot, source: str) -> str:
    """Return an entity's name from its group or record."""
    name = slot.item.name or source.partition(".")[0]
    if name == "RECORD":
        name = source.partition(".")[0]
    for suffix in ("-RECORD", "-REC", "-SEGMENT", "-SEG", "-DATA", "-DETAIL", "-DETAILS"):
        if name.endswith(suffix) and len(name) > len(suffix):
            name = name.removesuffix(suffix)
    return part(name)


def _no_key(what: str) -> str:
    return f"no item tells {what} apart in the sample: the proposed key is a placeholder"


def _fields(best: Tried, found: Segments | None, page: str) -> list[dict[str, Any]]:
    view, _ = some(best.candidate.matrix, best.layout.length)
    texts = type_texts(view, found.field, CodePage.named(page)) if found else []
    rows = []
    for slot in best.layout.record.walk():
        if slot.storage is None or not slot.item.name:
            continue
        row = {
            "name": slot.item.name, "offset": slot.offset, "length": slot.length, "type": slot.storage.kind,
            "picture": slot.item.picture.text if slot.item.picture else "",
        }  # fmt: skip
        at = _of_its_type(slot, best.layout.record, found, texts, len(view))
        if at is not None:
            raw = view[at, slot.offset : slot.offset + slot.length].tobytes()
            numbers = slot.storage.kind not in ("text", "zoned")
            row["example"] = raw.hex() if numbers else raw.decode(page, "replace").strip()
        rows.append(row)
    return rows


def _of_its_type(
    slot: Slot, record: Slot, found: Segments | None, texts: Sequence[str], n: int
) -> int | None:
    """Return a record in which an item stands; None where no type of record has it."""
    area = next((a for a in _alternatives(record) if any(_holds(s, slot) for s in a)), None)
    if area is None or found is None:
        return n // 2 if area is None or _holds(area[0], slot) else None
    mine = {value for value, group in found.groups.items() if group is not None and _holds(group, slot)}
    return next((i for i, text in enumerate(texts) if text in mine), None)


def _alternatives(record: Slot) -> list[list[Slot]]:
    found = [area for area in areas(record.children) if len(area) > 1]
    for child in record.children:
        if child.children and not any(child in area for area in found):
            found += _alternatives(child)
    return found
