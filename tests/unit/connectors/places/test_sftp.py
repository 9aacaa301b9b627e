"""An SFTP server as a place, against asyncssh's own server on loopback."""

from __future__ import annotations

import hashlib
import os

import asyncssh
import pytest

from connectors.places.place import FileUnreadable
from connectors.places.sftp import SftpPlace
from schemas.errors import Terminal, Transient
from tests.unit.connectors.places.servers import PASSWORD, sftp_server


@pytest.fixture
def server(tmp_path):
    root = tmp_path / "server"
    (root / "inbox").mkdir(parents=True)
    with sftp_server(root) as found:
        yield found


@pytest.fixture
def place(server, tmp_path):
    known = server.known_hosts(tmp_path / "known_hosts")
    found = SftpPlace(server.address(), "archive", server.settings(known), tmp_path)
    yield found
    found.close()


def drop(server, name, content):
    (server.root / "inbox" / name).write_bytes(content)


def only(place):
    (entry,) = place.entries()
    return entry


def test_a_file_is_listed_copied_and_archived(server, place, tmp_path):
    """A file is listed, copied privately with its hash, and renamed into the archive on the server."""
    content = os.urandom(9 << 20)
    drop(server, "a.dat", content)
    (server.root / "inbox" / "folder").mkdir()
    entry = only(place)
    assert (entry.name, entry.size) == ("a.dat", len(content))
    fetched = place.fetch(entry, tmp_path / "spool" / "copy")
    assert fetched.path.read_bytes() == content and fetched.copied
    assert fetched.sha256 == hashlib.sha256(content).hexdigest()
    assert fetched.path.stat().st_mode & 0o777 == 0o600
    assert place.archive(entry, fetched.sha256)
    assert (server.root / "inbox" / "archive" / "a.dat").read_bytes() == content
    assert place.entries() == []
    assert not place.archive(entry, fetched.sha256)
    assert place.recall("a.dat", fetched.sha256) and only(place).size == len(content)


def test_an_archived_name_gets_the_hash_behind_it(server, place):
    """A second file of one name does not overwrite the first in the archive."""
    for content in (b"one", b"two!"):
        drop(server, "a.dat", content)
        assert place.archive(only(place), hashlib.sha256(content).hexdigest())
    archived = sorted((server.root / "inbox" / "archive").iterdir())
    assert [p.read_bytes() for p in archived] == [b"one", b"two!"]


def test_names_that_are_no_text_are_files_too(server, place, tmp_path):
    """A name with a newline or with bytes that are no UTF-8 is listed, read and archived."""
    for name in (b"odd\nname", b"caf\xe9", b"x" * 250):
        drop(server, os.fsdecode(name), name)
    for number, entry in enumerate(sorted(place.entries(), key=lambda e: e.name)):
        fetched = place.fetch(entry, tmp_path / f"copy{number}")
        assert fetched.path.read_bytes() == os.fsencode(entry.name)
        assert place.archive(entry, fetched.sha256)
    assert place.entries() == []


def test_a_link_is_a_fault_and_is_not_followed(server, place):
    """A symbolic link is shown with its fault."""
    (server.root / "inbox" / "link").symlink_to("/etc/passwd")
    assert "symbolic link" in only(place).fault


def test_an_unknown_host_key_ends_the_contact(server, tmp_path):
    """A server with another key than the one that is known gets neither user nor password."""
    known = server.known_hosts(tmp_path / "known_hosts", asyncssh.generate_private_key("ssh-ed25519"))
    place = SftpPlace(server.address(), None, server.settings(known), tmp_path)
    with pytest.raises(Terminal, match="host key is not the one"):
        place.entries()
    place.close()


def test_without_known_hosts_there_is_no_contact(server, tmp_path):
    """No file of host keys means no contact: nothing is trusted on first use."""
    place = SftpPlace(server.address(), None, server.settings(tmp_path / "none"), tmp_path)
    with pytest.raises(Terminal, match="no file of host keys"):
        place.entries()
    place.close()


def test_trust_on_first_use_must_be_declared_and_lasts(server, tmp_path):
    """Where it is declared, the first key is written down; another one later is refused."""
    known = tmp_path / "known_hosts"
    settings = server.settings(known, trust_first_use=True)
    place = SftpPlace(server.address(), None, settings, tmp_path)
    assert place.entries() == []
    place.close()
    assert known.read_text().startswith(f"[127.0.0.1]:{server.port} ssh-ed25519 ")
    server.known_hosts(known, asyncssh.generate_private_key("ssh-ed25519"))
    again = SftpPlace(server.address(), None, settings, tmp_path)
    with pytest.raises(Terminal, match="host key is not the one"):
        again.entries()
    again.close()


def test_a_wrong_password_is_not_told(server, tmp_path):
    """A refused login says so; neither the error nor the place shows the password."""
    known = server.known_hosts(tmp_path / "known_hosts")
    place = SftpPlace(server.address(), None, server.settings(known, password="hush-hush"), tmp_path)
    with pytest.raises(Terminal, match="refuses the login") as caught:
        place.entries()
    assert "hush-hush" not in f"{caught.value}{caught.value.__context__}{place!r}{place.address}"
    place.close()


