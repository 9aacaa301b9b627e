"""The read models of one hub: SQLite files, or schemas of one PostgreSQL database."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from schemas.errors import SettingsError

if TYPE_CHECKING:
    from connectors.readmodel.parked import ParkedEvents
    from connectors.readmodel.reader import RowReader
    from connectors.readmodel.store import ReadModel

#: Of an identifier of PostgreSQL (NAMEDATALEN - 1); what is longer is cut without an error.
_LONGEST_NAME: Final = 63


@dataclass(frozen=True, slots=True)
class Stores:
    """Opens the read model of a projection version.

    Each store's code is imported when it is first opened: every command of the command line has these.

    Attributes:
        folder: where SQLite files are.
        prefix: the hub's; several hubs may share one database.
        url: `postgresql://…`, or empty for SQLite.
    """

    folder: Path
    prefix: str
    url: str = field(default="", repr=False)

    @property
    def shared(self) -> bool:
        """True where several workers may write one projection."""
        return bool(self.url)

    def file(self, name: str, version: int) -> Path:
        """Return the SQLite file of a projection version."""
        return self.folder / f"{name}.v{version}.sqlite"

    def schema(self, name: str, version: int) -> str:
        """Return the PostgreSQL schema of a projection version; `.` needs quotes and cannot be mistaken.

        Raises:
            SettingsError: the name is too long.
        """
        found = f"{self.prefix}.{name}.v{version}"
        if len(found.encode()) > _LONGEST_NAME:
            raise SettingsError(
                f"PostgreSQL would cut the schema name {found} at {_LONGEST_NAME} bytes, and mix up versions",
                where="[read_model] url",
                fix="give the projection a shorter name",
            )
        return found

    def writer(self, name: str, version: int, *, topic: str, topic_id: str = "") -> ReadModel:
        """Open it to write; made where it is not there.

        Raises:
            SettingsError: another worker holds the SQLite file.
            Terminal: it cannot be written by this projection.
            StoreUnavailable: not now.
        """
        if self.url:
            from connectors.readmodel.postgres import PostgresReadModel

            schema = self.schema(name, version)
            return PostgresReadModel(self.url, schema, topic=topic, topic_id=topic_id)
        from connectors.readmodel.sqlite import SqliteReadModel

        return SqliteReadModel(self.file(name, version), topic=topic, topic_id=topic_id)

    def reader(self, name: str, version: int) -> RowReader:
        """Return a reader of it, for any threads; it need not be there yet."""
        from connectors.readmodel.reader import RowReader

        if self.url:
            from connectors.readmodel.postgres_source import PostgresSource

            return RowReader(PostgresSource(self.url, self.schema(name, version)))
        from connectors.readmodel.sqlite_source import SqliteSource

        return RowReader(SqliteSource(self.file(name, version)))

    def parked(self, name: str, version: int) -> ParkedEvents:
        """Return what waits in it, to be looked at and to be decided about."""
        from connectors.readmodel.parked import ParkedEvents

        if self.url:
            return ParkedEvents.in_postgres(self.url, self.schema(name, version))
        return ParkedEvents.in_sqlite(self.file(name, version))
