"""The whole list at each look, compared with the last snapshot."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from adapters.extract import Extract
from adapters.soap.avro_entity import EntityShape
from adapters.soap.extract import SoapExtract
from adapters.soap.polling.journal import Journal
from adapters.soap.reading import Reading
from adapters.soap.wire.validators import Validators


class FullList:
    """Polls one list operation. It remembers the keys of the last committed poll, to doubt an absence.

    With `unchanged_seconds` it remembers the validators of that poll, too, and asks whether anything has
    changed since. They are taken out before each look and put back by `done` alone: after whatever was not
    committed, and in a new process, the list is read whole, so Kafka stays the only commit point.
    """

    def __init__(self, reading: Reading, now_ms: Callable[[], int]) -> None:
        self.reading, self._now_ms = reading, now_ms
        self._known: frozenset[str] | None = None
        self._folder: Path | None = None
        self._first = False
        self._validators = Validators()
        self._whole_ms = 0

    @property
    def shape(self) -> EntityShape:
        """The entity that the list (or the detail call) returns."""
        return self.reading.shape

    def poll(self) -> Iterator[Extract]:
        """Yield one extract; the service is called while its chunks are read.

        A dead endpoint therefore shows in `chunks` as Transient, after the moment from which the caller
        counts what the extract covers.
        """
        started = self._now_ms()
        asked, self._validators = self._validators, Validators()
        if started - self._whole_ms >= self.reading.spec.unchanged_seconds * 1000:
            asked = Validators()
        yield SoapExtract(self.reading, started, self._known, journal=self.journal(started), validators=asked)

    def journal(self, started_ms: int) -> Journal | None:
        """Return the journal of the first load, where it may be needed: the list has pages, or details."""
        spec = self.reading.spec
        if self._folder is None or not self._first or not spec.resume_hours:
            return None
        if self.reading.call.paging is None and spec.detail is None:
            return None
        texts = [
            spec.model_dump_json(),
            *(c.decode("latin-1") for c in self.reading.contract.documents.values()),
        ]
        return Journal(self._folder, "\n".join(texts), started_ms, spec.resume_hours)

    def done(self, extract: Extract) -> None:
        """Remember the keys of a committed extract."""
        assert isinstance(extract, SoapExtract)
        spec = self.reading.spec
        if spec.unchanged_seconds:
            self._validators = extract.validators.strong(weak=spec.weak_tags)
        if extract.partial:
            return
        self._known, self._first, self._whole_ms = extract.keys, False, extract.began_ms
        if self._folder is not None:
            Journal.drop(self._folder)

    def resume(self, memory: str, home: Path, *, first: bool) -> None:
        """Nothing is remembered beside the snapshot; a first load has its journal in `home`."""
        self._folder, self._first = home / "load", first
        if not first:
            Journal.drop(self._folder)

    def rest(self, stop: threading.Event, seconds: float) -> None:
        """Wait."""
        stop.wait(seconds)

    def close(self) -> None:
        """There is nothing to let go of."""