@pytest.mark.parametrize("phrase", [None, "open sesame"])
def test_a_private_key_opens_the_door(tmp_path, phrase):
    """A private key by reference, with a passphrase or without, is enough."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    (tmp_path / "server" / "inbox").mkdir(parents=True)
    with sftp_server(tmp_path / "server", key.convert_to_public()) as server:
        known = server.known_hosts(tmp_path / "known_hosts")
        text = key.export_private_key("pkcs8-pem" if phrase else "openssh", phrase).decode().strip()
        settings = server.settings(known, password=None, private_key=text, passphrase=phrase)
        place = SftpPlace(server.address(), None, settings, tmp_path)
        assert place.entries() == []
        place.close()
        if phrase:
            shut = SftpPlace(
                server.address(), None, settings.model_copy(update={"passphrase": None}), tmp_path
            )
            with pytest.raises(Terminal, match="private key cannot be read"):
                shut.entries()
            shut.close()


def test_a_broken_line_is_made_again(server, place):
    """After the server has dropped the connection the next look connects anew."""
    drop(server, "a.dat", b"1")
    assert only(place).size == 1
    server.cut()
    try:
        entry = only(place)
    except Transient:
        entry = only(place)
    assert entry.size == 1


def test_a_copy_goes_on_where_the_line_broke(server, place, tmp_path):
    """A line that breaks inside a file costs neither the file nor what was copied before."""
    content = os.urandom(10 << 20)
    drop(server, "a.dat", content)
    entry, reads, cut = only(place), [], []

    def trouble(offset):
        reads.append(offset)
        if offset >= 5 << 20 and not cut:
            cut.append(offset)
            for connection in server.connections:
                connection.abort()

    server.on_read = trouble
    fetched = place.fetch(entry, tmp_path / "copy")
    assert cut and fetched.path.read_bytes() == content
    assert sum(offset < 4 << 20 for offset in reads) == len({o for o in reads if o < 4 << 20})


def test_a_file_that_changes_while_it_is_copied_is_no_copy(server, place, tmp_path):
    """A file that was replaced meanwhile gives nothing now; the next look sees the new one."""
    drop(server, "a.dat", os.urandom(6 << 20))
    entry = only(place)

    def change(offset):
        server.on_read = lambda offset: None
        drop(server, "a.dat", b"another")

    server.on_read = change
    assert place.fetch(entry, tmp_path / "copy") is None
    assert not (tmp_path / "copy").exists() and not list(tmp_path.glob(".*.part"))
    assert place.fetch(only(place), tmp_path / "copy").path.read_bytes() == b"another"


def test_a_file_that_went_is_no_trouble(server, place, tmp_path):
    """A file that is gone when it is to be read gives nothing."""
    drop(server, "a.dat", b"1")
    entry = only(place)
    (server.root / "inbox" / "a.dat").unlink()
    assert place.fetch(entry, tmp_path / "copy") is None
    assert not place.unchanged(entry)


def test_a_file_that_the_server_refuses_stops_only_itself(server, place, tmp_path):
    """Where the server denies one file, that file is unreadable and its neighbours are not."""
    drop(server, "a.dat", b"1")
    drop(server, "b.dat", b"2")

    def deny(offset):
        raise asyncssh.SFTPPermissionDenied("no")

    server.on_read = deny
    first, second = sorted(place.entries(), key=lambda e: e.name)
    with pytest.raises(FileUnreadable, match="SFTPPermissionDenied"):
        place.fetch(first, tmp_path / "one")
    server.on_read = lambda offset: None
    assert place.fetch(second, tmp_path / "two").path.read_bytes() == b"2"


def test_an_archive_that_the_server_refuses_is_told(server, place, tmp_path):
    """Where a file cannot be moved, that is an error with a remedy; the file stays and can be read again."""
    drop(server, "a.dat", b"1")
    (server.root / "inbox" / "archive").write_text("no folder")
    entry = next(e for e in place.entries() if e.name == "a.dat")
    with pytest.raises(Terminal, match="the server refuses: it says SFTP"):
        place.archive(entry, hashlib.sha256(b"1").hexdigest())
    assert place.fetch(entry, tmp_path / "copy").path.read_bytes() == b"1"


def test_a_folder_that_the_server_refuses_is_terminal(place, monkeypatch):
    """A folder that may not be listed is a person's matter, and no internal error."""

    async def denied():
        raise asyncssh.SFTPPermissionDenied("no")

    monkeypatch.setattr(place, "_listed", denied)
    with pytest.raises(Terminal, match="the server refuses: it says SFTPPermissionDenied"):
        place.entries()


def test_a_server_that_is_not_there_is_transient(server, place):
    """A server that does not answer is tried again, and is named without the password."""
    server.stop()
    try:
        with pytest.raises(Transient, match="does not answer") as caught:
            place.entries()
        assert PASSWORD not in str(caught.value) and "sftp://banyan@127.0.0.1" in str(caught.value)
    finally:
        server.start()
