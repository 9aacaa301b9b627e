"""What only PostgreSQL can do wrong: several writers, lost connections, text that it cannot hold."""

from __future__ import annotations

import threading
import uuid

import psycopg
import pytest

from connectors.readmodel.postgres import PostgresReadModel
from connectors.readmodel.postgres_source import PostgresSource
from connectors.readmodel.reader import RowReader
from connectors.readmodel.store import Change, Fenced, StoreUnavailable
from connectors.readmodel.table import Column, Table
from schemas.errors import SettingsError, Terminal

TOPIC = "uc.esa.claim"
TABLE = Table(
    (
        Column("nino", "NINO", "text", nullable=False),
        Column("n", "N", "integer"),
        Column("paid", "PAID", "boolean"),
        Column("rate", "RATE", "real"),
        Column("raw", "RAW", "bytes"),
    ),
    ("nino",),
    ("n",),
)


@pytest.fixture
def schema():
    return f"uc.claim{uuid.uuid4().hex[:8]}.v1"


@pytest.fixture
def opened(postgres, schema):
    """Opens writers of one schema and closes them all."""
    writers = []

    def open_one():
        writers.append(PostgresReadModel(postgres.url, schema, topic=TOPIC))
        return writers[-1]

    yield open_one
    for writer in writers:
        writer.close()


@pytest.fixture
def reader(postgres, schema):
    made = RowReader(PostgresSource(postgres.url, schema))
    yield made
    made.close()


def row(nino, n=1, partition=0):
    return (nino, n, 1, 0.5, b"\0\xff", partition, n, 0)


def change(expected, *rows, partition=0, deletes=(), table=TABLE):
    place = (TOPIC, partition)
    return Change(place, expected, expected + 1, table, rows, deletes, events=1)


def values(reader):
    return {r.values["nino"]: r.values["n"] for r in reader.rows({})}


def test_every_kind_comes_back_as_sqlite_shows_it(opened, reader):
    """Numbers, truth values and bytes are those of the row, whatever PostgreSQL calls their types."""
    store = opened()
    store.claim([(TOPIC, 0)])
    store.apply(change(0, row("A", 2**62), (*("B", None, None, None, None), 0, 1, 0)))
    assert reader.row(["A"]).values == {"nino": "A", "n": 2**62, "paid": True, "rate": 0.5, "raw": "AP8="}
    assert set(reader.row(["B"]).values.values()) == {"B", None}


