"""Which version of each projection is live, which are held, and who decided it: one file, replaced whole.

State and journal share the file, so that no decision is without its entry and no entry without its effect.
Readers look at the file's inode, which is one system call a request; a rename is the switch.
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
from schemas.errors import SettingsError, Terminal
from streams.projection import Projection

Action = Literal["switch", "drop", "rebuild", "pause", "resume"]


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


class Standing(_Model):
    """How one projection's versions stand."""

    live: int | None = None
    #: What was live before: rolling back is a switch to it.
    previous: int | None = None
    #: Versions that no worker may write: a pause, or the moment before files are taken away.
    held: tuple[int, ...] = ()


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
        self, name: str, to: int, *, was: int, declared: Collection[int] = (), by: str, reason: str
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
            changed = Standing(live=to, previous=was, held=held)
            self._write(document, name, changed, "switch", to, was=was, by=by, reason=reason)

    def hold(self, name: str, version: int, action: Action, *, by: str, reason: str) -> None:
        """Let no worker write a version from now on: it leaves within a few seconds."""
        with self._changing() as document:
            standing = document.projections.get(name) or Standing()
            held = tuple(sorted({*standing.held, version}))
            changed = standing.model_copy(update={"held": held})
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
    ) -> None:
        entry = Entry(
            at_ms=int(time.time() * 1000),
            action=action,
            projection=name,
            version=version,
            was=was,
            by=by,
            reason=reason,
        )
        changed = Document(
            projections={**document.projections, name: standing}, journal=(*document.journal, entry)
        )
        write_durably(self.file, changed.model_dump_json(indent=1).encode(), mode=0o600)


def by_name(projections: Sequence[Projection]) -> dict[str, list[Projection]]:
    """Return the declared versions of each projection, in order of version."""
    found: dict[str, list[Projection]] = {}
    for projection in projections:
        found.setdefault(projection.name, []).append(projection)
    return {name: sorted(versions, key=lambda p: p.version) for name, versions in found.items()}
