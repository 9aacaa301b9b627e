"""Encrypted drops: PGP messages and encrypted zip archives, opened before anything else looks at the bytes.

The plain bytes go into a file without a name, which only this process can read and which the kernel removes
however the process ends. Nothing is handed on before the last byte is decrypted and verified.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import IO, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from schemas.errors import SettingsError, Terminal, Transient

_BLOCK = 1 << 20


class DecryptSpec(BaseModel):
    """How encrypted files are opened. Secrets are given by reference only."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["pgp", "zip"] = Field(description="`pgp` (OpenPGP) or `zip` (AES or ZipCrypto).")
    secret_key: SecretStr | None = Field(
        None, description="The OpenPGP secret key, ASCII-armoured, by reference: file:PATH or ${NAME}."
    )
    passphrase: SecretStr | None = Field(
        None,
        description="Of the secret key, or of a message or archive that is encrypted by a passphrase alone; "
        "by reference.",
    )
    signers: tuple[str, ...] = Field(
        (),
        description="Files with OpenPGP certificates, relative to this adapter's folder. If given, one of "
        "them must have signed the message.",
    )
    member: str = Field("*", description="Pattern of the one file to read in a zip archive.")
    max_bytes: int = Field(
        64 << 30, ge=1, description="A zip member that grows beyond this is refused: a bomb fills the disk."
    )

    @model_validator(mode="after")
    def _can_open(self) -> DecryptSpec:
        if self.kind == "zip" and self.passphrase is None:
            raise ValueError("a zip archive needs passphrase")
        if self.kind == "zip" and (self.secret_key or self.signers):
            raise ValueError("secret_key and signers are for kind = 'pgp'")
        if self.kind == "pgp" and self.secret_key is None and self.passphrase is None:
            raise ValueError("a PGP message needs secret_key or passphrase")
        return self


