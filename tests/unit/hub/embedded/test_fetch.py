"""The cache of Maven artifacts: whole, as pinned, and fetched once."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.embedded.artifact import LOCK_FILE, Artifact, read_lock
from hub.embedded.fetch import maven_fetch, missing
from schemas.errors import Terminal, Transient

CONTENT = b"a jar, as far as this test goes"


def artifact(name: str = "thing", content: bytes = CONTENT) -> Artifact:
    digest = hashlib.sha256(content).hexdigest()
    return Artifact("kafka", "org.example", name, "1.0", "", "jar", digest, len(content))


class Source:
    """Serves the given contents one after the other, then the right one; counts how often it was asked."""

    def __init__(self, *contents: bytes | Exception) -> None:
        self.contents = list(contents)
        self.calls = 0
        self.guard = threading.Lock()

    def __call__(self, wanted: Artifact, into: Path, advance: Callable[[int], None]) -> Path:
        with self.guard:
            self.calls += 1
            content = self.contents.pop(0) if self.contents else CONTENT
        into.mkdir(parents=True)
        file = into / wanted.filename
        if isinstance(content, Exception):
            file.write_bytes(CONTENT[:5])
            advance(5)
            raise content
        file.write_bytes(content)
        advance(len(content))
        return file


class Counter:
    """Adds up the progress."""

    def __init__(self) -> None:
        self.total = self.done = 0

    def step(self, text: str) -> None: ...

    def download(self, what: str, size: int) -> None:
        self.total += size

    def advance(self, size: int) -> None:
        self.done += size


def test_a_corrupt_download_is_dropped_and_fetched_again(tmp_path: Path) -> None:
    """A file with a wrong checksum never reaches the cache; the next attempt does, and the bar ends right."""
    source, counter = Source(b"corrupt"), Counter()
    repository = maven_fetch(counter, artifacts=[artifact()], cache=tmp_path, download=source)
    assert (repository / artifact().path).read_bytes() == CONTENT
    assert source.calls == 2
    assert counter.done == counter.total == len(CONTENT)


def test_a_broken_download_is_fetched_again(tmp_path: Path) -> None:
    """A connection that breaks half-way leaves nothing behind."""
    source = Source(ConnectionError("reset"))
    repository = maven_fetch(artifacts=[artifact()], cache=tmp_path, download=source)
    assert (repository / artifact().path).read_bytes() == CONTENT
    assert not (repository / ".partial").exists()


def test_a_file_that_never_matches_is_reported(tmp_path: Path) -> None:
    """After three wrong checksums the error names the artifact and both sums, and nothing is kept."""
    source = Source(b"bad", b"bad", b"bad")
    with pytest.raises(Transient, match="sha256") as caught:
        maven_fetch(artifacts=[artifact()], cache=tmp_path, download=source)
    assert caught.value.where == "org.example:thing:1.0"
    assert not (tmp_path / "maven" / artifact().path).exists()


def test_an_error_never_shows_the_repository_address(tmp_path: Path) -> None:
    """The address of a mirror may hold a password, so the error gives only the kind of failure."""
    secret = OSError("https://user:secret@mirror.example/thing.jar")
    with pytest.raises(Transient) as caught:
        maven_fetch(artifacts=[artifact()], cache=tmp_path, download=Source(secret, secret, secret))
    assert "secret" not in str(caught.value)


def test_a_cached_file_is_not_fetched_again(tmp_path: Path) -> None:
    """The second call touches no network."""
    source = Source()
    maven_fetch(artifacts=[artifact()], cache=tmp_path, download=source)
    maven_fetch(artifacts=[artifact()], cache=tmp_path, download=source)
    assert source.calls == 1


@pytest.mark.parametrize("damaged", [CONTENT[:10], CONTENT[:-1] + b"X"], ids=["cut off", "changed"])
def test_a_damaged_cached_file_is_found_and_replaced(tmp_path: Path, damaged: bytes) -> None:
    """A jar that was cut off or changed after its check is deleted and fetched again."""
    source = Source()
    repository = maven_fetch(artifacts=[artifact()], cache=tmp_path, download=source)
    path = repository / artifact().path
    path.write_bytes(damaged)
    assert missing(repository, [artifact()]) == [artifact()]
    maven_fetch(artifacts=[artifact()], cache=tmp_path, download=source)
    assert path.read_bytes() == CONTENT


def test_a_good_file_without_its_note_is_kept(tmp_path: Path) -> None:
    """A file that somebody copied into the cache is hashed once and then trusted."""
    path = tmp_path / "maven" / artifact().path
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    source = Source()
    maven_fetch(artifacts=[artifact()], cache=tmp_path, download=source)
    assert source.calls == 0


def test_what_a_killed_run_left_half_downloaded_is_cleared(tmp_path: Path) -> None:
    """Half downloads of an earlier run are removed and cannot be taken for whole ones."""
    left = tmp_path / "maven" / ".partial" / "old"
    left.mkdir(parents=True)
    (left / "thing-1.0.jar").write_bytes(CONTENT[:3])
    repository = maven_fetch(artifacts=[artifact()], cache=tmp_path, download=Source())
    assert not left.exists()
    assert (repository / artifact().path).read_bytes() == CONTENT


def test_two_at_once_download_once(tmp_path: Path) -> None:
    """Two callers that need the same file wait for each other instead of fetching it twice."""
    source = Source()
    call = {"artifacts": [artifact()], "cache": tmp_path, "download": source}
    threads = [threading.Thread(target=maven_fetch, kwargs=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert source.calls == 1


def test_an_interrupted_fetch_ends_its_downloads(tmp_path: Path) -> None:
    """What ends one download (Ctrl-C among it) ends the others at their next bytes, and starts no more."""
    begun = threading.Event()
    asked: list[str] = []

    def source(wanted: Artifact, into: Path, advance: Callable[[int], None]) -> Path:
        asked.append(wanted.name)
        if wanted.name == "interrupted":
            begun.wait(20)
            raise KeyboardInterrupt
        begun.set()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:  # a long download
            advance(0)
            time.sleep(0.01)
        raise AssertionError("this download was not ended")

    # The largest is asked for first, and waited for first.
    wanted = [artifact("interrupted", CONTENT * 2), *(artifact(f"long{i}") for i in range(9))]
    with pytest.raises(KeyboardInterrupt):
        maven_fetch(artifacts=wanted, cache=tmp_path, download=source)
    assert len(asked) < len(wanted)
    assert not (tmp_path / "maven" / ".partial").exists()


def test_the_lock_file_is_whole_and_names_no_host() -> None:
    """Every line pins one file by sha256; no line says where to get it."""
    artifacts = read_lock()
    assert {a.part for a in artifacts} == {"kafka", "registry"}
    assert len({a.path for a in artifacts}) == len(artifacts) >= 45
    assert all(set(a.sha256) <= set("0123456789abcdef") and a.size > 0 for a in artifacts)
    (registry,) = (a for a in artifacts if a.part == "registry")
    assert (registry.classifier, registry.packaging) == ("all", "tar.gz")
    assert "://" not in LOCK_FILE.read_text(encoding="utf-8")


def test_a_line_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Writing the artifacts' lines gives the lock file back."""
    path = tmp_path / "maven.lock"
    path.write_text("\n".join(a.line for a in read_lock()))
    assert read_lock(path) == read_lock()


def test_a_damaged_lock_file_is_refused_with_its_line(tmp_path: Path) -> None:
    """A line with too few columns is named by file and line."""
    path = tmp_path / "maven.lock"
    path.write_text("# fine\nkafka org.example thing\n")
    with pytest.raises(Terminal, match="not a line") as caught:
        read_lock(path)
    assert caught.value.where == f"{path}:2"
