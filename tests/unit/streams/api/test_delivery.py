"""Exports, encodings, conditions and reading one's own writes, from either store."""

import asyncio
import csv
import gzip
import io
import json
import threading
import time

import orjson
import pyarrow.parquet as pq
import pytest
import zstandard

from connectors.readmodel.store import StoreUnavailable
from streams.api.encoding import chosen
from tests.unit.streams.api.test_app import get, links  # noqa: F401
from tests.unit.streams.api.test_question import CASE, ROWS, app, every, write  # noqa: F401


def call(app, path, headers=(), *, leave_after=None):  # noqa: F811
    """Call the app once; return status, headers, and the pieces of the body."""
    sent, gone = [], asyncio.Event()
    path, _, query = path.partition("?")
    scope = {"type": "http", "method": "GET", "path": path, "raw_path": path.encode(),
             "query_string": query.encode(),
             "headers": [(k.lower().encode(), v.encode()) for k, v in dict(headers).items()]}  # fmt: skip

    async def receive():
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)
        if leave_after and len(sent) > leave_after:
            gone.set()
            await asyncio.sleep(0.01)

    asyncio.run(app(scope, receive, send))
    start = sent[0]
    return (
        start["status"],
        {k.decode(): v.decode() for k, v in start["headers"]},
        [m.get("body", b"") for m in sent[1:]],
    )


def test_json_lines(app):  # noqa: F811
    """An export as JSON lines holds what the pages hold, in their order, under the same filters."""
    rows = every(app, "/v1/cases?limit=1000&sort=-amount&open=true")
    status, headers, pieces = call(app, "/v1/cases.jsonl?sort=-amount&open=true")
    assert (status, headers["content-type"]) == (200, "application/x-ndjson")
    assert [orjson.loads(line) for line in b"".join(pieces).splitlines()] == rows


def test_csv(app):  # noqa: F811
    """An export as CSV has a header and each row's texts; by Accept as by suffix."""
    status, headers, pieces = call(app, "/v1/cases?fields=no,amount,open", {"Accept": "text/csv"})
    assert (status, headers["content-type"]) == (200, "text/csv")
    rows = list(csv.DictReader(io.StringIO(b"".join(pieces).decode())))
    assert rows[0] == {"no": "1", "amount": "-9.00", "open": "true"}
    assert len(rows) == 60


def test_parquet(app):  # noqa: F811
    """An export as Parquet has decimals and times as such, over several row groups."""
    _, _, pieces = call(app, "/v1/cases.parquet", {"Accept-Encoding": "gzip"})
    table = pq.read_table(io.BytesIO(b"".join(pieces)))
    assert str(table.schema.field("amount").type) == "decimal128(9, 2)"
    assert table.num_rows == 60
    rows = every(app, "/v1/cases?limit=1000")
    assert [None if v is None else str(v) for v in table["amount"].to_pylist()] == [r["amount"] for r in rows]


def test_an_export_is_one_snapshot_in_bounded_pieces(app, links, monkeypatch):  # noqa: F811
    """What is written while an export runs is not in it, and rows are taken a chunk at a time."""
    monkeypatch.setattr("streams.api.resources.CHUNK", 10)
    collection = app._collections["cases"]
    from streams.api.message import Request

    scope = {"method": "GET", "path": "/v1/cases.jsonl", "query_string": b"", "headers": []}
    made, _ = collection.export(Request(scope), "jsonl")
    first = next(made)
    assert first.count(b"\n") == 10
    write(links, [("zzz", 1, None, None, None, 0, 0, 999, 0)])
    rest = b"".join(made)
    assert rest.count(b"\n") == 50
    assert b"zzz" not in rest


def test_a_client_that_leaves_ends_its_export(app, links, monkeypatch):  # noqa: F811
    """Once the client is gone, nothing more is read and the snapshot is let go."""
    monkeypatch.setattr("streams.api.resources.CHUNK", 1)
    ended = []
    reader = app._models["case"]
    stream = reader.stream

    def watched(*args):
        try:
            yield from stream(*args)
        finally:
            ended.append(True)

    monkeypatch.setattr(reader, "stream", watched)
    _, _, pieces = call(app, "/v1/cases.jsonl", leave_after=3)
    assert len(pieces) < 10
    assert ended == [True]


@pytest.mark.parametrize(("suffix", "status"), [("xml", 404), ("", 404), ("jsonl?limit=3", 400)])
def test_no_such_export(app, suffix, status):  # noqa: F811
    """An unknown format is not found, a page of an export is refused."""
    assert call(app, f"/v1/cases.{suffix}" if suffix else "/v1/case.csv")[0] == status


