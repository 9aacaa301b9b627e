"""What has arrived: complete files of a place, in their order, each known by name and content."""

from __future__ import annotations

import datetime
import hashlib
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from adapters.batch.gate import Gate
from adapters.extract import NotYet, Origin
from adapters.state import KNOWN
from connectors.places.place import Entry, Fetched, FileUnreadable, Place, shown
from schemas.errors import Terminal

#: Longest wait inside one look for a file to become complete by itself; longer ones wait for the next look.
_PATIENCE_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Arrival:
    """One complete file.

    Attributes:
        entry: the file in its place.
        name: its name for records and pages.
        origin: its name and times for events.
        sha256: of its content; empty where it cannot be read.
        sequence: its number in a sequence, where the name has one.
        fault: why the file cannot be taken, although its neighbours can ('' = it can).
    """

    entry: Entry
    name: str
    origin: Origin
    sha256: str = ""
    sequence: int | None = None
    fault: str = ""

    @property
    def id(self) -> str:
        """Content and name: the same bytes under the same name are the same."""
        return f"{self.sha256[:32] or 'unread'}-{self.name}"


@dataclass(slots=True)
class Inbox:
    """A place with a gate in front of it.

    Attributes:
        place: where the files lie.
        gate: which are complete.
        keeps: read files stay in the place.
        business_date: finds the date in a name.
        sequence: finds the number in a name.
        number_in: reads the number in a file, or says why there is none; it raises NotYet where the file has
            changed.
        now_ns: the clock.
        sleep: waits for seconds.
    """

    place: Place
    gate: Gate
    keeps: bool = False
    business_date: re.Pattern[str] | None = None
    sequence: re.Pattern[str] | None = None
    number_in: Callable[[Arrival], int | str] | None = None
    now_ns: Callable[[], int] = time.time_ns
    sleep: Callable[[float], None] = time.sleep
    _home: Path | None = None
    _temporary: tempfile.TemporaryDirectory[str] | None = None
    #: Name → why a file was not taken at the last look.
    unready: Mapping[str, str] = field(default_factory=dict)
    _ready: list[Entry] = field(default_factory=list)
    #: Name → content and what was fetched of it, so that no look reads a file again.
    _fetched: dict[str, tuple[object, Fetched]] = field(default_factory=dict)
    #: Name → content and the number in it, or why there is none.
    _numbers: dict[str, tuple[object, int | str]] = field(default_factory=dict)

    def move_in(self, home: Path) -> None:
        """Say where private copies may lie; what an earlier process has left half done there is removed."""
        self._home = home
        if self._copies.is_dir():
            for path in self._copies.glob(".*.part"):
                path.unlink()

    def arrivals(self) -> Iterator[Arrival]:
        """Yield the complete files: by number, else business date, else arrival; then by name.

        A file is fetched and hashed only when its turn comes, unless its turn depends on what is in it.

        Raises:
            Transient: the place does not answer.
            Terminal: a read-only place holds more files than can be remembered as read: the oldest would be
                taken for new ones, again and again.
        """
        look = self.gate.look(self.place.entries(), now := self.now_ns())
        if look.next_ns is not None and look.next_ns - now <= _PATIENCE_NS:
            self.sleep((look.next_ns - now) / 1e9)
            look = self.gate.look(self.place.entries(), max(self.now_ns(), look.next_ns))
        if self.keeps and look.files > KNOWN:
            raise Terminal(
                f"a read-only place with more than {KNOWN} files",
                where=self.place.address,
                fix="narrow the pattern, move old files away, or let Banyan archive them (read_only = false)",
            )
        self._ready, self.unready = look.ready, look.unready
        self._forget(look.ready)
        waiting: Iterator[Arrival] = map(self._described, look.ready)
        if self.number_in is not None:
            waiting = filter(None, map(self._numbered, waiting))
        for arrival in sorted(waiting, key=_turn):
            if arrival.fault:
                yield arrival
            elif (found := self._hashed(arrival)) is not None:
                yield found

    def readable(self, arrival: Arrival) -> Path:
        """Return where the arrival's bytes can be read.

        Raises:
            NotYet: it has changed or gone meanwhile.
            Transient: its place does not answer.
        """
        content, fetched = self._fetched.get(arrival.entry.name, (None, None))
        if fetched is None or content != arrival.entry.content or not fetched.path.exists():
            try:
                fetched = self.place.fetch(arrival.entry, self._copy(arrival.entry))
            except FileUnreadable as error:
                raise NotYet(error.what, where=error.where, fix=error.fix) from None
        if fetched is None or fetched.sha256 != arrival.sha256:
            raise self.changed(arrival)
        return fetched.path

    def verify(self, arrival: Arrival) -> None:
        """Make sure that what was read is what lies there.

        Raises:
            NotYet: it has changed or gone meanwhile.
        """
        if not self.place.unchanged(arrival.entry):
            raise self.changed(arrival)

    def put_away(self, arrival: Arrival) -> bool:
        """Move a file to the archive and take its marker away; False where it stays or has changed."""
        self._copy(arrival.entry).unlink(missing_ok=True)
        if self.keeps or arrival.fault:
            return False
        if not self.place.archive(arrival.entry, arrival.sha256):
            return False
        if self.gate.done_marker:
            self.place.remove(self.gate.marker(arrival.entry.name))
        self._fetched.pop(arrival.entry.name, None)
        return True

    def times(self) -> list[int]:
        """Return when the files that the last look found complete arrived, in epoch milliseconds."""
        return [e.arrived_ns // 1_000_000 for e in self._ready]

    def recall(self, name: str, sha256: str) -> bool:
        """Bring a file back from the archive, to be taken again."""
        return not self.keeps and self.place.recall(name, sha256)

    @property
    def plain(self) -> Path:
        """Private folder for what is decrypted."""
        return self._private / "plain"

    @staticmethod
    def changed(arrival: Arrival) -> NotYet:
        """Return the error of a file that did not stay as it was."""
        return NotYet(
            "the file changed while it was read",
            where=arrival.name,
            fix="raise min_age_seconds, or let the writer rename finished files into place",
        )

    @property
    def _private(self) -> Path:
        if self._home is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="banyan-")
            self._home = Path(self._temporary.name)
        return self._home

    @property
    def _copies(self) -> Path:
        return self._private / "files"

    def _copy(self, entry: Entry) -> Path:
        """Return the path of a private copy: one for each name and content."""
        facts = repr((entry.name, entry.content)).encode()
        return self._copies / hashlib.sha256(facts).hexdigest()[:32]

    def _forget(self, ready: list[Entry]) -> None:
        """Drop hashes and copies of files that are no longer there or are others now."""
        there = {e.name: e.content for e in ready}
        self._fetched = {n: h for n, h in self._fetched.items() if there.get(n) == h[0]}
        self._numbers = {n: h for n, h in self._numbers.items() if there.get(n) == h[0]}
        if self._home is not None and self._copies.is_dir():
            wanted = {self._copy(e).name for e in ready}
            for path in self._copies.iterdir():
                if path.name not in wanted:
                    path.unlink(missing_ok=True)

    def _described(self, entry: Entry) -> Arrival:
        arrival_ms = entry.arrived_ns // 1_000_000
        business_ms = self._business_ms(entry.name)
        number = self._number(entry.name)
        fault = entry.fault
        if self.business_date is not None and business_ms is None:
            fault = fault or "the file name has no valid business date"
        if self.sequence is not None and number is None:
            fault = fault or "the file name has no sequence number"
        name = shown(entry.name)
        origin = Origin(
            ts_ms=arrival_ms if business_ms is None else business_ms,
            ts_kind="arrival" if business_ms is None else "business",
            arrival_ms=arrival_ms,
            file=name,
        )
        return Arrival(entry, name, origin, sequence=number, fault=fault)

    def _hashed(self, arrival: Arrival) -> Arrival | None:
        """Return the arrival with its hash; None where the file changed or went meanwhile."""
        entry = arrival.entry
        known = self._fetched.get(entry.name)
        if known is None or known[0] != entry.content:
            try:
                fetched = self.place.fetch(entry, self._copy(entry))
            except FileUnreadable as error:
                return replace(arrival, fault=error.what)
            if fetched is None:
                return None
            known = self._fetched[entry.name] = (entry.content, fetched)
        return replace(arrival, sha256=known[1].sha256)

    def _numbered(self, arrival: Arrival) -> Arrival | None:
        """Return the arrival with the number that is in it; None where it changed or went meanwhile."""
        found = arrival if arrival.fault else self._hashed(arrival)
        if found is None or found.fault or self.number_in is None:
            return found
        entry = found.entry
        known = self._numbers.get(entry.name)
        if known is None or known[0] != entry.content:
            try:
                known = self._numbers[entry.name] = (entry.content, self.number_in(found))
            except NotYet:
                return None
        number = known[1]
        if isinstance(number, str):
            return replace(found, fault=number)
        return replace(found, sequence=number)

    def _business_ms(self, name: str) -> int | None:
        """Return midnight UTC of the date in the file name, None where there is none."""
        match = self.business_date.search(name) if self.business_date else None
        try:
            day = datetime.date.fromisoformat(match["date"] if match else "")
        except (ValueError, TypeError):
            return None
        midnight = datetime.datetime.combine(day, datetime.time(), datetime.UTC)
        return int(midnight.timestamp() * 1000)

    def _number(self, name: str) -> int | None:
        match = self.sequence.search(name) if self.sequence else None
        digits = match["sequence"] if match else None
        return int(digits) if digits and digits.isdecimal() else None


def _turn(arrival: Arrival) -> tuple[int, int, str]:
    # Numbers come before everything else; without one, -1 is the same for all.
    number = -1 if arrival.sequence is None else arrival.sequence
    return number, arrival.origin.ts_ms, arrival.entry.name
