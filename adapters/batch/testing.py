"""Tests that every batch adapter should pass: an adapter's own test subclasses `BatchAdapterTest`."""

from __future__ import annotations

import io
from pathlib import Path
from typing import cast

from adapters.batch.dry_run import dry_run, plain_reader
from adapters.batch.made_up import made_up
from adapters.batch.mode import in_mode
from adapters.batch.reader import Reader
from adapters.batch.spec import BatchSpec
from adapters.catalogue import load_adapter
from adapters.dry_run import DryRun


class BatchAdapterTest:
    """Runs under pytest; `folder` is where the adapter's adapter.toml stands.

    Files are made up from the settings, so that no real data is needed. Add tests of your own below it.
    """

    folder: Path

    @property
    def spec(self) -> BatchSpec:
        """The adapter's settings."""
        return cast(BatchSpec, load_adapter(self.folder))

    @property
    def reader(self) -> Reader:
        """What reads its files, with the action codes of a delta."""
        return in_mode(plain_reader(self.spec, self.folder), self.spec.mode, self.spec.delta)

    def made_up(self) -> bytes:
        """Return a file with three records of each entity."""
        return made_up(self.spec, plain_reader(self.spec, self.folder))

    def read(self, content: bytes) -> DryRun:
        """Read a file from memory."""
        return dry_run(self.reader, "made-up", io.BytesIO(content), len(content))

    def test_settings_are_whole(self) -> None:
        """adapter.toml loads, its copybook is read, and every name in it is a field."""
        assert self.spec.open(self.folder).entities

    def test_a_made_up_file_is_read(self) -> None:
        """Three records of each entity come out as three rows, with no reject and no problem."""
        found = self.read(self.made_up())
        assert found.clean, found
        assert found.rows == dict.fromkeys(self.reader.entities, 3)

    def test_an_empty_file_is_held(self) -> None:
        """A file with nothing in it is a problem: its silence must delete nothing."""
        found = self.read(b"")
        assert found.problems or found.refused

    def test_a_cut_file_loses_nothing_in_silence(self) -> None:
        """A file that ends within its last record has a reject or a problem, or is refused."""
        content = self.made_up()
        assert not self.read(content[:-3]).clean or self._ends_in_lines

    @property
    def _ends_in_lines(self) -> bool:
        """Of a last line's text nobody knows how long it was; a trailer, or last_line_end, would tell."""
        spec = self.spec
        return spec.format in ("delimited", "fixed_text") or spec.framing == "lines"
