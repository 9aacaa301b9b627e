"""Settings of a batch adapter: `kind = "batch"` in adapter.toml."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import model_validator

from adapters.batch.adapter import BatchAdapter, Opening
from adapters.batch.arrival_spec import SAFE_AGE_SECONDS, ArrivalSpec
from adapters.batch.decrypt import Decryption
from adapters.batch.expected import Timetable
from adapters.batch.format_spec import FormatSpec
from adapters.batch.mode import in_mode
from adapters.batch.reader import Reader
from adapters.spec import AdapterSpec


class BatchSpec(FormatSpec, ArrivalSpec, AdapterSpec):
    """Files that a legacy system drops: COBOL records, delimited or fixed text, XML, JSON."""

    summary: ClassVar[str] = """
    Reads files (COBOL records by copybook, delimited or fixed text, XML, JSON) from a folder, an SFTP server
    or an S3-compatible store, oldest business date first. Of full extracts it publishes what changed since
    the last one, of deltas and events what they say. A record that cannot be decoded goes
    to the dead-letter topic with its bytes, place, field and reason, and its neighbours flow on. A file that
    is empty, cut off, fails its trailer or holds an unreadable key publishes no deletes and is held for
    approval. A file is moved to the archive only after the last transaction of its events is committed; the
    same bytes under the same name are recognised and publish nothing.
    """

    kind: Literal["batch"] = "batch"

    @model_validator(mode="after")
    def _header_has_a_number(self) -> BatchSpec:
        if self.sequence_from == "header" and (self.header is None or not self.header.sequence):
            raise ValueError("sequence_from = 'header' needs [header] with sequence, the field of the number")
        return self

    def advice(self) -> list[tuple[str, str]]:
        """Return a warning where nothing would tell a half-written file from a whole one."""
        whole = self.done_marker or self.trailer is not None
        # A read-only folder is somebody's finished collection, not a place where uploads arrive; objects of a
        # store appear whole.
        safe = self.min_age_seconds >= SAFE_AGE_SECONDS or self.place.startswith("s3:")
        if safe or whole or self.read_only:
            return []
        return [
            (
                f"min_age_seconds = {self.min_age_seconds:g} and neither trailer nor done_marker: an upload "
                "that stalls between two records is read as a whole file, and what it lacks is deleted",
                f"set min_age_seconds = {SAFE_AGE_SECONDS:g} or more, or declare a trailer or a done_marker",
            )
        ]

    def open(self, folder: Path) -> BatchAdapter:
        """Make the adapter; the copybook is read and every name in the settings checked.

        Raises:
            SettingsError: a name that is no field, a wrong record length, an unknown page or dialect.
            CopybookError: the copybook cannot be read.
        """
        reader = self.reader(folder)
        decryption = Decryption.of(self.decrypt, folder) if self.decrypt else None
        return BatchAdapter(
            reader,
            self.inbox(folder),
            Opening(decryption, self.unfinished_seconds if self.trailer is not None else 0.0, self.opened),
            Timetable(self.expected) if self.expected else None,
            partial=self.mode != "full",
            numbered=self.sequence_from == "header",
        )

    def reader(self, folder: Path) -> Reader:
        """Return the reader described by these settings, without touching the files' folder."""
        plain = self.read_as(
            folder, system=self.system, key_privacy=self.key_privacy, in_name=self.business_date
        )
        return in_mode(plain, self.mode, self.delta)
