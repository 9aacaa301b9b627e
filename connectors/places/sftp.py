"""A folder on an SFTP server as a place. The server is known by its host key, or we do not speak to it."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import asyncssh
import structlog
from pydantic import SecretStr

from connectors.places.copying import fetched
from connectors.places.place import Entry, Fetched, FileUnreadable, beside, shown
from connectors.places.sftp_settings import SftpAddress, SftpSettings
from schemas.errors import Terminal, Transient

T = TypeVar("T")
#: A server that has not answered in this time is reported, not waited for: the adapter tries again.
_ANSWER_SECONDS = 30.0
#: One request of a copy. asyncssh splits it and keeps many packets under way, so a long line stays full.
_BLOCK = 4 << 20
#: A copy goes on after so many breaks of the line without one block between them.
_BREAKS = 3
_LINK = "a symbolic link; only files that lie in the folder itself are read"
_GONE = (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath)

log = structlog.get_logger("banyan.places")
asyncssh.set_log_level("WARNING")


class SftpPlace:
    """One folder on one server, over one connection that is made again when it breaks."""

    whole = False

    def __init__(
        self, address: SftpAddress, archive: str | None, settings: SftpSettings, folder: Path
    ) -> None:
        """Keep the settings; the first look connects.

        Args:
            address: the server and the folder on it.
            archive: the folder that files are moved to, relative to the first; None leaves them.
            settings: the `[sftp]` table.
            folder: where `adapter.toml` stands.
        """
        self._at, self._settings = address, settings
        self._archive = None if archive is None else _joined(address.folder, archive)
        self._known_hosts = folder / Path(settings.known_hosts).expanduser()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: asyncssh.SSHClientConnection | None = None
        self._client: asyncssh.SFTPClient | None = None

    def __repr__(self) -> str:
        return f"<SftpPlace {self._at}>"

    @property
    def address(self) -> str:
        """`sftp://user@host:port/folder`."""
        return str(self._at)

    def entries(self) -> list[Entry]:
        """Return the regular files and, as faults, the symbolic links."""
        found = []
        for item in self._call(self._listed()):
            mode = item.attrs.permissions or 0
            if stat.S_ISREG(mode) or stat.S_ISLNK(mode):
                name = item.filename if isinstance(item.filename, str) else item.filename.decode()
                found.append(_entry(name, item.attrs, _LINK if stat.S_ISLNK(mode) else ""))
        return found

    def fetch(self, entry: Entry, copy: Path) -> Fetched | None:
        """Copy the file; a line that breaks goes on where it broke, as long as the file stays the same."""
        return fetched(entry, copy, self._blocks(entry), self.unchanged)

    def unchanged(self, entry: Entry) -> bool:
        """True while size and time on the server are those of `entry`."""
        attrs = self._call(self._stat(self._path(entry.name)))
        return attrs is not None and _entry(entry.name, attrs).content == entry.content

    def archive(self, entry: Entry, sha256: str) -> bool:
        """Rename the file on the server."""
        if self._archive is None or not self.unchanged(entry):
            return False
        for name in (entry.name, beside(entry.name, sha256)):
            target = f"{self._archive}/{name}"
            if self._call(self._stat(target)) is None:
                self._call(self._renamed(self._path(entry.name), target))
                return True
        return False

    def recall(self, name: str, sha256: str) -> bool:
        """Rename an archived file back; its bytes are checked when it is fetched."""
        if self._archive is None or self._call(self._stat(self._path(name))) is not None:
            return False
        for source in (beside(name, sha256), name):
            if self._call(self._stat(f"{self._archive}/{source}")) is not None:
                self._call(self._renamed(f"{self._archive}/{source}", self._path(name)))
                return True
        return False

    def remove(self, name: str) -> None:
        """Take away a marker."""
        self._call(self._removed(self._path(name)))

    def close(self) -> None:
        """End the connection."""
        if self._loop is not None:
            self._drop()
            self._loop.close()
            self._loop = None

    def _blocks(self, entry: Entry) -> Iterator[bytes]:
        offset, breaks = 0, 0
        while offset < entry.size:
            try:
                block = self._asked(self._read(entry.name, offset, min(_BLOCK, entry.size - offset)))
            except Transient:
                breaks += 1
                if breaks > _BREAKS or not self.unchanged(entry):
                    raise
                log.info("the line broke, the copy goes on", place=self.address, at=offset)
                continue
            except _GONE:
                return
            except asyncssh.SFTPError as error:
                raise FileUnreadable(
                    f"cannot read the file: the server says {type(error).__name__}",
                    where=shown(entry.name),
                    fix="let this user read it; it is tried again at every look",
                ) from None
            if not block:
                return
            breaks, offset = 0, offset + len(block)
            yield block

    async def _listed(self) -> list[asyncssh.SFTPName]:
        client = await self._open()
        try:
            return [item async for item in client.scandir(self._at.folder)]
        except _GONE:
            return []

    async def _stat(self, path: str) -> asyncssh.SFTPAttrs | None:
        try:
            return await (await self._open()).lstat(path)
        except _GONE:
            return None

    async def _read(self, name: str, offset: int, size: int) -> bytes:
        async with (await self._open()).open(self._path(name), "rb") as stream:
            block: bytes = await stream.read(size, offset)
            return block

    async def _renamed(self, source: str, target: str) -> None:
        client = await self._open()
        await client.makedirs(target.rpartition("/")[0], exist_ok=True)
        try:
            await client.posix_rename(source, target)
        except asyncssh.SFTPOpUnsupported:
            await client.rename(source, target)

    async def _removed(self, path: str) -> None:
        with suppress(*_GONE):
            await (await self._open()).remove(path)

    def _path(self, name: str) -> str:
        return f"{self._at.folder.rstrip('/')}/{name}"

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run one request; what the server answers to it that is not yes is a person's matter.

        Raises:
            Terminal: the server refuses it.
            Transient: the server does not answer.
        """
        try:
            return self._asked(work)
        except asyncssh.SFTPError as error:
            raise Terminal(
                f"the server refuses: it says {type(error).__name__}",
                where=self.address,
                fix="let this user list the folder, and rename files into the archive",
            ) from None

    def _asked(self, work: Coroutine[Any, Any, T]) -> T:
        """Run one request; afterwards the connection is either good or gone."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        try:
            return self._loop.run_until_complete(_within(_ANSWER_SECONDS, work))
        except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection):
            pass
        except asyncssh.SFTPError:
            raise
        except asyncssh.HostKeyNotVerifiable:
            self._drop()
            raise Terminal(
                "the server's host key is not the one that known_hosts names",
                where=self.address,
                fix=f"ask its owner for the key, then mend {self._known_hosts}; nothing was sent to it",
            ) from None
        except asyncssh.PermissionDenied:
            self._drop()
            raise Terminal(
                "the server refuses the login",
                where=self.address,
                fix="check user, password and private_key in the [sftp] table",
            ) from None
        except (TimeoutError, OSError, asyncssh.Error):
            pass
        self._drop()
        raise Transient("the server does not answer", where=self.address, fix="see that it runs")

    async def _open(self) -> asyncssh.SFTPClient:
        if self._client is None:
            known = str(await self._trusted())
            key = self._settings.private_key
            password = self._settings.password
            self._connection = await asyncssh.connect(
                self._at.host,
                self._at.port,
                username=self._at.user,
                known_hosts=known,
                password=password.get_secret_value() if password else None,
                # None: no key of this account's own ~/.ssh is ever offered; likewise no agent, no config.
                client_keys=[self._key(key)] if key else None,
                agent_path=None,
                config=None,
                connect_timeout=_ANSWER_SECONDS,
                login_timeout=_ANSWER_SECONDS,
            )
            self._client = await self._connection.start_sftp_client(path_errors="surrogateescape")
        return self._client

    def _key(self, text: SecretStr) -> asyncssh.SSHKey:
        phrase = self._settings.passphrase
        try:
            return asyncssh.import_private_key(
                text.get_secret_value() + "\n", phrase.get_secret_value() if phrase else None
            )
        except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError):
            raise Terminal(
                "the private key cannot be read",
                where=self.address,
                fix="private_key must be an OpenSSH or PEM key; set passphrase if it has one",
            ) from None

    async def _trusted(self) -> Path:
        """Return the file of host keys; with trust_first_use an unknown server is written into it first."""
        path, at = self._known_hosts, self._at
        there = await asyncio.to_thread(path.is_file)
        if self._settings.trust_first_use:
            known = there and any(asyncssh.match_known_hosts(str(path), at.host, "", at.port)[0])
            if not known:
                key = await asyncssh.get_server_host_key(at.host, at.port)
                if key is not None:
                    await asyncio.to_thread(_remember, path, at, key)
        elif not there:
            raise Terminal(
                "there is no file of host keys, so the server cannot be known",
                where=str(path),
                fix=f"write the line of `ssh-keyscan -p {at.port} {at.host}` into it, once it is verified",
            )
        return path

    def _drop(self) -> None:
        connection, self._connection, self._client = self._connection, None, None
        if connection is not None and self._loop is not None:
            connection.abort()
            with suppress(Exception):
                self._loop.run_until_complete(_within(1.0, connection.wait_closed()))


async def _within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    async with asyncio.timeout(seconds):
        return await work


def _entry(name: str, attrs: asyncssh.SFTPAttrs, fault: str = "") -> Entry:
    modified = (attrs.mtime or 0) * 1_000_000_000 + (attrs.mtime_ns or 0)
    return Entry(name, attrs.size or 0, modified, modified, "", fault)


def _joined(folder: str, archive: str) -> str:
    return archive.rstrip("/") if archive.startswith("/") else f"{folder.rstrip('/')}/{archive.strip('/')}"


def _remember(path: Path, at: SftpAddress, key: asyncssh.SSHKey) -> None:
    host = at.host if at.port == 22 else f"[{at.host}]:{at.port}"
    line = f"{host} {key.export_public_key('openssh').decode().strip()}\n"
    with path.open("a", encoding="utf-8") as sink:
        sink.write(line)
    log.warning("a host key is trusted on first use", place=str(at), fingerprint=key.get_fingerprint())
