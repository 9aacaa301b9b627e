"""A local folder as a place."""

from __future__ import annotations

import hashlib
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.places.local import LocalPlace
from connectors.places.opening import address_of
from connectors.places.place import FileUnreadable, beside, shown
from schemas.errors import Transient


@pytest.fixture
def place(tmp_path):
    (tmp_path / "inbox").mkdir()
    return LocalPlace(tmp_path / "inbox", tmp_path / "archive")


def drop(place, name, content=b"x"):
    path = place.folder / name
    path.write_bytes(content)
    return path


def only(place):
    (entry,) = place.entries()
    return entry


def sha(content):
    return hashlib.sha256(content).hexdigest()


def test_only_files_are_files(place):
    """Folders and pipes are not listed, a symbolic link is a fault, and nothing is opened for that."""
    drop(place, "a")
    (place.folder / "folder").mkdir()
    os.mkfifo(place.folder / "pipe")
    (place.folder / "link").symlink_to("/etc/passwd")
    found = {e.name: e.fault for e in place.entries()}
    assert set(found) == {"a", "link"} and not found["a"] and "symbolic link" in found["link"]


def test_a_file_that_became_a_pipe_is_not_waited_for(place, tmp_path):
    """A pipe under the name of a listed file is refused, not read for ever."""
    path = drop(place, "a")
    entry = only(place)
    path.unlink()
    os.mkfifo(path)
    refusals = []

    def read():
        with pytest.raises(FileUnreadable):
            place.fetch(entry, tmp_path)
        refusals.append(True)

    reader = threading.Thread(target=read)
    reader.start()
    reader.join(5)
    assert refusals


def test_an_unreadable_file_stops_only_itself(place, tmp_path, monkeypatch):
    """A file without read permission is unreadable, its neighbour is read."""
    drop(place, "a")
    drop(place, "b")

    def refuse(path, *more, real=os.open):
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied")
        return real(path, *more)

    monkeypatch.setattr(os, "open", refuse)
    first, second = sorted(place.entries(), key=lambda e: e.name)
    with pytest.raises(FileUnreadable, match="Permission denied"):
        place.fetch(first, tmp_path)
    assert place.fetch(second, tmp_path).sha256 == sha(b"x")


def test_a_replaced_file_of_one_size_and_time_is_noticed(place, tmp_path):
    """A file renamed over another is another one, whatever its size and time say."""
    path = drop(place, "a", b"one")
    entry, times = only(place), (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    other = drop(place, "other", b"two")
    os.utime(other, ns=times)
    other.rename(path)
    assert not place.unchanged(entry)
    assert place.fetch(entry, tmp_path) is None
    assert not place.archive(entry, sha(b"one"))
    assert path.read_bytes() == b"two"


def test_a_missing_folder_is_empty_and_a_locked_one_transient(place, tmp_path, monkeypatch):
    """A folder that is not there yet holds nothing; one that cannot be read is tried again."""
    assert LocalPlace(tmp_path / "none", None).entries() == []

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(Transient, match="Permission denied"):
        place.entries()


def test_the_archive_keeps_every_content_once(place):
    """One name with three contents gives three archived files; a content that is there is not kept twice."""
    for content in (b"one", b"two", b"one", b"two"):
        drop(place, "a", content)
        assert place.archive(only(place), sha(content))
        assert place.entries() == []
    assert sorted(p.read_bytes() for p in place.archived.iterdir()) == [b"one", b"two"]


def test_a_file_comes_back_from_the_archive_by_its_hash(place):
    """Recall finds the archived file of this name and content, and never overwrites one that waits."""
    for content in (b"one", b"two"):
        drop(place, "a", content)
        place.archive(only(place), sha(content))
    assert place.recall("a", sha(b"two")[:32])
    assert (place.folder / "a").read_bytes() == b"two"
    assert not place.recall("a", sha(b"one")[:32])
    assert not place.recall("b", sha(b"one")[:32])


def test_a_move_over_a_border_of_file_systems_is_whole(place, monkeypatch):
    """Where a rename is not possible, the archived copy has its name only when it is whole."""
    content = b"x" * 100_000
    drop(place, "a", content)
    path_type = type(place.folder)

    def refuse(self, target, real=path_type.rename):
        if self.name == "a":
            raise OSError(18, "Invalid cross-device link")
        return real(self, target)

    monkeypatch.setattr(path_type, "rename", refuse)
    assert place.archive(only(place), sha(content))
    assert [p.name for p in place.archived.iterdir()] == ["a"] and place.entries() == []


@given(st.binary(min_size=1, max_size=255).filter(lambda n: b"/" not in n and b"\0" not in n))
def test_a_shown_name_is_one_printable_line(name):
    """Whatever bytes a name has, it is shown as printable text, and archived within the limit."""
    text = name.decode("utf-8", "surrogateescape")
    assert shown(text).isprintable() and shown(text).encode()
    assert len(beside(text, "f" * 64).encode("utf-8", "surrogateescape")) <= 255


@given(st.lists(st.text(alphabet="a\\x0\n\udc80", max_size=6), min_size=2, max_size=2, unique=True))
def test_two_names_are_shown_differently(names):
    """Two names never look the same."""
    assert shown(names[0]) != shown(names[1])


@pytest.mark.parametrize(
    "text",
    [
        "sftp://u:secret@h/p",
        "ftp://u@h/p",
        "sftp://h/p",
        "s3://k@b/p",
        "s3:///p",
        "/x",
        "sftp://u@h:x/p",
        "s3://b/p?x=1",
    ],
)
def test_an_address_of_another_form_is_refused_without_being_repeated(text):
    """A wrong address, above all one with a password, is refused by a message that does not repeat it."""
    with pytest.raises(ValueError) as caught:
        address_of(text)
    assert "secret" not in str(caught.value)


def test_an_address_is_read():
    """User, host, port, folder, bucket and prefix come from the address."""
    assert str(address_of("sftp://u%40x@h/a/b")) == "sftp://u@x@h:22/a/b"
    assert str(address_of("s3://bucket/a/b/")) == "s3://bucket/a/b"
