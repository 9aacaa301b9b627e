"""Bring the pinned Maven artifacts into the per-user cache: parallel, verified, atomic, resumable by file."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver

from hub.embedded.artifact import Artifact, read_lock
from hub.embedded.cache import cache_folder, exclusive
from hub.embedded.progress import Progress, Silent
from schemas.errors import Transient

#: One file is 158 of the 200 MB, so more threads do not help a normal line.
_THREADS = 4
#: A corrupt or broken download is dropped and fetched again this often before the user hears of it.
_ATTEMPTS = 3
#: Seconds without a byte until a download counts as broken.
_SILENCE = 60
#: `download(artifact, into, advance)` puts the file somewhere below `into` and returns its path.
Download = Callable[[Artifact, Path, Callable[[int], None]], Path]


def maven_fetch(
    progress: Progress | None = None,
    *,
    artifacts: Sequence[Artifact] | None = None,
    cache: Path | None = None,
    download: Download | None = None,
) -> Path:
    """Make sure that every artifact is in the cache, whole and as pinned; return the repository's root.

    Files that are there are checked by size and time against the note of their last sha256 check, and hashed
    again when either changed. A second process waits for the first instead of downloading twice.

    Raises:
        Transient: a file could not be had, or never matched its checksum.
    """
    progress = progress or Silent()
    cache = cache or cache_folder()
    wanted = read_lock() if artifacts is None else artifacts
    repository = cache / "maven"
    if not missing(repository, wanted):
        return repository
    repository.mkdir(parents=True, exist_ok=True)
    with exclusive(cache, "maven"):
        lacking = missing(repository, wanted)
        if lacking:
            progress.download("Fetching Apache Kafka and the Apicurio registry", sum(a.size for a in lacking))
            ending = threading.Event()
            with _partial(repository) as partial, ThreadPoolExecutor(_THREADS, "maven-fetch") as pool:
                big_first = sorted(lacking, key=lambda a: -a.size)
                fetch = download or jgo_download
                jobs = [
                    pool.submit(_fetch_one, a, repository, partial, progress, fetch, ending)
                    for a in big_first
                ]
                try:
                    for job in jobs:
                        job.result()
                except BaseException:  # Ctrl-C must not wait for a download of minutes
                    ending.set()
                    pool.shutdown(wait=False, cancel_futures=True)
                    raise
    return repository


class _EndedError(Exception):
    """Somebody else's failure, or a signal, ends this download."""


def missing(repository: Path, artifacts: Sequence[Artifact]) -> list[Artifact]:
    """Return the artifacts that are not there or not as pinned; corrupt files are deleted."""
    return [artifact for artifact in artifacts if not _intact(repository, artifact)]


def jgo_download(artifact: Artifact, into: Path, advance: Callable[[int], None]) -> Path:
    """Download one file with jgo into an empty Maven layout below `into`."""

    @contextmanager
    def bar(_name: str, _size: int) -> Iterator[Callable[[int], None]]:
        yield advance

    context = MavenContext(resolver=PythonResolver(progress_callback=bar), repo_cache=into, timeout=_SILENCE)
    component = context.project(artifact.group, artifact.name).at_version(artifact.version)
    resolved: Path = component.artifact(
        classifier=artifact.classifier, packaging=artifact.packaging
    ).resolve()
    return resolved


def _fetch_one(
    artifact: Artifact,
    repository: Path,
    partial: Path,
    progress: Progress,
    download: Download,
    ending: threading.Event,
) -> None:
    reason = ""
    for attempt in range(_ATTEMPTS):
        into = partial / f"{artifact.sha256[:12]}.{attempt}"
        counted = 0

        def advance(size: int) -> None:
            nonlocal counted
            if ending.is_set():
                raise _EndedError
            counted += size
            progress.advance(size)

        try:
            file = download(artifact, into, advance)
            found = _sha256(file)
            if found == artifact.sha256:
                _keep(file, repository, artifact)
                return
            reason = f"its sha256 is {found[:12]}…, expected {artifact.sha256[:12]}…"
        except (
            OSError,
            RuntimeError,
        ) as error:  # requests' errors are OSErrors; jgo raises RuntimeError for a 404
            reason = _reason(error)
        shutil.rmtree(into, ignore_errors=True)
        progress.advance(-counted)
        if ending.is_set():
            raise _EndedError
    raise Transient(
        f"could not fetch {artifact.filename} in {_ATTEMPTS} attempts: {reason}",
        where=f"{artifact.group}:{artifact.name}:{artifact.version}",
        fix="check the network and its proxy settings, then start again; what was fetched is kept",
    )


def _reason(error: Exception) -> str:
    """Return the kind of failure without the address, which may hold credentials of a mirror."""
    return "the repository does not have it" if isinstance(error, RuntimeError) else type(error).__name__


def _keep(file: Path, repository: Path, artifact: Artifact) -> None:
    target = repository / artifact.path
    target.parent.mkdir(parents=True, exist_ok=True)
    file.replace(target)
    _write_note(target, artifact)


def _intact(repository: Path, artifact: Artifact) -> bool:
    path = repository / artifact.path
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    expected = [artifact.sha256, status.st_size, status.st_mtime_ns]
    try:
        if json.loads(_note(path).read_text()) == expected:
            return True
    except (OSError, ValueError):
        pass
    if status.st_size == artifact.size and _sha256(path) == artifact.sha256:
        _write_note(path, artifact)
        return True
    path.unlink(missing_ok=True)
    return False


def _note(path: Path) -> Path:
    return path.with_name(path.name + ".verified")


def _write_note(path: Path, artifact: Artifact) -> None:
    status = path.stat()
    # Two threads may check one file at a time: each writes a note of its own.
    fresh = _note(path).with_suffix(f".{os.getpid()}-{threading.get_ident()}")
    fresh.write_text(json.dumps([artifact.sha256, status.st_size, status.st_mtime_ns]))
    fresh.replace(_note(path))


@contextmanager
def _partial(repository: Path) -> Iterator[Path]:
    """Yield a folder for half downloads; what an interrupted run left is dropped first (the lock is held)."""
    folder = repository / ".partial"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield Path(tempfile.mkdtemp(dir=folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
