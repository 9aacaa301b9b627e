"""Connections to a PostgreSQL read model, and what its errors mean to a worker."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from connectors.readmodel.store import RowRefused, StoreUnavailable
from schemas.errors import SettingsError, Terminal

#: A server that is there answers within milliseconds; one that is not should not hold a worker for long.
_CONNECT_SECONDS = 5
#: A worker that is stopped between two statements of a transaction loses it, and with it the lock on its
#: partition's offset, so that the next owner goes on. Longer than any pause of a live worker: it has
#: prepared everything before it begins.
_IDLE_SECONDS = 5
#: Widening a table waits for readers, and everyone else waits behind it: give way and try again.
_LOCK_SECONDS = 5

#: SQLSTATE classes that no retry mends: syntax or access rule, program limit (too many columns).
_WRONG = ("42", "54", "0A")
#: The same where rows are written, and one of them is to blame: cardinality, data, integrity constraint,
#: program limit (a text too long for an index).
_OF_A_ROW = ("21", "22", "23", "54")


def connect(url: str, schema: str, *, writes: bool, durable: bool = True) -> psycopg.Connection[Any]:
    """Return a connection whose unqualified names are those of `schema`; without a transaction open.

    Args:
        url: the connection string.
        schema: of the projection version.
        writes: False for a session in which nothing can be written.
        durable: False where a commit need not be on disk before it counts: a crash of the server then takes
            back the last moments, whole transactions, in order. A worker's rows go together with their
            offset, so it applies them again from Kafka (SQLite's `synchronous=NORMAL` is the same).
            Measured: 141 k rows/s against 96 k, at 80 ms a commit.

    Raises:
        psycopg.OperationalError: the server does not answer, or does not let us in.
        SettingsError: `url` is no PostgreSQL connection string.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        # The error quotes the text, which may hold a password.
        raise SettingsError(
            "the URL of the read model cannot be read",
            where="[read_model] url",
            fix="write postgresql://user@host:port/database, with the password by reference",
        ) from None
    session = {
        "search_path": '"' + schema.replace('"', '""') + '"',
        "lock_timeout": f"{_LOCK_SECONDS}s",
        "idle_in_transaction_session_timeout": f"{_IDLE_SECONDS}s",
        "default_transaction_read_only": "off" if writes else "on",
        "synchronous_commit": "on" if durable else "off",
        # No SQL of ours has output that a locale could change; dates and numbers are stored as text.
        "client_encoding": "UTF8",
    }
    options = " ".join(f"-c {name}={value.replace(' ', chr(92) + ' ')}" for name, value in session.items())
    given.setdefault("connect_timeout", _CONNECT_SECONDS)
    given.setdefault("application_name", "banyan")
    # A host that vanished is noticed within a minute, not after TCP's two hours.
    given |= {"keepalives_idle": 20, "keepalives_interval": 10, "keepalives_count": 3}
    # What was sent and is not acknowledged is no idle connection: without this, TCP tries for 15 minutes.
    given.setdefault("tcp_user_timeout", 20_000)
    given["options"] = f"{given.get('options', '')} {options}".strip()
    return psycopg.connect(**given, autocommit=True)  # type: ignore[arg-type]


def server_of(url: str) -> str:
    """Return host, port and database of a connection string, for messages; never the password."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        return "[read_model] url"
    host, port, name = (
        str(given.get(k, d)) for k, d in (("host", "localhost"), ("port", 5432), ("dbname", ""))
    )
    if not port.isdecimal() or any(c in host + name for c in "@:/?"):
        return "[read_model] url"  # a password that is not percent-encoded is taken for one of these
    return f"{host}:{port}/{name}"


def refusal(error: psycopg.Error, where: str) -> RowRefused | None:
    """Return the refusal where an error says that a row can never be stored, else None."""
    code = error.sqlstate or ""
    if code[:2] not in _OF_A_ROW and not isinstance(error, psycopg.DataError):
        return None
    kind = type(error).__name__
    return RowRefused(f"PostgreSQL cannot hold the row ({kind}, SQLSTATE {code})", where=where)


def unavailable(error: psycopg.Error, where: str) -> StoreUnavailable | Terminal:
    """Return what an error of the server means: try again, or nothing helps.

    Messages of the server may quote a row (`Key (nino)=(…)`), so only its code and kind are told.
    """
    code = error.sqlstate or ""
    kind = type(error).__name__
    if code[:2] in _WRONG:
        return Terminal(
            f"PostgreSQL refuses the read model's statement ({kind}, SQLSTATE {code})",
            where=where,
            fix="grant the user CREATE on the database, or see the server's log",
        )
    return StoreUnavailable(
        f"the read model cannot be written now ({kind}{f', SQLSTATE {code}' if code else ''})",
        where=where,
        fix="see that PostgreSQL runs and has space; the worker goes on by itself",
    )
