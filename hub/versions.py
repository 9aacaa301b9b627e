"""Versions of an estate's projections: how far each is, and what a person does with them."""

from __future__ import annotations

import fcntl
import time
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from connectors.admin import Admin
from connectors.log_reader import read_all
from connectors.readmodel.reader import NotReady
from hub.estate import Estate
from schemas.errors import BanyanError, SettingsError, Transient
from streams.models import reader_of
from streams.projection import Projection
from streams.versions import Action, Versions, by_name, open_versions

#: So many events are counted one by one; of more the offsets tell well enough.
_COUNTED = 1_000
#: A worker leaves a held version at its next look (1 s), and its group within 10 s.
_LEAVE_SECONDS = 15.0


class NotCaughtUp(BanyanError):
    """A version is not what a switch demands; the answer is no."""

    exit_code = 1


def versions_of(estate: Estate) -> Versions:
    """Return the estate's versions: a file, or shared by the hosts where the read models are."""
    return open_versions(estate.state, estate.read_models)


def declared(estate: Estate, name: str, version: int) -> Projection:
    """Return a declared version.

    Raises:
        SettingsError: there is none.
    """
    for projection in estate.projections:
        if (projection.name, projection.version) == (name, version):
            return projection
    known = ", ".join(f"{p.name} {p.version}" for p in estate.projections) or "none"
    raise SettingsError(
        f"this estate declares no version {version} of a projection {name!r}",
        where=str(estate.path / "projections"),
        fix=f"choose from: {known}",
    )


def overview(estate: Estate) -> list[dict[str, Any]]:
    """Return every declared version with its state; `done`, `left` are None where Kafka does not answer."""
    file, found = versions_of(estate), []
    for name, versions in by_name(estate.projections).items():
        live = file.live(versions)
        for p in versions:
            status, ends = _status(estate, p), _ends(estate, p)
            left = _left(estate, p, status, ends)
            total = sum(ends.values()) if ends else 0
            if p == live:
                state = "live"
            elif file.is_held(p):
                state = "paused"
            elif p.version == file.standing(name).previous:
                state = "kept"
            else:
                state = "building" if left is None or left else "ready"
            found.append(
                {
                    "projection": name,
                    "version": p.version,
                    "state": state,
                    "topic": p.topic(estate.settings.prefix),
                    "path": f"/v1/{p.collection}",
                    "rows": status["rows"] if status else None,
                    "done": None if left is None or not total else 1 - left / total,
                    "left": left,
                }
            )
    return found


def switch_to(estate: Estate, name: str, to: int, *, by: str, reason: str, force: bool) -> int:
    """Make a version live and return which one was.

    Raises:
        SettingsError: it is live already, or not declared.
        NotCaughtUp: it has no read model, is not caught up, or has no fresh green comparison.
        Transient: Kafka does not answer.
    """
    wanted, file = declared(estate, name, to), versions_of(estate)
    was = file.live(by_name(estate.projections)[name]).version
    if was == to:
        raise SettingsError(f"version {to} is live already", where=name, fix="nothing")
    status = _status(estate, wanted)
    fix = "wait: banyan projection list; or --force, once it has a read model"
    if status is None:
        raise NotCaughtUp(f"version {to} has no read model", where=name, fix=fix)
    left = _left(estate, wanted, status, _ends(estate, wanted))
    if left is None and not force:
        raise Transient(f"Kafka does not say whether version {to} is caught up", where=name, fix=fix)
    if left and not force:
        raise NotCaughtUp(f"version {to} has {left} events to go", where=name, fix=fix)
    lacks = f"{left} events to go" if left else "Kafka did not answer" if left is None else ""
    # Rolling back must not wait for a comparison, and where nothing was live there is nothing to compare.
    current = declared(estate, name, was)
    if to != file.standing(name).previous and _status(estate, current) is not None:
        from hub.comparing import missing_comparison

        if (missing := missing_comparison(estate, name, to, was)) and not force:
            raise NotCaughtUp(
                missing,
                where=name,
                fix=f"banyan projection compare {name} --version {to}; or --force, which is kept on record",
            )
        lacks = "; ".join(filter(None, (lacks, missing)))
    versions = [p.version for p in by_name(estate.projections)[name]]
    file.switch(name, to, was=was, declared=versions, by=by, reason=reason, forced=lacks)
    return was


