"""From `place` in adapter.toml to the place."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from connectors.places.local import LocalPlace
from connectors.places.place import Place
from connectors.places.s3_settings import S3Address, S3Settings
from connectors.places.sftp_settings import SftpAddress, SftpSettings

_FORMS = "sftp://user@host[:port]/folder or s3://bucket/prefix"


def address_of(text: str) -> SftpAddress | S3Address:
    """Read a remote place's address.

    Raises:
        ValueError: it has another form, or holds a password. The message holds nothing of the address.
    """
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        raise ValueError(f"not an address: write {_FORMS}") from None
    if url.password is not None:
        raise ValueError("an address is shown and logged: take the password out, and refer to it in [sftp]")
    if url.query or url.fragment:
        raise ValueError(f"an address has no ? and no #: write {_FORMS}")
    if url.scheme == "sftp" and url.hostname and url.username:
        return SftpAddress(unquote(url.username), url.hostname, port or 22, unquote(url.path) or "/")
    if url.scheme == "s3" and url.netloc and "@" not in url.netloc:
        return S3Address(url.netloc, url.path.strip("/"))
    raise ValueError(f"not an address: write {_FORMS}")


def open_place(
    address: str | None,
    *,
    local: Path | None,
    archive: str | None,
    folder: Path,
    sftp: SftpSettings | None = None,
    s3: S3Settings | None = None,
) -> Place:
    """Return the place; nothing is connected to yet.

    Args:
        address: `sftp://…` or `s3://…`; None for a local folder.
        local: the local folder.
        archive: where read files go, relative to `folder` or to the remote place; None = nowhere.
        folder: where `adapter.toml` stands.
        sftp: the `[sftp]` table.
        s3: the `[s3]` table.

    Raises:
        ValueError: an address of another form.
    """
    if address is None:
        assert local is not None, "the settings have either place or folder"
        return LocalPlace(local, None if archive is None else folder / Path(archive).expanduser())
    at = address_of(address)
    if isinstance(at, SftpAddress):
        from connectors.places.sftp import SftpPlace

        return SftpPlace(at, archive, sftp or SftpSettings.model_validate({}), folder)
    from connectors.places.s3 import S3Place

    return S3Place(at, archive, s3 or S3Settings.model_validate({}))
