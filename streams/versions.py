"""Which version of each projection is live, which are held, and who decided it: one document, replaced whole.

State and journal share it, so that no decision is without its entry and no entry without its effect. Where
one host has the read models it is a file: readers look at its inode, which is one system call a request, and
a rename is the switch. Where several hosts share PostgreSQL it is there (`streams.shared_versions`).
"""

from __future__ import annotations

import fcntl
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from connectors.durable import write_durably
from connectors.readmodel.stores import Stores
from schemas.errors import SettingsError, Terminal
from streams.projection import Projection

Action = Literal["switch", "drop", "rebuild", "pause", "resume", "compare"]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(_Model):
    """One decision: what, by whom, when and why."""

    at_ms: int
    action: Action
    projection: str
    version: int
    was: int | None = None
    by: str
    reason: str
    #: Why this switch was made without what it demands: a version that is caught up, a green comparison.
    forced: str = ""


class Compared(_Model):
    """What came of the last comparison of a version with another one."""

    at_ms: int
    version: int
    other: int
    #: By partition, the offset up to which both were compared.
    offsets: dict[str, int]
    #: The rules that explained differences; others since then, and it counts no more.
    rules: str
    explained: int
    green: bool


class Standing(_Model):
    """How one projection's versions stand."""

    live: int | None = None
    #: What was live before: rolling back is a switch to it.
    previous: int | None = None
    #: Versions that no worker may write: a pause, or the moment before files are taken away.
    held: tuple[int, ...] = ()
    #: The last comparison by version; a rebuild forgets those of that version.
    compared: dict[int, Compared] = Field(default_factory=dict)


class Document(_Model):
    """The whole file."""

    projections: dict[str, Standing] = Field(default_factory=dict)
    journal: tuple[Entry, ...] = ()


class Versions:
    """The versions' file of one estate; it may not be there yet.

    Args:
        state: the estate's state folder.
    """

    def __init__(self, state: Path) -> None:
        self.file = state / "readmodel" / "versions.json"
        self._stamp = (0, 0)
        self._document = Document()

    def __repr__(self) -> str:
        return f"<Versions {self.file}>"

    @property
    def document(self) -> Document:
        """What the file says now.

        Raises:
            Terminal: it is no such file.
        """
        try:
            found = self.file.stat()
        except FileNotFoundError:
            self._stamp, self._document = (0, 0), Document()
            return self._document
        stamp = (found.st_ino, found.st_mtime_ns)
        if stamp != self._stamp:
            try:
                self._document = Document.model_validate_json(self.file.read_bytes())
            except ValidationError:
                raise Terminal(
                    "this is no file of versions",
                    where=str(self.file),
                    fix="put it back from a backup, or delete it: then the lowest declared version is live",
                ) from None
            self._stamp = stamp
        return self._document

    def standing(self, name: str) -> Standing:
        """Return how the versions of a projection stand."""
        return self.document.projections.get(name) or Standing()

    def live(self, versions: Sequence[Projection]) -> Projection:
        """Return the live one of a projection's versions: the one switched to, else the lowest."""
        chosen = self.standing(versions[0].name).live
        return next((p for p in versions if p.version == chosen), min(versions, key=lambda p: p.version))

    def is_held(self, projection: Projection) -> bool:
        """Return whether no worker may write this version now."""
        return projection.version in self.standing(projection.name).held

    def switch(
        self,
        name: str,
        to: int,
        *,
        was: int,
        declared: Collection[int] = (),
        by: str,
        reason: str,
        forced: str = "",
    ) -> None:
        """Make a version live; `was` is kept, to roll back to.

        Args:
            name: the projection.
            to: the version that becomes live.
            was: the one that was live when it was looked up.
            declared: the versions that the estate has: one on file that is none of them is no rival; empty =
                any may be.
            by: who decides.
            reason: why.
            forced: what it was made without.

        Raises:
            SettingsError: another switch came first.
        """
        with self._changing() as document:
            standing = document.projections.get(name) or Standing()
            rivals = not declared or standing.live in declared
            if standing.live not in (None, was) and rivals:
                raise SettingsError(
                    f"version {standing.live} is live by now, not {was}",
                    where=name,
                    fix="look again: banyan projection list",
                )
            held = tuple(v for v in standing.held if v != to)
            changed = Standing(live=to, previous=was, held=held, compared=standing.compared)
            self._write(document, name, changed, "switch", to, was=was, by=by, reason=reason, forced=forced)

    def note(self, name: str, compared: Compared, *, by: str, reason: str) -> None:
        """Keep what came of a comparison."""
        with self._changing() as document:
            standing = document.projections.get(name) or Standing()
            changed = standing.model_copy(
                update={"compared": {**standing.compared, compared.version: compared}}
            )
            self._write(document, name, changed, "compare", compared.version, by=by, reason=reason)

    def hold(self, name: str, version: int, action: Action, *, by: str, reason: str) -> None:
        """Let no worker write a version from now on: it leaves within a few seconds."""
        with self._changing() as document:
            standing = document.projections.get(name) or Standing()
            held = tuple(sorted({*standing.held, version}))
            kept = standing.compared
            if action in ("drop", "rebuild"):  # what was compared is no more
                kept = {v: c for v, c in kept.items() if version not in (c.version, c.other)}
            changed = standing.model_copy(update={"held": held, "compared": kept})
            self._write(document, name, changed, action, version, by=by, reason=reason)

    def release(self, name: str, version: int, action: Action, *, by: str, reason: str) -> None:
        """Let workers write a version again."""
        with self._changing() as document:
            standing = document.projections.get(name) or Standing()
            held = tuple(v for v in standing.held if v != version)
            changed = standing.model_copy(update={"held": held})
            self._write(document, name, changed, action, version, by=by, reason=reason)

    @contextmanager
    def _changing(self) -> Iterator[Document]:
        """Keep other commands out while the file is read and replaced."""
        self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.file.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield self.document

    def _write(
        self,
        document: Document,
        name: str,
        standing: Standing,
        action: Action,
        version: int,
        *,
        by: str,
        reason: str,
        was: int | None = None,
        forced: str = "",
    ) -> None:
        entry = Entry(
            at_ms=int(time.time() * 1000),
            action=action,
            projection=name,
            version=version,
            was=was,
            by=by,
            reason=reason,
            forced=forced,
        )
        changed = Document(
            projections={**document.projections, name: standing}, journal=(*document.journal, entry)
        )
        self._put(changed)

    def _put(self, document: Document) -> None:
        write_durably(self.file, document.model_dump_json(indent=1).encode(), mode=0o600)


def open_versions(state: Path, stores: Stores) -> Versions:
    """Return the versions of a hub: where its read models are shared, so are they.

    Args:
        state: the estate's state folder.
        stores: the hub's read models.
    """
    if not stores.shared:
        return Versions(state)
    from streams.shared_versions import SharedVersions

    return SharedVersions(state, stores)


def by_name(projections: Sequence[Projection]) -> dict[str, list[Projection]]:
    """Return the declared versions of each projection, in order of version."""
    found: dict[str, list[Projection]] = {}
    for projection in projections:
        found.setdefault(projection.name, []).append(projection)
    return {name: sorted(versions, key=lambda p: p.version) for name, versions in found.items()}