def test_compression(app):  # noqa: F811
    """A body is encoded where the caller asks and it pays; its ETag says so and still answers 304."""
    plain = call(app, "/v1/cases?limit=50")
    for encoding, unpack in (("gzip", gzip.decompress), ("zstd", lambda b: zstandard.decompress(b))):
        _, headers, pieces = call(app, "/v1/cases?limit=50", {"Accept-Encoding": encoding})
        assert headers["content-encoding"] == encoding
        assert unpack(b"".join(pieces)) == b"".join(plain[2])
        again = call(
            app, "/v1/cases?limit=50", {"Accept-Encoding": encoding, "If-None-Match": headers["etag"]}
        )
        assert again[0] == 304
    assert "content-encoding" not in call(app, "/v1/cases/esa/1", {"Accept-Encoding": "gzip"})[1]
    _, headers, pieces = call(app, "/v1/cases.jsonl", {"Accept-Encoding": "gzip"})
    assert len(gzip.decompress(b"".join(pieces)).splitlines()) == 60


@pytest.mark.parametrize(
    ("header", "encoding"),
    [("", ""), ("gzip", "gzip"), ("gzip, zstd", "zstd"), ("zstd;q=0, gzip;q=0.5", "gzip"), ("*", "zstd"),
     ("identity", ""), ("gzip;q=0", ""), ("br", ""), ("gzip;q=nonsense", "gzip"), (";;,,", "")],
)  # fmt: skip
def test_which_encoding(header, encoding):
    """The heavier weight wins, zstd among equals; what is refused or unknown is not used."""
    assert chosen(header) == encoding


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("text/html, */*;q=0.1", 200),
        ("text/html", 406),
        ("application/json;q=0", 406),
    ],
)
def test_accept(app, accept, status):  # noqa: F811
    """Who takes no JSON is told what there is."""
    assert call(app, "/v1/cases/esa/1", {"Accept": accept})[0] == status


def test_a_position_that_is_there_is_answered_at_once(app):  # noqa: F811
    """The position of one answer, sent with the next request, is satisfied."""
    headers = call(app, "/v1/cases")[1]
    offset = call(app, "/v1/cases/esa/1")[1]["banyan-source-offset"]
    for asked in ({"Banyan-Min-Position": headers["banyan-position"]}, {"Banyan-Min-Offset": offset}):
        assert call(app, "/v1/cases/esa/1?wait=0", asked)[0] == 200


def test_reading_what_one_has_written(app, links):  # noqa: F811
    """A request waits until the event that it names is in the rows, and then shows it."""
    writing = threading.Timer(0.1, write, (links, [("new", 1, None, None, None, 0, 0, 60, 0)]))
    writing.start()
    status, _, pieces = call(app, "/v1/cases/new/1?wait=20", {"Banyan-Min-Offset": "uc.esa.case:0:60"})
    writing.join()
    assert (status, json.loads(b"".join(pieces))["system"]) == (200, "new")


def test_what_does_not_come_in_time(app):  # noqa: F811
    """A position that is not reached is 504 with Retry-After and how far the read model is."""
    began = time.monotonic()
    status, headers, _ = call(
        app, "/v1/cases/esa/1", {"Banyan-Min-Offset": "uc.esa.case:0:999", "Prefer": "wait=0"}
    )
    assert (status, headers["retry-after"]) == (504, "1")
    assert headers["banyan-position"] == call(app, "/v1/cases")[1]["banyan-position"]
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "asked",
    [
        {"Banyan-Min-Offset": "uc.other:0:1"},
        {"Banyan-Min-Offset": "uc.esa.case"},
        {"Banyan-Min-Offset": "a:b:c"},
        {"Banyan-Min-Position": "x"},
        {"Banyan-Min-Position": "bnVsbA"},  # null
        {"Banyan-Min-Position": "WzFd"},  # [1]
        {"Banyan-Min-Position": "W1siYSIsIjAiLDFdXQ"},  # a partition that is a text
    ],
)
def test_no_position(app, asked):  # noqa: F811
    """What is no position, or one of topics that are not read here, is refused with 400."""
    assert call(app, "/v1/cases/esa/1", asked)[0] == 400


def test_a_store_in_trouble_is_503(app, monkeypatch):  # noqa: F811
    """A store that does not answer is a problem with Retry-After, without its place or data."""

    def fails(*_, **__):
        raise StoreUnavailable("the read model does not answer in time", where="db.internal:5432", fix="wait")

    monkeypatch.setattr("connectors.readmodel.reader.RowReader.select", fails)
    answer = get(app, "/v1/cases")
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert "internal" not in answer.json["detail"]


def test_slow_reads_leave_the_others_alone(app, monkeypatch):  # noqa: F811
    """While a page waits for its store, health and other requests are answered."""
    let = threading.Event()
    select = type(app._models["case"]).select

    def slow(self, *args, **more):
        let.wait(20)
        return select(self, *args, **more)

    monkeypatch.setattr("connectors.readmodel.reader.RowReader.select", slow)

    async def ask(path):
        sent = []

        async def send(message):
            sent.append(message)

        async def receive():
            await asyncio.Event().wait()

        await app(
            {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}, receive, send
        )
        return sent[0]["status"]

    async def main():
        page = asyncio.create_task(ask("/v1/cases"))
        live = await ask("/health/live")
        was_done = page.done()
        let.set()
        return live, was_done, await page

    assert asyncio.run(main()) == (200, False, 200)
