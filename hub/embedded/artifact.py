"""One Maven artifact, pinned by checksum, and the lock file that lists all of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from schemas.errors import Terminal

#: Written by `python -m hub.embedded.relock`; names no host, so that any Maven mirror serves it.
LOCK_FILE = Path(__file__).with_name("maven.lock")
_COLUMNS = 8


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file in a Maven repository, with the part of Banyan that needs it and its size in bytes."""

    part: str
    group: str
    name: str
    version: str
    classifier: str
    packaging: str
    sha256: str
    size: int

    @property
    def filename(self) -> str:
        """The file name of Maven's repository layout."""
        tail = f"-{self.classifier}" if self.classifier else ""
        return f"{self.name}-{self.version}{tail}.{self.packaging}"

    @property
    def path(self) -> Path:
        """The path below a repository's root, in Maven's layout."""
        return Path(*self.group.split("."), self.name, self.version, self.filename)

    @property
    def line(self) -> str:
        """The line of the lock file; `-` stands for no classifier."""
        fields = (self.part, self.group, self.name, self.version, self.classifier or "-", self.packaging)
        return " ".join((*fields, self.sha256, str(self.size)))


def read_lock(path: Path = LOCK_FILE) -> tuple[Artifact, ...]:
    """Return the artifacts of the lock file in its order (Kafka's class path keeps it).

    Raises:
        Terminal: a line does not have the eight columns.
    """
    artifacts = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split()
        if len(fields) != _COLUMNS or len(fields[6]) != 64 or not fields[7].isdigit():
            raise Terminal(
                "not a line of the Maven lock file",
                where=f"{path}:{number}",
                fix="restore the file, or write it anew with: python -m hub.embedded.relock",
            )
        part, group, name, version, classifier, packaging, sha256, size = fields
        plain = "" if classifier == "-" else classifier
        artifacts.append(Artifact(part, group, name, version, plain, packaging, sha256, int(size)))
    return tuple(artifacts)
