"""The read API, called as an ASGI application over real SQLite files."""

import asyncio
import json
from decimal import Decimal
from types import SimpleNamespace
from urllib.parse import unquote, urlsplit

import pytest

from connectors.kafka import KafkaSettings
from connectors.links import Links
from schemas.entity import Field
from schemas.errors import SettingsError
from streams.api import create_app
from streams.checkpoint import Checkpoint
from streams.document import Document
from streams.projection import row_projection
from tests.unit.streams.events import Book, Writer, batch, entity, row

CLAIM = row_projection("claim", source="esa.claim", collection="claims", indexes=["n"])
PAYMENT = row_projection("payment", source="esa.payment", collection="payments", indexes=["nino"])
CASE_FILE = Document.model_validate(
    {
        "document": "case_file",
        "collection": "case-files",
        "root": "claim",
        "embed": [{"name": "payments", "from": "payment", "match": {"nino": "nino"}}],
    }
)


def get(app, path, headers=None, method="GET"):
    """Call the app once and return status, headers and body."""
    parts = urlsplit(path)
    sent = []
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": [(k.lower().encode(), v.encode()) for k, v in (headers or {}).items()],
        "scheme": "http",
        "server": ("localhost", 80),
        "client": ("localhost", 1),
        "root_path": "",
    }

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    body = b"".join(m.get("body", b"") for m in sent[1:])
    names = {k.decode(): v.decode() for k, v in sent[0]["headers"]}
    kind = names.get("content-type", "")
    return SimpleNamespace(
        status=sent[0]["status"], headers=names, kind=kind, json=json.loads(body) if body else None
    )


@pytest.fixture(params=["sqlite", "postgresql"])
def links(request, tmp_path):
    """Links to either store: the API answers alike from both."""
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    return Links("uc", KafkaSettings(bootstrap="127.0.0.1:1"), "http://127.0.0.1:1", tmp_path, url)


def store_rows(links, projection, writer, book, images):
    topic = projection.topic("uc")
    store = links.read_models.writer(projection.name, projection.version, topic=topic)
    checkpoint = Checkpoint(projection, topic, store, book, lambda _: None)
    checkpoint.claim([(topic, 0)])
    at = checkpoint.stored[topic, 0]
    events = [(writer.key(i), writer.event("c", None, i)) for i in images]
    checkpoint.commit(checkpoint.prepare(batch(events, first=at, topic=topic)))
    store.close()


@pytest.fixture
def app(links):
    book = Book()
    claims = Writer(book)
    store_rows(links, CLAIM, claims, book, [row(f"QQ{i:03}", i % 3) for i in range(25)] + [row("A/B ü", 9)])
    fields = (Field("NINO", "string"), Field("NO", "int"), Field("PAID", "boolean"), Field("RAW", "bytes"))
    payments = Writer(book, entity(fields, key=("NINO", "NO")), "uc.esa.payment")
    images = [{"NINO": "QQ001", "NO": i, "PAID": i == 1, "RAW": b"\xff\x00"} for i in (1, 2)]
    store_rows(links, PAYMENT, payments, book, images)
    return create_app([CLAIM, PAYMENT], [CASE_FILE], links)


def test_one_row(app):
    """A row comes by key, with decimals as text, ISO dates, and the place of its event."""
    answer = get(app, "/v1/claims/QQ001")
    assert answer.status == 200
    assert answer.kind == "application/json"
    assert answer.json == {"nino": "QQ001", "amount": "84.80", "start": "2019-04-01", "n": 1, "seen": None}
    assert answer.headers["banyan-source-offset"] == "uc.esa.claim:0:1"


def test_composite_and_escaped_keys(app):
    """Each key part is a path segment; a slash inside one is escaped."""
    assert get(app, "/v1/payments/QQ001/2").json == {"nino": "QQ001", "no": 2, "paid": False, "raw": "/wA="}
    assert get(app, "/v1/claims/A%2FB%20%C3%BC").json["n"] == 9


def test_etag(app, links):
    """The same row answers 304 to its ETag; a changed one answers in full."""
    etag = get(app, "/v1/claims/QQ002").headers["etag"]
    again = get(app, "/v1/claims/QQ002", {"If-None-Match": f'"x", {etag}'})
    assert (again.status, again.json, again.headers["etag"]) == (304, None, etag)
    book = Book()
    store_rows(links, CLAIM, Writer(book), book, [row("QQ002", 77)])
    changed = get(app, "/v1/claims/QQ002", {"If-None-Match": etag})
    assert (changed.status, changed.json["n"]) == (200, 77)


def test_paging(app):
    """Following `next` visits every row once, in key order."""
    seen, path = [], "/v1/claims?limit=7"
    while path:
        page = get(app, path).json
        assert len(page["items"]) <= 7
        seen += [r["nino"] for r in page["items"]]
        path = page["next"]
    assert seen == sorted(seen)
    assert len(seen) == len(set(seen)) == 26


