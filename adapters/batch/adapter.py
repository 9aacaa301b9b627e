"""The batch side of the flow: files that wait become extracts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from adapters.batch.inbox import Arrival, Inbox
from adapters.batch.reader import Reader, Reading
from adapters.extract import Chunk, Extract, Origin
from schemas.entity import Entity
from schemas.errors import Terminal, Transient


class BatchAdapter:
    """Implements `adapters.extract.Adapter` for a folder of files of one format."""

    def __init__(self, reader: Reader, inbox: Inbox) -> None:
        self._reader, self._inbox = reader, inbox

    @property
    def entities(self) -> Mapping[str, Entity]:
        """The entities that the files hold, by name."""
        return self._reader.entities

    def poll(self) -> Iterator[FileExtract]:
        """Yield the files that wait, oldest business date first."""
        for arrival in self._inbox.arrivals():
            yield FileExtract(arrival, self._reader)

    def done(self, extract: Extract) -> None:
        """Move the extract's file to the archive (nothing where the folder is read only)."""
        if isinstance(extract, FileExtract):
            self._inbox.put_away(extract.arrival)


class FileExtract:
    """One file as an extract."""

    def __init__(self, arrival: Arrival, reader: Reader) -> None:
        self.arrival = arrival
        self._reader = reader
        self._reading: Reading | None = None

    def __repr__(self) -> str:
        return f"FileExtract({self.id!r})"

    @property
    def id(self) -> str:
        """Content and name: the same bytes under the same name are the same extract."""
        return f"{self.arrival.sha256[:32]}-{self.arrival.path.name}"

    @property
    def origin(self) -> Origin:
        """The file's name and times."""
        return self.arrival.origin

    @property
    def partial(self) -> bool:
        """False: a file is a full extract, so absence means deletion."""
        return False

    def chunks(self) -> Iterator[Chunk]:
        """Yield decoded chunks.

        Raises:
            Terminal: the file does not fit the settings. Transient: it changed while it was read.
        """
        if self.arrival.fault:
            raise Terminal(
                self.arrival.fault,
                where=self.arrival.path.name,
                fix="mend business_date or pattern in adapter.toml, or move the file away",
            )
        self._reading = self._reader.reading(self.arrival.path.name, self.arrival.size)
        try:
            with self.arrival.path.open("rb") as stream:
                yield from self._reading.chunks(stream)
        except OSError as error:
            raise Transient(
                f"cannot read the file: {error.strerror}", where=str(self.arrival.path)
            ) from error
        if not self.arrival.unchanged:
            raise Transient(
                "the file changed while it was read",
                where=str(self.arrival.path),
                fix="raise min_age_seconds",
            )

    def problems(self) -> Sequence[str]:
        """Return why the file is not complete; call after `chunks` is exhausted."""
        return self._reading.problems() if self._reading else ["the file was not read"]
