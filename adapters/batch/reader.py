"""What the batch adapter asks of a file format: entities, and a pass over one file.

The copybook source is one reader; delimited and fixed text, XML and JSON are others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO, Protocol

from adapters.batch.actions import ActionCodes
from adapters.extract import Chunk
from schemas.entity import Entity


class Reading(Protocol):
    """One pass over one file."""

    def chunks(self, stream: BinaryIO) -> Iterator[Chunk]:
        """Yield decoded chunks in file order; memory is bounded by one chunk.

        `stream` holds the file's bytes after decryption and decompression; it need not be seekable.

        Raises:
            Terminal: the file does not fit these settings at all.
        """
        ...

    def problems(self) -> list[str]:
        """Return why this file is not complete (empty = complete); call when `chunks` is exhausted."""
        ...

    @property
    def nulled(self) -> Mapping[str, int]:
        """How many bad values became null so far, by field, because settings said so."""
        ...


class Reader(Protocol):
    """A file format with its settings, checked once; it reads any number of files."""

    @property
    def entities(self) -> Mapping[str, Entity]:
        """The entities that the files hold, by name."""
        ...

    def reading(self, name: str, size: int) -> Reading:
        """Return a pass over one file.

        Args:
            name: the file's name, for errors and for what the name itself says (a business date).
            size: bytes of the stream, or 0 where nobody knows (a compressed file).
        """
        ...


class FormatReader(Reader, Protocol):
    """A reader that can read records which say what they do."""

    def acting(self, actions: ActionCodes) -> FormatReader:
        """Return the reader of delta files: every entity has the actions' field, and none has it in its key.

        It rejects a record with an undeclared code; of a delete nothing but key and code must be readable,
        and what is not is null.
        """
        ...
