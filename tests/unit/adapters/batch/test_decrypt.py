"""Encrypted drops: what opens, what is refused, and that nothing half decrypted is ever handed on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pysequoia
import pytest

from adapters.batch.decrypt import Decryption, DecryptSpec
from schemas.errors import SettingsError, Terminal
from tests.unit.adapters.batch.encrypted import aes_zip

PLAIN = b"".join(b"%07d a record of a claim\n" % n for n in range(20_000))
PHRASE = "hush hush"
KEY, OTHER, SIGNER = (pysequoia.Tsk.generate(f"{n} <{n}@example.org>") for n in ("key", "other", "signer"))


def opened(tmp_path: Path, content: bytes, **settings) -> bytes:
    path = tmp_path / "drop"
    path.write_bytes(content)
    decryption = Decryption.of(DecryptSpec.model_validate(settings), tmp_path)
    with decryption.open(path, "drop", tmp_path / "private") as plain:
        assert os.fstat(plain.fileno()).st_mode & 0o777 == 0o600
        return plain.read()


def refused(tmp_path: Path, content: bytes, **settings) -> str:
    with pytest.raises(Terminal) as caught:
        opened(tmp_path, content, **settings)
    assert list((tmp_path / "private").iterdir()) == []
    assert PHRASE not in str(caught.value) and "backtrace" not in str(caught.value)
    return caught.value.what


def pgp(content: bytes = PLAIN, *, signer=None, **more) -> bytes:
    recipients = [] if "passwords" in more else [KEY.extract_certificate()]
    return pysequoia.encrypt(
        content, recipients=recipients, signer=signer and signer.signer(), armor=False, **more
    )


PGP = {"kind": "pgp", "secret_key": str(KEY)}


def test_a_message_opens_by_its_key(tmp_path):
    """A PGP message gives its plain bytes, armoured or not; the plain file has no name."""
    assert opened(tmp_path, pgp(), **PGP) == PLAIN
    assert list((tmp_path / "private").iterdir()) == []
    armoured = pysequoia.encrypt(PLAIN, recipients=[KEY.extract_certificate()])
    assert opened(tmp_path, armoured, **PGP) == PLAIN
    assert opened(tmp_path, pgp(b""), **PGP) == b""


def test_a_message_opens_by_its_passphrase(tmp_path):
    """A message for a passphrase alone needs no key."""
    assert opened(tmp_path, pgp(passwords=[PHRASE]), kind="pgp", passphrase=PHRASE) == PLAIN
    assert "another key" in refused(tmp_path, pgp(passwords=["other"]), kind="pgp", passphrase=PHRASE)


def test_a_message_for_somebody_else_says_so(tmp_path):
    """A wrong key is named as that."""
    assert "another key" in refused(tmp_path, pgp(), kind="pgp", secret_key=str(OTHER))


@pytest.mark.parametrize("place", [200, 100_000, -200])
def test_one_changed_byte_is_a_tampered_message(tmp_path, place):
    """A message with one changed byte hands on nothing."""
    bad = bytearray(pgp())
    bad[place] ^= 1
    refused(tmp_path, bytes(bad), **PGP)


@pytest.mark.parametrize("length", [0, 10, 1_000, 200_000, -1])
def test_a_message_that_is_cut_off_hands_on_nothing(tmp_path, length):
    """A message cut at any length is refused."""
    refused(tmp_path, pgp()[:length], **PGP)


def test_plain_bytes_are_no_message(tmp_path):
    """A file that was dropped in the clear is refused where encrypted ones are declared."""
    assert "no PGP message" in refused(tmp_path, PLAIN, **PGP)


def test_a_declared_signer_must_have_signed(tmp_path):
    """With signers, an unsigned message and one signed by somebody else are refused."""
    (tmp_path / "signer.asc").write_text(str(SIGNER.extract_certificate()))
    signed = PGP | {"signers": ["signer.asc"]}
    assert opened(tmp_path, pgp(signer=SIGNER), **signed) == PLAIN
    assert "not signed by a declared" in refused(tmp_path, pgp(), **signed)
    assert "not signed by a declared" in refused(tmp_path, pgp(signer=OTHER), **signed)
    assert opened(tmp_path, pgp(signer=OTHER), **PGP) == PLAIN


def zipped(tmp_path: Path, *, files=None, options=()) -> bytes:
    folder = tmp_path / "to_zip"
    folder.mkdir(exist_ok=True)
    for name, content in (files or {"a.dat": PLAIN}).items():
        (folder / name).write_bytes(content)
    target = tmp_path / "made.zip"
    target.unlink(missing_ok=True)
    subprocess.run(["zip", "-q", *options, target, *(files or {"a.dat": PLAIN})], cwd=folder, check=True)
    return target.read_bytes()


needs_zip = pytest.mark.skipif(
    subprocess.run(["sh", "-c", "command -v zip"], capture_output=True).returncode != 0, reason="no zip here"
)
ZIP = {"kind": "zip", "passphrase": PHRASE}


@needs_zip
def test_an_archive_opens_by_its_passphrase(tmp_path):
    """A ZipCrypto archive gives the bytes of its one member, compressed or stored."""
    assert opened(tmp_path, zipped(tmp_path, options=["-P", PHRASE]), **ZIP) == PLAIN
    assert opened(tmp_path, zipped(tmp_path, options=["-P", PHRASE, "-0"]), **ZIP) == PLAIN


def test_an_aes_archive_opens_by_its_passphrase(tmp_path):
    """An AES-256 archive (AE-2) gives its bytes; a changed byte or another phrase is refused."""
    made = aes_zip("a.dat", PLAIN, PHRASE)
    assert opened(tmp_path, made, **ZIP) == PLAIN
    assert "passphrase" in refused(tmp_path, aes_zip("a.dat", PLAIN, "other"), **ZIP)
    for place in (60, len(made) // 2):
        bad = bytearray(made)
        bad[place] ^= 1
        refused(tmp_path, bytes(bad), **ZIP)
    for length in (0, 20, 100, len(made) // 2):
        refused(tmp_path, made[:length], **ZIP)


@needs_zip
def test_an_archive_in_the_clear_is_refused(tmp_path):
    """An archive that is not encrypted is refused where encrypted ones are declared."""
    assert "not encrypted" in refused(tmp_path, zipped(tmp_path), **ZIP)


@needs_zip
def test_one_member_is_read(tmp_path):
    """Of several members the pattern must leave one."""
    made = zipped(tmp_path, files={"a.dat": b"one", "b.txt": b"two"}, options=["-P", PHRASE])
    assert "holds 2 files" in refused(tmp_path, made, **ZIP)
    assert "holds 0 files" in refused(tmp_path, made, member="*.csv", **ZIP)
    assert opened(tmp_path, made, member="*.dat", **ZIP) == b"one"


def test_a_bomb_is_refused(tmp_path):
    """A member that grows beyond the limit stops there."""
    bomb = aes_zip("a.dat", bytes(10_000_000), PHRASE)
    assert len(bomb) < 20_000
    assert "larger than" in refused(tmp_path, bomb, max_bytes=1_000_000, **ZIP)


def test_keys_that_cannot_be_used_are_settings_errors(tmp_path):
    """A key that is none, a missing signer and a missing secret are told before any file is read."""
    with pytest.raises(SettingsError, match="secret key cannot be used"):
        Decryption.of(DecryptSpec(kind="pgp", secret_key="no key"), tmp_path)
    with pytest.raises(SettingsError, match="certificate cannot be read"):
        Decryption.of(DecryptSpec.model_validate(PGP | {"signers": ["none.asc"]}), tmp_path)
    for wrong in ({"kind": "zip"}, {"kind": "pgp"}, ZIP | {"signers": ["x"]}):
        with pytest.raises(ValueError):
            DecryptSpec.model_validate(wrong)
    assert PHRASE not in repr(Decryption.of(DecryptSpec.model_validate(ZIP), tmp_path))
