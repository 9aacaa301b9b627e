"""The batch side of the flow: files that wait become extracts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from io import SEEK_END
from pathlib import Path
from typing import IO, BinaryIO, cast

from adapters.ahead import ahead
from adapters.arriving import Step
from adapters.batch.decrypt import Decryption
from adapters.batch.expected import Timetable, steps
from adapters.batch.inbox import Arrival, Inbox
from adapters.batch.opening import Unpacked, opened
from adapters.batch.reader import Reader, Reading
from adapters.extract import Chunk, Extract, Invalid, NotYet, Origin
from adapters.state import Awaited
from connectors.places.local import open_regular
from schemas.entity import Entity
from schemas.errors import Terminal


def _unpacked(stream: BinaryIO, name: str) -> BinaryIO:
    return opened(stream, name=name)


@dataclass(frozen=True, slots=True)
class Opening:
    """How an arrived file becomes plain bytes, and when a missing end is worth waiting for.

    Attributes:
        decryption: opens encrypted files; None for plain ones.
        unfinished_seconds: a file without its trailer that is younger than this may still be growing.
        unpack: from a stream and the file's name to the stream of its decompressed bytes.
    """

    decryption: Decryption | None = None
    unfinished_seconds: float = 0.0
    unpack: Callable[[BinaryIO, str], BinaryIO] = _unpacked

    def open(self, arrival: Arrival, inbox: Inbox) -> tuple[BinaryIO, int]:
        """Return the file's bytes, decrypted and decompressed, and how many: 0 where nobody knows.

        Raises:
            NotYet: the file is gone or is another one now.
            Terminal: it cannot be decrypted, or its compressed data are damaged.
        """
        plain = cast(BinaryIO, self._plain(arrival, inbox))
        try:
            size = plain.seek(0, SEEK_END)
            plain.seek(0)
            stream = self.unpack(plain, arrival.name)
        except BaseException:
            plain.close()
            raise
        return stream, 0 if isinstance(stream, Unpacked) else size

    def _plain(self, arrival: Arrival, inbox: Inbox) -> IO[bytes]:
        path = inbox.readable(arrival)
        if self.decryption is not None:
            return self.decryption.open(path, arrival.name, inbox.plain)
        try:
            return open_regular(path)
        except OSError:
            raise inbox.changed(arrival) from None


class BatchAdapter:
    """Implements `adapters.extract.Adapter` for a place with files of one format."""

    def __init__(
        self,
        reader: Reader,
        inbox: Inbox,
        opening: Opening | None = None,
        table: Timetable | None = None,
        *,
        partial: bool = False,
        numbered: bool = False,
    ) -> None:
        """Put the parts together.

        Args:
            reader: the files' format.
            inbox: where they arrive.
            opening: how they become plain bytes.
            table: when they are expected.
            partial: absence in them means nothing: deltas or events.
            numbered: their number in the sequence is in their header.
        """
        self._reader, self._inbox = reader, inbox
        if numbered:
            inbox.number_in = self._number_in
        self._opening, self._table, self._partial = opening or Opening(), table, partial

    @property
    def entities(self) -> Mapping[str, Entity]:
        """The entities that the files hold, by name."""
        return self._reader.entities

    def move_in(self, home: Path) -> None:
        """Keep private copies of remote and encrypted files in `home`."""
        self._inbox.move_in(home)

    def poll(self) -> Iterator[FileExtract]:
        """Yield the files that wait, by number, business date or arrival."""
        for arrival in self._inbox.arrivals():
            yield FileExtract(arrival, self._reader, self._inbox, self._opening, partial=self._partial)

    @property
    def unready(self) -> Mapping[str, str]:
        """Name → why a file was not taken at the last look: it may still be written."""
        return self._inbox.unready

    def _number_in(self, arrival: Arrival) -> int | str:
        """Return the number in a file's header, or why there is none; only the file's beginning is read.

        Raises:
            NotYet: the file has changed or gone.
        """
        try:
            stream, size = self._opening.open(arrival, self._inbox)
            with closing(stream):
                reading = self._reader.reading(arrival.name, size)
                next(iter(reading.chunks(stream)), None)
        except Terminal as error:
            return error.what
        except OSError:
            raise self._inbox.changed(arrival) from None
        number: Decimal | str | None = getattr(reading, "file_number", None)
        if isinstance(number, Decimal) and number == int(number):
            return int(number)
        why = number if isinstance(number, str) else "it is not there"
        return f"the file's number cannot be read in its header: {why}"

    def windows(self, awaited: Awaited, now_ms: int) -> tuple[Awaited, list[Step]]:
        """Return what is to be told of expected files; nothing where none are declared."""
        if self._table is None:
            return awaited, []
        return steps(self._table, awaited, self._inbox.times(), now_ms)

    def done(self, extract: Extract) -> bool:
        """Move the extract's file to the archive; False where it stays (read only, or changed meanwhile)."""
        return isinstance(extract, FileExtract) and self._inbox.put_away(extract.arrival)

    def recall(self, extract: str) -> bool:
        """Bring an extract's file back from the archive."""
        sha256, _, name = extract.partition("-")
        return self._inbox.recall(name, sha256)

    def close(self) -> None:
        """Let go of the place's connections."""
        self._inbox.place.close()


