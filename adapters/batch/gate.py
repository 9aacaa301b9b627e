"""Which files of a look are complete. Pure: looks and clocks are arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from connectors.places.place import Entry

#: Two looks with the same size and time so far apart show a file that is not being written: a writer that is
#: at work adds to it many times a second. One that stalls is what min_age_seconds is for.
LOOKS_APART_NS = 1_000_000_000
_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at a place has shown."""

    #: Complete files.
    ready: list[Entry]
    #: When the first of the others may be complete by itself (epoch nanoseconds); None if that is not known.
    next_ns: int | None
    #: How many files there were that match the pattern, complete or not.
    files: int
    #: Name → why a file is not complete yet.
    unready: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Gate:
    """Lets files through that are complete: by marker, age, and the same at two looks.

    Attributes:
        pattern: of the file names; hidden files never match.
        done_marker: suffix of a marker, or its name with `{name}` or `{stem}` in it; empty = none.
        min_age_seconds: a file must have been unwritten for so long; 0 says that files appear whole.
        whole: the place shows only whole files, so neither age nor a second look says more.
    """

    pattern: str
    done_marker: str
    min_age_seconds: float
    whole: bool = False
    _seen: dict[str, tuple[Any, int]] = field(default_factory=dict)

    def look(self, entries: Sequence[Entry], now_ns: int) -> Look:
        """Return what is complete.

        Args:
            entries: everything that lies in the place.
            now_ns: the present moment, epoch nanoseconds.
        """
        there = {e.name: e for e in entries}
        markers = {self.marker(name) for name in there} if self.done_marker else set()
        files = [e for e in entries if self._is_file(e.name, markers)]
        seen, self._seen = self._seen, {}
        ready, waits, unready = [], [], {}
        for entry in files:
            known = seen.get(entry.name)
            first_ns = known[1] if known is not None and known[0] == entry.content else now_ns
            self._seen[entry.name] = (entry.content, first_ns)
            if self.done_marker and not self._is_marked(entry, there):
                unready[entry.name] = f"its marker {self.marker(entry.name)} has not come, or is older"
                continue
            ready_ns = now_ns if entry.fault else self._ready_ns(entry, first_ns)
            if ready_ns <= now_ns:
                ready.append(entry)
            else:
                waits.append(ready_ns)
                age = max(0, now_ns - entry.modified_ns) / _SECOND_NS
                unready[entry.name] = (
                    f"unchanged for {age:.0f} s; min_age_seconds = {self.min_age_seconds:g}"
                    if age < self.min_age_seconds
                    else "it was seen for the first time, and may still be written"
                )
        return Look(ready, min(waits, default=None), len(files), unready)

    def marker(self, name: str) -> str:
        """Return the name of a file's marker."""
        if "{" not in self.done_marker:
            return name + self.done_marker
        stem = name.rpartition(".")[0] or name
        return self.done_marker.replace("{name}", name).replace("{stem}", stem)

    def _is_file(self, name: str, markers: set[str]) -> bool:
        if name.startswith(".") or not fnmatchcase(name, self.pattern) or name in markers:
            return False
        # A marker whose file is not there (yet) is no file either.
        return not (self.done_marker and "{" not in self.done_marker and name.endswith(self.done_marker))

    def _is_marked(self, entry: Entry, there: dict[str, Entry]) -> bool:
        """True where the marker is there and not older than its file: a left-over says nothing."""
        marker = there.get(self.marker(entry.name))
        return marker is not None and marker.modified_ns // _SECOND_NS >= entry.modified_ns // _SECOND_NS

    def _ready_ns(self, entry: Entry, first_ns: int) -> int:
        if self.whole or not self.min_age_seconds:
            return 0
        old_enough = entry.modified_ns + int(self.min_age_seconds * 1e9)
        return max(old_enough, first_ns + LOOKS_APART_NS)
