"""Write `maven.lock` anew: resolve Kafka's run-time dependencies and pin every file by sha256.

Run by a person who changes a version below: `python -m hub.embedded.relock`. It downloads everything once
(some 200 MB) and trusts what the repository serves at that moment; from then on the checksums decide.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from pathlib import Path
from typing import Any

from jgo.maven import MavenContext

from hub.embedded.artifact import LOCK_FILE, Artifact

KAFKA = ("org.apache.kafka", "kafka_2.13", "4.4.0")
#: Kafka logs through slf4j 1.7 and brings no binding of its own; this one writes lines to stderr.
LOGGING = ("org.slf4j", "slf4j-simple", "1.7.36")
REGISTRY = ("io.apicurio", "apicurio-registry-app", "3.3.3")
_HEADER = """\
# Files from Maven repositories that the embedded Kafka and registry run on.
# Written by hub/embedded/relock.py.
# part group artifact version classifier packaging sha256 bytes
"""


def relock(repository: Path) -> list[Artifact]:
    """Resolve and download everything below `repository`; return the pinned artifacts."""
    context = MavenContext(repo_cache=repository, timeout=120)
    inputs = [context.create_dependency(":".join(coordinates)) for coordinates in (KAFKA, LOGGING)]
    resolved, transitive = context.resolver.resolve(inputs)
    found = [("kafka", dependency.artifact) for dependency in (*resolved, *transitive)]
    group, name, version = REGISTRY
    registry = context.project(group, name).at_version(version).artifact(classifier="all", packaging="tar.gz")
    return [_pin(part, artifact) for part, artifact in (*found, ("registry", registry))]


def _pin(part: str, artifact: Any) -> Artifact:
    path: Path = artifact.resolve()
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    group, name, version = artifact.groupId, artifact.artifactId, artifact.version
    size = path.stat().st_size
    return Artifact(part, group, name, version, artifact.classifier, artifact.packaging, sha256, size)


def main() -> None:
    """Write the lock file beside this module."""
    with tempfile.TemporaryDirectory() as folder:
        repository = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder)
        lines = [artifact.line for artifact in relock(repository)]
    LOCK_FILE.write_text(_HEADER + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