def test_filters_keep_through_pages(app):
    """A filter on an index stays in the `next` link."""
    page = get(app, "/v1/claims?n=1&limit=5").json
    rest = get(app, page["next"]).json
    assert {r["n"] for r in page["items"] + rest["items"]} == {1}
    assert len(page["items"] + rest["items"]) == 8


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/v1/claims/NOPE", 404, "no row"),
        ("/v1/payments/QQ001", 404, "2 parts"),
        ("/v1/payments/QQ001/x", 404, "no row"),
        ("/v1/nowhere", 404, "openapi.json"),
        ("/v1/claims?limit=0", 400, "limit"),
        ("/v1/claims?limit=many", 400, "limit"),
        ("/v1/claims?after=%21", 400, "cursor"),
        ("/v1/claims?amount=1", 400, "filters: nino, n"),
        ("/v1/claims?n=one", 400, "integer"),
        ("/v1/claims?n=99999999999999999999", 400, "integer"),
        # ["\ud800"], half a surrogate pair; [99999999999999999999]; 20,000 nested lists
        ("/v1/claims?after=WyJcdWQ4MDAiXQ", 400, "cursor"),
        ("/v1/claims?after=Wzk5OTk5OTk5OTk5OTk5OTk5OTk5XQ", 400, "cursor"),
        ("/v1/claims?after=" + "W1tb" * 5_000, 400, "cursor"),
    ],
)
def test_problems(app, path, status, says):
    """Every error is a problem document that says what to do."""
    answer = get(app, path)
    assert (answer.status, answer.json["status"], answer.kind) == (status, status, "application/problem+json")
    assert says in answer.json["detail"]


def test_only_a_missing_row_is_marked_as_missing(app):
    """The 404 of a key without a row says so in a header; the 404 of a wrong URL does not."""
    for path in ("/v1/claims/NOPE", "/v1/payments/QQ001/x", "/v1/case-files/NOPE"):
        assert (get(app, path).status, get(app, path).headers.get("banyan-not-found")) == (404, "row")
    for path in ("/v1/nowhere", "/v1/claim/QQ001", "/claims/QQ001", "/v1/payments/QQ001"):
        assert (get(app, path).status, get(app, path).headers.get("banyan-not-found")) == (404, None)


def test_an_unexpected_error_is_logged_without_its_message(app, monkeypatch, caplog):
    """What goes wrong inside is a plain 500; the log names type and place, and quotes no row."""

    def rows(*_, **__):
        raise RuntimeError("QQ001")

    monkeypatch.setattr("connectors.readmodel.reader.RowReader.select", rows)
    assert get(app, "/v1/claims").status == 500
    assert "RuntimeError at test_app.py:" in caplog.text
    assert "QQ001" not in caplog.text


def test_method_not_allowed(app):
    """A write is answered with 405 as a problem document."""
    answer = get(app, "/v1/claims", method="POST")
    assert (answer.status, answer.kind) == (405, "application/problem+json")


def test_document(app):
    """A document is the root row with the rows that belong to it."""
    answer = get(app, "/v1/case-files/QQ001")
    assert answer.json["nino"] == "QQ001"
    assert [p["no"] for p in answer.json["payments"]] == [1, 2]
    assert get(app, "/v1/case-files/QQ001", {"If-None-Match": answer.headers["etag"]}).status == 304
    assert get(app, "/v1/case-files/QQ005").json["payments"] == []


def test_before_the_worker(links):
    """Without a read model the API lives, is not ready, and answers 503 with Retry-After."""
    app = create_app([CLAIM], [], links)
    assert get(app, "/health/live").status == 200
    assert get(app, "/health/ready").status == 503
    waiting = get(app, "/v1/claims")
    assert (waiting.status, waiting.headers["retry-after"]) == (503, "1")
    assert get(app, "/v1/_status").json[0]["ready"] is False
    book = Book()
    store_rows(links, CLAIM, Writer(book), book, [row("A")])
    assert get(app, "/health/ready").status == 200
    assert len(get(app, "/v1/claims").json["items"]) == 1


def test_status(app):
    """The status tells offsets, counts and freshness of every projection."""
    claim, payment = get(app, "/v1/_status").json
    assert claim["offsets"] == {"0": 26}
    assert (claim["rows"], claim["events"], claim["parked"], claim["topic"]) == (26, 26, 0, "uc.esa.claim")
    assert claim["freshness"]["arrival_to_visible"]["count"] == 26
    assert payment["projection"] == "payment"


def test_openapi(app):
    """OpenAPI 3.1 names each row's fields with their types and each document's embeds."""
    document = get(app, "/openapi.json").json
    assert document["openapi"] == "3.1.0"
    claim = document["components"]["schemas"]["Claim"]["properties"]
    assert claim["amount"] == {"type": ["string", "null"], "pattern": r"^-?\d+\.\d{2}$"}
    assert claim["start"] == {"type": ["string", "null"], "format": "date"}
    assert claim["nino"] == {"type": "string"}
    assert "/v1/payments/{nino}/{no}" in document["paths"]
    assert document["components"]["schemas"]["CaseFile"]["properties"]["payments"]["type"] == "array"


def test_unknown_projection_in_a_document(links):
    """A document over a projection that is not served is refused at start."""
    with pytest.raises(SettingsError, match="payment"):
        create_app([CLAIM], [CASE_FILE], links)


def test_decimals_never_show_an_exponent(links):
    """A small number of a large scale shows all its digits."""
    tiny = {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 8}
    book = Book()
    writer = Writer(book, entity((Field("NINO", "string"), Field("RATE", tiny)), key=("NINO",)))
    projection = row_projection("claim", source="esa.claim", collection="claims")
    store_rows(links, projection, writer, book, [{"NINO": "A", "RATE": Decimal("0.00000001")}])
    assert get(create_app([projection], [], links), "/v1/claims/A").json["rate"] == "0.00000001"
