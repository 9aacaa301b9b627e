"""What the comparison asks of a file format."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from adapters.compare.fingerprint import Bools, Fingerprint, Int64s
from adapters.compare.prints import Prints

if TYPE_CHECKING:
    import pyarrow as pa


class NotProven(Exception):
    """A table in bytes cannot say what its rows are without decoding all of them."""


@dataclass(frozen=True, slots=True)
class Images:
    """n rows as decoded.

    Attributes:
        rows: with all columns of the table.
        bad: which of them cannot be decoded and are null; None: all can.
    """

    rows: pa.Table
    bad: Bools | None = None


class Table(Protocol):
    """One extract as a table: read once for its rows' fingerprints, then again where rows differ."""

    @property
    def name(self) -> str:
        """The file's name, for errors."""
        ...

    @property
    def columns(self) -> Sequence[str]:
        """The columns' names, in the file's order."""
        ...

    @property
    def rows_expected(self) -> int:
        """About how many rows there are; decides over partitions, so a wrong guess costs memory only."""
        ...

    @property
    def rejected(self) -> Sequence[str]:
        """Key texts of records that cannot be decoded; complete when `prints` is exhausted."""
        ...

    def prints(self, fingerprint: Fingerprint, key: Sequence[str], salt: bytes) -> Iterator[Prints]:
        """Yield the rows' fingerprints in the file's order; memory is bounded by one piece.

        Args:
            fingerprint: the function.
            key: the key's columns.
            salt: rows of tables with different salts never count as alike before they are looked at.

        Raises:
            Terminal: the file cannot be read as what it should be.
            NotProven: before the last piece, by tables that have a `careful` form.
        """
        ...

    def images(self, starts: Int64s, lengths: Int64s, numbers: Int64s) -> Images:
        """Return the rows at n places with all columns.

        Raises:
            Terminal: a row has not the table's columns.
        """
        ...


@runtime_checkable
class Hasty(Protocol):
    """A table that may find, before it has yielded everything, that it must be decoded whole."""

    def careful(self) -> Table:
        """Return the table that is decoded whole."""
        ...
