"""A prefix of an S3-compatible bucket as a place. An object is seen only when it is whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import botocore.exceptions  # type: ignore[import-untyped]
import s3fs  # type: ignore[import-untyped]

from connectors.places.copying import fetched
from connectors.places.place import Entry, Fetched, FileUnreadable, beside, shown
from connectors.places.s3_settings import S3Address, S3Settings
from schemas.errors import Terminal, Transient

#: One request of a copy; the most that is in memory.
_BLOCK = 8 << 20
#: S3 copies no more than this in one request.
_COPY_LIMIT = 5 << 30
#: Seconds for a connection and for an answer. The adapter's own retries are the place to wait.
_CONNECT, _READ = 5, 30
#: A blip is tried once more; an adapter that is told to stop must not sit in a library's back-off.
_TRIES = {"mode": "standard", "max_attempts": 2}
#: Metadata under which an archived object keeps the hash of its bytes.
_SHA256 = "banyan-sha256"
#: Objects in one answer; S3 gives no more.
_PAGE = 1_000
_SILENT = (botocore.exceptions.BotoCoreError, OSError, TimeoutError)


class S3Place:
    """The objects directly below a prefix."""

    whole = True

    def __init__(self, address: S3Address, archive: str | None, settings: S3Settings) -> None:
        """Keep the settings; the first look connects.

        Args:
            address: bucket and prefix.
            archive: the prefix that objects go to, below the first; None leaves them.
            settings: the `[s3]` table.
        """
        self._at, self._settings = address, settings
        self._prefix = f"{address.prefix.strip('/')}/" if address.prefix.strip("/") else ""
        self._archive = None if archive is None else f"{self._prefix}{archive.strip('/')}/"
        self._made: s3fs.S3FileSystem | None = None

    def __repr__(self) -> str:
        return f"<S3Place {self._at}>"

    @property
    def address(self) -> str:
        """`s3://bucket/prefix`."""
        return str(self._at)

    def entries(self) -> list[Entry]:
        """Return the objects directly below the prefix."""
        found: list[Entry] = []
        more: dict[str, str] = {}
        while True:
            with self._talking():
                page = self._call(
                    "list_objects_v2", Prefix=self._prefix, Delimiter="/", MaxKeys=_PAGE, **more
                )
            for item in page.get("Contents", ()):
                name = item["Key"].removeprefix(self._prefix)
                if name:  # the prefix itself is an object where a console made a "folder"
                    at_ns = int(item["LastModified"].timestamp() * 1000) * 1_000_000
                    found.append(Entry(name, item["Size"], at_ns, at_ns, item["ETag"].strip('"')))
            if not page.get("IsTruncated"):
                return found
            more = {"ContinuationToken": page["NextContinuationToken"]}

    def fetch(self, entry: Entry, copy: Path) -> Fetched | None:
        """Copy the object; each request demands that it is still the same one."""
        return fetched(entry, copy, self._blocks(entry), self.unchanged)

    def unchanged(self, entry: Entry) -> bool:
        """True while the object's entity tag is that of `entry`."""
        head = self._head(self._prefix + entry.name)
        return head is not None and head["ETag"].strip('"') == entry.version

    def archive(self, entry: Entry, sha256: str) -> bool:
        """Copy the object, then delete it: a crash between leaves both, and the next call ends it."""
        if self._archive is None or not self.unchanged(entry):
            return False
        source = self._prefix + entry.name
        for target in (self._archive + entry.name, self._archive + beside(entry.name, sha256)):
            head = self._head(target)
            if head is None:
                self._copy(source, target, sha256, entry)
            elif head.get("Metadata", {}).get(_SHA256) != sha256:
                continue
            with self._talking():
                self._call("delete_object", Key=source, IfMatch=f'"{entry.version}"')
            return True
        return False

    def recall(self, name: str, sha256: str) -> bool:
        """Copy an archived object back and delete it there."""
        if self._archive is None or self._head(self._prefix + name) is not None:
            return False
        for source in (self._archive + name, self._archive + beside(name, sha256)):
            head = self._head(source)
            if head is not None and head.get("Metadata", {}).get(_SHA256, "").startswith(sha256):
                entry = Entry(name, head["ContentLength"], 0, 0, head["ETag"].strip('"'))
                self._copy(source, self._prefix + name, head["Metadata"][_SHA256], entry)
                with self._talking():
                    self._call("delete_object", Key=source)
                return True
        return False

    def remove(self, name: str) -> None:
        """Take away a marker."""
        with self._talking():
            self._call("delete_object", Key=self._prefix + name)

    def close(self) -> None:
        """Nothing to do: connections end by themselves."""

    def _blocks(self, entry: Entry) -> Iterator[bytes]:
        path = f"{self._at.bucket}/{self._prefix}{entry.name}"
        with self._talking(), _one_object(entry):
            try:
                stream = self._store().open(path, "rb", block_size=_BLOCK, cache_type="readahead")
            except FileNotFoundError:
                return
        with stream:
            if stream.details["ETag"].strip('"') != entry.version:
                return
            while True:
                with self._talking(), _one_object(entry):
                    try:
                        block = stream.read(_BLOCK)
                    except FileNotFoundError:
                        return
                if not block:
                    return
                yield block

    def _copy(self, source: str, target: str, sha256: str, entry: Entry) -> None:
        bucket = self._at.bucket
        with self._talking():
            if entry.size > _COPY_LIMIT:
                self._store().copy(f"{bucket}/{source}", f"{bucket}/{target}")
                return
            self._call(
                "copy_object",
                Key=target,
                CopySource={"Bucket": bucket, "Key": source},
                CopySourceIfMatch=f'"{entry.version}"',
                MetadataDirective="REPLACE",
                Metadata={_SHA256: sha256},
            )

    def _head(self, key: str) -> dict[str, Any] | None:
        with self._talking():
            try:
                return self._call("head_object", Key=key)
            except FileNotFoundError:
                return None

    def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._store().call_s3(method, Bucket=self._at.bucket, **arguments)
        return found

    def _store(self) -> s3fs.S3FileSystem:
        if self._made is None:
            given = self._settings
            self._made = s3fs.S3FileSystem(
                key=given.access_key.get_secret_value() if given.access_key else None,
                secret=given.secret_key.get_secret_value() if given.secret_key else None,
                token=given.session_token.get_secret_value() if given.session_token else None,
                endpoint_url=given.endpoint,
                client_kwargs={"region_name": given.region} if given.region else {},
                config_kwargs={"connect_timeout": _CONNECT, "read_timeout": _READ, "retries": _TRIES},
                use_listings_cache=False,
                skip_instance_cache=True,
            )
            self._made.retries = 1
        return self._made

    @contextmanager
    def _talking(self) -> Iterator[None]:
        """Turn what the library raises into our errors; its messages hold URLs and may hold more."""
        try:
            yield
        except FileNotFoundError:
            raise Terminal(
                "there is no such bucket or object", where=self.address, fix="check place and [s3] endpoint"
            ) from None
        except PermissionError:
            raise Terminal(
                "the store refuses the credentials, or what they ask for",
                where=self.address,
                fix="check the keys in the [s3] table and the bucket's policy",
            ) from None
        except _SILENT as error:
            raise Transient(
                f"the store does not answer ({type(error).__name__})",
                where=self.address,
                fix="see that it runs",
            ) from None


@contextmanager
def _one_object(entry: Entry) -> Iterator[None]:
    """Where the store denies one object it may still give the others."""
    try:
        yield
    except PermissionError:
        raise FileUnreadable(
            "cannot read the object: access denied",
            where=shown(entry.name),
            fix="let these credentials read it; it is tried again at every look",
        ) from None