def drop_version(estate: Estate, name: str, version: int, *, by: str, reason: str) -> None:
    """Hold a version and delete its read model; it stays held, so that no worker builds it again.

    Raises:
        SettingsError: it is live.
        Transient: a worker still writes it.
    """
    _clear(estate, name, version, "drop", by=by, reason=reason)


def rebuild_version(estate: Estate, name: str, version: int, *, by: str, reason: str) -> None:
    """Delete a version's read model and let workers build it from the beginning.

    Raises:
        SettingsError: it is live.
        Transient: a worker still writes it.
    """
    _clear(estate, name, version, "rebuild", by=by, reason=reason)
    versions_of(estate).release(name, version, "rebuild", by=by, reason=reason)


def _clear(estate: Estate, name: str, version: int, action: Action, *, by: str, reason: str) -> None:
    projection, file = declared(estate, name, version), versions_of(estate)
    if file.live(by_name(estate.projections)[name]) == projection:
        raise SettingsError(
            f"version {version} is live",
            where=name,
            fix="declare a higher version, let it build beside this one, and switch to it",
        )
    models = estate.read_models
    if models.shared:
        raise SettingsError(
            "a read model in PostgreSQL is not deleted from here: other hosts may write it",
            where=name,
            fix=f'pause it on every host, then DROP SCHEMA "{models.schema(name, version)}" CASCADE',
        )
    file.hold(name, version, action, by=by, reason=reason)
    rows = models.file(name, version)
    deadline = time.monotonic() + _LEAVE_SECONDS
    while not _deleted(rows):
        if time.monotonic() > deadline:
            raise Transient(
                f"a worker still writes version {version}", where=name, fix="run the same command again"
            )
        time.sleep(0.2)


def _deleted(rows: Path) -> bool:
    """Delete a read model's files under its lock; False where a worker holds it."""
    if not rows.parent.is_dir():
        return True
    with rows.with_suffix(rows.suffix + ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        for suffix in ("", "-wal", "-shm"):
            rows.with_name(rows.name + suffix).unlink(missing_ok=True)
    return True


def _status(estate: Estate, projection: Projection) -> dict[str, Any] | None:
    reader = reader_of(projection, estate.links(needed=False))
    try:
        return reader.status()
    except NotReady:
        return None
    finally:
        reader.close()


def _ends(estate: Estate, projection: Projection) -> dict[int, int] | None:
    with suppress(BanyanError):
        links = estate.links()
        return Admin(links.kafka).last_stable_offsets(projection.topic(links.prefix))
    return None


def _left(
    estate: Estate, projection: Projection, status: dict[str, Any] | None, ends: dict[int, int] | None
) -> int | None:
    """Return how many events a version has to go; None where Kafka does not answer.

    Offsets alone do not tell: a commit marker takes one, and so do aborted events. So what lies between the
    stored offsets and the end is read, until there are so many events that the offsets are good enough.
    """
    if ends is None:
        return None
    stored: dict[str, int] = status["offsets"] if status else {}
    start = {partition: min(stored.get(str(partition), 0), end) for partition, end in ends.items()}
    by_offset = sum(end - start[partition] for partition, end in ends.items())
    if not by_offset:
        return 0
    try:
        links = estate.links(needed=False)
        records = read_all(links.kafka, projection.topic(links.prefix), start=start)
        counted = sum(1 for _ in islice(records, _COUNTED))
    except BanyanError:
        return None
    return by_offset if counted == _COUNTED else counted
