"""The versions' document of several hosts: one row in PostgreSQL, beside the read models that they share."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from pydantic import ValidationError

from connectors.readmodel.postgres_connection import connect, server_of, unavailable
from connectors.readmodel.stores import Stores
from schemas.errors import BanyanError, Terminal, described
from streams.versions import Document, Versions

log = logging.getLogger("banyan.worker")

#: How often a process looks whether another one has decided something. Every host acts on a switch within
#: this; one indexed row five times a second and process is no load.
LOOK_SECONDS = 0.2

_TABLE = """
CREATE TABLE IF NOT EXISTS document (
  one integer PRIMARY KEY CHECK (one = 1), serial bigint NOT NULL, text text NOT NULL)
"""


class SharedVersions(Versions):
    """Reads the row in a thread of its own, so that nobody waits for a server that is away.

    What was read last holds until it answers again. A change is one transaction: every host sees all of it
    or nothing. The file of a host that had its versions to itself is taken over by the first change.

    Raises:
        StoreUnavailable: the server does not answer, and nothing was read before.
        Terminal: it holds no such document.
    """

    def __init__(self, state: Path, stores: Stores) -> None:
        super().__init__(state)
        self._url = stores.url
        self._schema = stores.schema("versions", 0).rsplit(".", 1)[0]
        self._where = f"{server_of(self._url)} {self._schema}"
        self._serial = -1
        self._shared: Document | None = None
        self._db: psycopg.Connection[Any] | None = None
        self._changed: psycopg.Connection[Any] | None = None
        self._looking: threading.Thread | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<SharedVersions {self._where}>"

    @property
    def document(self) -> Document:
        """What the row says, as of `LOOK_SECONDS` ago at most while the server answers."""
        if self._shared is None:
            self._look()
        if self._looking is None:
            self._looking = threading.Thread(
                target=_keep_looking, args=(weakref.ref(self),), name="versions", daemon=True
            )
            self._looking.start()
        assert self._shared is not None
        return self._shared

    def _look(self) -> None:
        """Read the row, if it is another one than before."""
        with self._lock:
            try:
                if self._db is None or self._db.closed:
                    self._db = connect(self._url, self._schema, writes=False)
                try:
                    row = self._db.execute(
                        "SELECT serial, text FROM document WHERE serial <> %s", (self._serial,)
                    ).fetchone()
                except psycopg.errors.UndefinedTable:
                    row = None
            except psycopg.Error as error:
                self._close()
                raise unavailable(error, self._where) from error
            if row is not None:
                self._take(*row)
            elif self._shared is None:
                self._shared = super().document

    @contextmanager
    def _changing(self) -> Iterator[Document]:
        """Keep every other host's commands out while the row is read and replaced."""
        try:
            with connect(self._url, self._schema, writes=True) as db, db.transaction():
                name = sql.Identifier(self._schema)
                db.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (self._schema,))
                db.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
                db.execute(_TABLE.encode())
                row = db.execute("SELECT serial, text FROM document").fetchone()
                self._changed = db
                yield super().document if row is None else self._parsed(row[1])
            self._look()
        except psycopg.Error as error:
            raise unavailable(error, self._where) from error
        finally:
            self._changed = None

    def _put(self, document: Document) -> None:
        assert self._changed is not None
        self._changed.execute(
            "INSERT INTO document VALUES (1, 1, %s) "
            "ON CONFLICT (one) DO UPDATE SET serial = document.serial + 1, text = excluded.text",
            (document.model_dump_json(),),
        )

    def _take(self, serial: int, text: str) -> None:
        self._shared = self._parsed(text)
        self._serial = serial

    def _parsed(self, text: str) -> Document:
        try:
            return Document.model_validate_json(text)
        except ValidationError:
            raise Terminal(
                "this is no document of versions",
                where=self._where,
                fix="put it back from a backup, or delete the row: then the lowest declared version is live",
            ) from None

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


def _keep_looking(of: weakref.ref[SharedVersions]) -> None:
    """Look for as long as somebody has the versions."""
    pause = threading.Event()
    away = False
    while True:
        pause.wait(LOOK_SECONDS)
        versions = of()
        if versions is None:
            return
        try:
            versions._look()  # noqa: SLF001 - this function is the object's own thread
            away = False
        except Exception as error:
            if not away:  # once an outage
                why = error.what if isinstance(error, BanyanError) else described(error)
                log.warning("versions: what was read last holds, because %s", why)
            away = True
            pause.wait(LOOK_SECONDS * 5)
        del versions
