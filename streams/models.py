"""The read models that the API reads: of each projection the live version, looked up at each request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from connectors.links import Links
from connectors.readmodel.reader import RowReader
from streams.projection import Projection
from streams.versions import by_name, open_versions


class LiveModels(Mapping[str, RowReader]):
    """Projection name → the reader of its live version.

    A request takes one reader and keeps it, so that a switch never mixes two versions in one answer.
    """

    def __init__(self, projections: Sequence[Projection], links: Links) -> None:
        self._versions = by_name(projections)
        self._file = open_versions(links.state, links.read_models)
        self._readers = {(p.name, p.version): reader_of(p, links) for p in projections}

    def __getitem__(self, name: str) -> RowReader:
        return self._readers[name, self.live(name).version]

    def __iter__(self) -> Iterator[str]:
        return iter(self._versions)

    def __len__(self) -> int:
        return len(self._versions)

    def open(self, name: str) -> tuple[Projection, RowReader]:
        """Return the live version of a projection and its reader: one request's view."""
        projection = self.live(name)
        return projection, self._readers[name, projection.version]

    def live(self, name: str) -> Projection:
        """Return the live version of a projection."""
        versions = self._versions[name]
        return versions[0] if len(versions) == 1 else self._file.live(versions)

    def lives(self) -> list[Projection]:
        """Return the live version of every projection."""
        return [self.live(name) for name in self]


def reader_of(projection: Projection, links: Links) -> RowReader:
    """Return a reader of one version's read model; it need not be there yet."""
    return links.read_models.reader(projection.name, projection.version)