def test_two_workers_share_partitions(opened, reader):
    """Two workers write at once, each its own partition; counts add up and nothing waits for the other."""
    first, second = opened(), opened()
    first.claim([(TOPIC, 0)])
    second.claim([(TOPIC, 1)])

    def work(store, partition):
        for n in range(40):
            store.apply(change(n, *(row(f"P{partition}-{i}", n, partition) for i in range(50)),
                               partition=partition))  # fmt: skip

    threads = [threading.Thread(target=work, args=pair) for pair in ((first, 0), (second, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values(reader) == {f"P{p}-{i}": 39 for p in (0, 1) for i in range(50)}
    status = reader.status()
    assert status["offsets"] == {"0": 40, "1": 40}
    assert status["events"] == 80


def test_two_workers_begin_at_once(opened, reader):
    """Workers that make and widen the same table at the same time end with one table of both shapes."""
    wider = Table((*TABLE.columns, Column("note", "NOTE", "text")), TABLE.key, TABLE.indexes)
    problems = []

    def begin(table):
        try:
            opened().ensure(table)
        except Exception as error:
            problems.append(error)

    threads = [threading.Thread(target=begin, args=(t,)) for t in (TABLE, wider) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert set(reader.table.names) == set(wider.names)


def test_a_zombie_writes_nothing(opened, reader):
    """A worker whose partition another one took is refused: neither its rows nor its offset are stored."""
    zombie, owner = opened(), opened()
    zombie.claim([(TOPIC, 0)])
    owner.claim([(TOPIC, 0)])
    owner.apply(change(0, row("A", 1)))
    with pytest.raises(Fenced):
        zombie.apply(change(0, row("A", 99), row("Z", 99), deletes=[("B",)]))
    assert values(reader) == {"A": 1}
    assert reader.status()["offsets"] == {"0": 1}


def test_of_two_that_commit_at_once_one_wins(opened, reader):
    """Two owners of one partition at the same moment: the fence lets one batch in, never both."""
    stores = [opened() for _ in range(4)]
    for store in stores:
        store.claim([(TOPIC, 0)])
    outcomes = []

    def commit(store, n):
        try:
            store.apply(change(0, row("A", n)))
            outcomes.append(n)
        except Fenced:
            outcomes.append(None)

    threads = [threading.Thread(target=commit, args=(s, n)) for n, s in enumerate(stores)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [n for n in outcomes if n is not None]
    assert values(reader) == {"A": winner}


def test_a_lost_connection_is_made_anew(opened, reader, postgres, schema):
    """A connection that the server ended costs a try: the next one is stored, once."""
    store = opened()
    store.claim([(TOPIC, 0)])
    store.apply(change(0, row("A", 1)))
    assert values(reader) == {"A": 1}
    with psycopg.connect(postgres.url, autocommit=True) as db:
        ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'banyan'"
        db.execute(ours.encode())
    with pytest.raises(StoreUnavailable):
        store.apply(change(1, row("B", 2)))
    store.apply(change(1, row("B", 2)))
    assert values(reader) == {"A": 1, "B": 2}
    assert reader.status()["events"] == 2


def test_low_values_are_replaced(opened, reader):
    """NUL, which PostgreSQL's text cannot hold, becomes U+FFFD; the row is found by its key as it was."""
    store = opened()
    store.claim([(TOPIC, 0)])
    store.apply(change(0, row("A\0B", 1), row("C", 1)))
    store.apply(change(1, row("C", 2)))
    assert values(reader) == {"A\ufffdB": 1, "C": 2}
    assert reader.row(["A\0B"]).values["n"] == 1
    store.apply(change(2, deletes=[("A\0B",)]))
    assert values(reader) == {"C": 2}


def test_pages_are_in_byte_order(opened, reader):
    """Pages follow the order of bytes, as SQLite's do, not that of the server's locale."""
    store = opened()
    store.claim([(TOPIC, 0)])
    names = ["a", "B", "é", "Z", "_", "10", "9"]
    store.apply(change(0, *(row(n) for n in names)))
    found, after = [], None
    while page := reader.rows({}, after=after, limit=2):
        found += [r.values["nino"] for r in page]
        after = page[-1].key
    assert found == sorted(names, key=lambda n: n.encode())


def test_a_column_that_rows_lack_becomes_null(opened, reader):
    """A later event of an older schema leaves no value of the newer one behind."""
    wider = Table((*TABLE.columns, Column("note", "NOTE", "text")), TABLE.key, TABLE.indexes)
    store = opened()
    store.claim([(TOPIC, 0)])
    full = row("A", 1)
    store.apply(change(0, (*full[:5], "new", *full[5:]), table=wider))
    store.apply(change(1, row("A", 2)))
    assert reader.row(["A"]).values["note"] is None


def test_a_widening_that_waits_for_a_reader_gives_way(opened, reader, postgres, schema, monkeypatch):
    """A long query of somebody else delays new columns, not everyone behind them."""
    monkeypatch.setattr("connectors.readmodel.postgres_connection._LOCK_SECONDS", 1)
    store = opened()
    store.ensure(TABLE)
    wider = Table((*TABLE.columns, Column("note", "NOTE", "text")), TABLE.key, TABLE.indexes)
    with psycopg.connect(postgres.url) as other:
        other.execute(f'SELECT count(*) FROM "{schema}".rows'.encode())
        with pytest.raises(StoreUnavailable):
            store.ensure(wider)
    store.ensure(wider)
    assert "note" in reader.table.names


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@127.0.0.1:1/x", "postgresql://[:hunter2"])
def test_no_secret_in_errors(url):
    """A server that does not answer and a URL that cannot be read are told without the password."""
    with pytest.raises((StoreUnavailable, SettingsError)) as caught:
        PostgresReadModel(url, "uc.claim.v1", topic=TOPIC)
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__!r}"


def test_no_right_to_make_it_is_said(postgres, schema):
    """A user who may not make the schema hears so; retrying would not help."""
    with psycopg.connect(postgres.url, autocommit=True) as db:
        db.execute(f'CREATE ROLE "{schema}" LOGIN'.encode())
    with pytest.raises(Terminal, match="42501"):
        PostgresReadModel(postgres.url.replace("banyan@", f"{schema}@"), schema, topic=TOPIC)