@dataclass(frozen=True, slots=True, repr=False)
class Decryption:
    """Opens files as one `[decrypt]` table says."""

    spec: DecryptSpec
    decryptor: Any = None
    certificates: tuple[Any, ...] = ()

    @classmethod
    def of(cls, spec: DecryptSpec, folder: Path) -> Decryption:
        """Read the keys; no file is opened yet.

        Raises:
            SettingsError: a key or certificate cannot be read.
        """
        if spec.kind == "zip":
            return cls(spec)
        signers = tuple(_certificate(folder / Path(name).expanduser()) for name in spec.signers)
        return cls(spec, _decryptor(spec, f"{folder / 'adapter.toml'}: decrypt.secret_key"), signers)

    def open(self, path: Path, name: str, private: Path) -> IO[bytes]:
        """Return the plain bytes, whole and verified, as a stream that can seek.

        Args:
            path: the encrypted file.
            name: its name in errors.
            private: folder for the nameless plain file.

        Raises:
            Terminal: a wrong key, a wrong signer, or a file that is cut off, tampered with or not encrypted.
            Transient: the disk is full.
        """
        try:
            private.mkdir(parents=True, exist_ok=True, mode=0o700)
            plain = tempfile.TemporaryFile(dir=private)  # noqa: SIM115 - the caller closes it
        except OSError as error:
            raise Transient(f"no room to decrypt: {error.strerror}", where=str(private)) from error
        try:
            if self.spec.kind == "pgp":
                self._pgp(path, name, plain)
            else:
                self._unzip(path, name, plain)
        except BaseException:
            plain.close()
            raise
        plain.seek(0)
        return plain

    def _pgp(self, path: Path, name: str, plain: IO[bytes]) -> None:
        import pysequoia

        phrase = self.spec.passphrase
        by_phrase = [phrase.get_secret_value()] if self.decryptor is None and phrase else []
        # Without a store the library accepts any message; with one it demands a signature by what it returns.
        store = (lambda _: list(self.certificates)) if self.certificates else None
        try:
            done = pysequoia.decrypt_file(
                str(path), f"/dev/fd/{plain.fileno()}", self.decryptor, store, by_phrase
            )
        except (RuntimeError, OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise Transient("no room to decrypt: the disk is full", where=name) from None
            # The library's messages carry a backtrace; its first line says what happened.
            raise _pgp_failure(str(error).partition("\n")[0], name) from None
        wanted = {c.fingerprint for c in self.certificates}
        if wanted and not wanted & {s.certificate for s in done.valid_sigs}:
            raise _pgp_failure("Signature verification failed", name)

    def _unzip(self, path: Path, name: str, plain: IO[bytes]) -> None:
        import stream_unzip as zipped

        assert self.spec.passphrase is not None
        found: list[str] = []
        try:
            for member, _, blocks in zipped.stream_unzip(
                _blocks(path),
                password=self.spec.passphrase.get_secret_value().encode(),
                allowed_encryption_mechanisms=(
                    zipped.ZIP_CRYPTO,
                    *(zipped.AE_1, zipped.AE_2),
                    *(zipped.AES_128, zipped.AES_192, zipped.AES_256),
                ),
            ):
                title = member.decode("utf-8", "replace")
                if title.endswith("/") or not fnmatchcase(title.rpartition("/")[2], self.spec.member):
                    for _ in blocks:
                        pass
                    continue
                found.append(title)
                self._keep(blocks, name, plain, wanted=len(found) == 1)
        except (zipped.FileIsNotEncrypted, zipped.EncryptionMechanismNotAllowed):
            raise _failure("the archive is not encrypted", name, "the [decrypt] table") from None
        except zipped.PasswordError:
            raise _failure("the passphrase does not open the archive", name, "passphrase") from None
        except (zipped.UnzipError, zipped.UnfinishedIterationError) as error:
            raise _failure(
                f"the archive is cut off, damaged or tampered with ({type(error).__name__})", name, "the file"
            ) from None
        if len(found) != 1:
            raise _failure(f"the archive holds {len(found)} files of this name; one is read", name, "member")

    def _keep(self, blocks: Iterator[bytes], name: str, plain: IO[bytes], *, wanted: bool) -> None:
        size = 0
        for block in blocks:
            size += len(block)
            if size > self.spec.max_bytes:
                raise _failure(
                    f"a member is larger than {self.spec.max_bytes} bytes", name, "max_bytes, if it is true"
                )
            if wanted:
                try:
                    plain.write(block)
                except OSError as error:
                    raise Transient(f"no room to decrypt: {error.strerror}", where=name) from error


def _decryptor(spec: DecryptSpec, where: str) -> Any:
    if spec.secret_key is None:
        return None
    import pysequoia

    phrase = spec.passphrase.get_secret_value() if spec.passphrase else None
    try:
        return pysequoia.Tsk.from_bytes(spec.secret_key.get_secret_value().encode()).decryptor(phrase)
    except (RuntimeError, ValueError):
        raise SettingsError(
            "the secret key cannot be used",
            where=where,
            fix="it must be an ASCII-armoured OpenPGP secret key that can decrypt, and passphrase its own",
        ) from None


def _certificate(path: Path) -> Any:
    import pysequoia

    try:
        return pysequoia.Cert.from_bytes(path.read_bytes())
    except (RuntimeError, ValueError, OSError):
        raise SettingsError(
            "the signer's certificate cannot be read", where=str(path), fix="export it: gpg --export ADDRESS"
        ) from None


def _pgp_failure(said: str, name: str) -> Terminal:
    if said.startswith(("No key to decrypt", "No password to decrypt")):
        return _failure("the message is encrypted for another key or passphrase", name, "secret_key")
    if said.startswith("Signature verification failed"):
        return _failure("the message is not signed by a declared signer", name, "signers")
    return _failure("the message is cut off, tampered with or no PGP message", name, "the file")


def _failure(what: str, name: str, check: str) -> Terminal:
    return Terminal(what, where=name, fix=f"check {check}; or ask the sender for the file again")


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            yield block
