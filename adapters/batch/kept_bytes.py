"""The bytes of a record that its values do not tell: found by writing the values and looking what differs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from adapters.batch.copybook import Layout, Slot
from adapters.batch.encode import EncodeError
from adapters.batch.odo import chosen

#: Beside the values of a record: bytes by path, and the record's length where it is shorter than told.
RAW, LENGTH = "_raw", "_length"
NAMES = frozenset((RAW, LENGTH))
#: Paths that are no item: the whole record, and what follows the record's end.
_WHOLE, _TAIL = "@record", "@end"
_OFFSET = re.compile(r"@(\d+)\Z")


@dataclass(frozen=True, slots=True)
class KeptBytes:
    """Bytes by path, and the length if the record ends before its time."""

    items: Mapping[str, bytes] = field(default_factory=dict)
    length: int | None = None

    def put(self, image: bytes, layout: Layout, group: str | None) -> bytes:
        """Return a record of full size with the kept bytes in their places.

        Raises:
            EncodeError: a path that is no item, or too many bytes for one.
        """
        if _WHOLE in self.items or not self.items:
            return image
        out = bytearray(image)
        places: dict[str, tuple[int, int]] | None = None
        for path, kept in self.items.items():
            if path == _TAIL:
                continue
            if match := _OFFSET.match(path):
                start, length = int(match[1]), layout.length - int(match[1])
            else:
                places = places or {p: (at, n) for p, at, n in leaves(layout, group)}
                if path not in places:
                    raise EncodeError(f"_raw: no item {path!r}", where=layout.name)
                start, length = places[path]
            if len(kept) > length:
                raise EncodeError(f"_raw: {len(kept)} bytes for {length}", where=f"{layout.name}: {path}")
            out[start : start + len(kept)] = kept
        return bytes(out)

    def finish(self, record: bytes) -> bytes:
        """Return a record, as it stands in the file, with its kept end."""
        if _WHOLE in self.items:
            return self.items[_WHOLE]
        if self.length is not None:
            record = record[: self.length]
        return record + self.items.get(_TAIL, b"")

    def ending(self, made: bytes, raw: bytes) -> KeptBytes:
        """Return these with what makes the end of `made` that of `raw`."""
        same = len(made)
        while same and made[:same] != raw[:same]:
            same = min(same - 1, len(raw))
        if same == len(made) == len(raw):
            return self
        tail = {_TAIL: raw[same:]} if raw[same:] else {}
        return replace(self, items={**self.items, **tail}, length=same if same < len(made) else None)

    def as_values(self) -> dict[str, Any]:
        """Return them as they stand beside the values in a JSON line."""
        found: dict[str, Any] = {}
        if self.items:
            found[RAW] = {path: kept.hex() for path, kept in self.items.items()}
        if self.length is not None:
            found[LENGTH] = self.length
        return found


def of(values: Mapping[str, Any]) -> KeptBytes:
    """Return what stands beside the values of a record.

    Raises:
        EncodeError: bytes that are not hexadecimal.
    """
    kept = values.get(RAW) or {}
    if isinstance(kept, str):
        kept = {_WHOLE: kept}
    try:
        return KeptBytes({path: bytes.fromhex(text) for path, text in kept.items()}, values.get(LENGTH))
    except (AttributeError, TypeError, ValueError):
        raise EncodeError("_raw is not a mapping of paths to hexadecimal bytes") from None


def without(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values alone."""
    return {name: value for name, value in values.items() if name not in NAMES}


def whole(raw: bytes) -> dict[str, Any]:
    """Return a record that is kept as it is, whatever its values say."""
    return KeptBytes({_WHOLE: raw}).as_values()


def differences(image: bytes, written: bytes, layout: Layout, group: str | None) -> KeptBytes:
    """Return the bytes of each item in which two records of full size differ."""
    found: dict[str, bytes] = {}
    out = bytearray(written)
    for path, at, length in leaves(layout, group):
        if out[at : at + length] != image[at : at + length]:
            found[path] = image[at : at + length]
            out[at : at + length] = image[at : at + length]
    at = 0
    while at < len(image):
        end = at
        while end < len(image) and out[end] != image[end]:
            end += 1
        if end > at:
            found[f"@{at}"] = image[at:end]
        at = end + 1
    return KeptBytes(found)


def leaves(layout: Layout, group: str | None) -> Iterator[tuple[str, int, int]]:
    """Yield path, offset and length of each named elementary item, with ordinals from 1 in tables."""
    yield from _leaves(layout.record, layout.record.offset, "", group)


def _leaves(slot: Slot, base: int, prefix: str, group: str | None) -> Iterator[tuple[str, int, int]]:
    for child in chosen(slot.children, group):
        name = f"{prefix}{child.item.name or 'FILLER'}"
        for index in range(child.count):
            at = base + child.offset - slot.offset + index * child.length
            path = f"{name}[{index + 1}]" if child.item.occurs else name
            if child.children:
                yield from _leaves(child, at, f"{path}.", group)
            elif child.item.name:
                yield path, at, child.length