class FileExtract:
    """One file as an extract."""

    def __init__(
        self, arrival: Arrival, reader: Reader, inbox: Inbox, opening: Opening, *, partial: bool = False
    ) -> None:
        self.arrival = arrival
        self.partial = partial
        self._reader, self._inbox, self._opening = reader, inbox, opening
        self._reading: Reading | None = None

    def __repr__(self) -> str:
        return f"FileExtract({self.id!r})"

    @property
    def id(self) -> str:
        """Content and name: the same bytes under the same name are the same extract."""
        return self.arrival.id

    @property
    def origin(self) -> Origin:
        """The file's name and times."""
        return self.arrival.origin

    @property
    def sequence(self) -> int | None:
        """Its number in its sequence, where its name has one."""
        return self.arrival.sequence

    @property
    def fault(self) -> str:
        """Why it is refused before it is read ('' = it is not)."""
        return self.arrival.fault

    def chunks(self) -> Iterator[Chunk]:
        """Yield decoded chunks.

        Raises:
            Invalid: the file is refused for what it is or is called.
            Terminal: it cannot be decrypted or decompressed, or does not fit the settings.
            NotYet: it changed while it was read, or lacks its trailer and is young.
        """
        arrival = self.arrival
        if arrival.fault:
            raise Invalid(
                arrival.fault,
                where=arrival.name,
                fix="mend it, or business_date, sequence or pattern in adapter.toml, or move the file away",
            )
        yield from self._pass(first=True)
        self._inbox.verify(arrival)
        age = time.time() - arrival.entry.modified_ns / 1e9
        if getattr(self._reading, "unfinished", False) and age < self._opening.unfinished_seconds:
            raise NotYet(
                "the trailer has not come yet",
                where=arrival.name,
                fix=f"nothing, if it is still being written; after {self._opening.unfinished_seconds:g} s it "
                "is held",
            )

    def again(self) -> Iterator[Chunk]:
        """Yield the same chunks once more: records that were read and are not believed lead back to bytes.

        Raises:
            Terminal, NotYet: as `chunks`.
        """
        try:
            yield from self._pass(first=False)
        finally:  # also where no more is wanted than its beginning
            self._inbox.verify(self.arrival)

    def _pass(self, *, first: bool) -> Iterator[Chunk]:
        """Read the file once; what the first pass finds wrong with it is kept."""
        stream, size = self._opening.open(self.arrival, self._inbox)
        with closing(stream):
            reading = self._reader.reading(self.arrival.name, size)
            if first:
                self._reading = reading
            try:
                chunks = reading.chunks(stream)
                # The second pass is rare, and the memory that is bounded is that of both passes.
                yield from ahead(chunks) if first else chunks
            except OSError:
                raise self._inbox.changed(self.arrival) from None

    @property
    def nulled(self) -> Mapping[str, int]:
        """Bad values that became null, by field."""
        return self._reading.nulled if self._reading else {}

    def problems(self) -> Sequence[str]:
        """Return why the file is not complete; call after `chunks` is exhausted."""
        return self._reading.problems() if self._reading else ["the file was not read"]
