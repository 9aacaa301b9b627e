"""Filters, sort, sparse fields and cursors, asked of either store."""

import base64

import pytest

from connectors.kafka import KafkaSettings
from connectors.links import Links
from connectors.readmodel.store import Change
from connectors.readmodel.table import Column, Table
from streams.api import create_app
from streams.projection import row_projection
from tests.unit.streams.api.test_app import get, links  # noqa: F401

TABLE = Table(
    (
        Column("system", "SYSTEM", "text", nullable=False),
        Column("no", "NO", "integer", nullable=False),
        Column("amount", "AMOUNT", "decimal", precision=9, scale=2),
        Column("seen", "SEEN", "timestamp"),
        Column("note", "NOTE", "text"),
        Column("open", "OPEN", "boolean"),
    ),
    ("system", "no"),
    ("amount", "seen", "note", "open"),
)
CASE = row_projection("case", source="esa.case", collection="cases", indexes=TABLE.indexes)
AMOUNTS = ["-10.50", "-9.00", "0.05", "9.00", "10.50", None]
ROWS = [
    ("esa" if i % 2 else "jsa", i, AMOUNTS[i % 6], f"2026-01-{1 + i % 20:02d}T00:00:00.000Z",
     None if i % 3 == 0 else f"n{i % 4}", i % 2, 0, i, 0)
    for i in range(60)
]  # fmt: skip


def write(links, rows, first=0):  # noqa: F811
    topic = "uc.esa.case"
    store = links.read_models.writer("case", 1, topic=topic)
    at = store.claim([(topic, 0)])[topic, 0]
    store.apply(Change((topic, 0), at, at + len(rows) + first, TABLE, rows))
    store.close()


@pytest.fixture
def app(links):  # noqa: F811
    write(links, ROWS)
    return create_app([CASE], [], links)


def every(app, path):
    """Follow `next` to the end."""
    found = []
    while path:
        page = get(app, path)
        assert page.status == 200, page.json
        found += page.json["items"]
        path = page.json["next"]
    return found


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("amount[gte]=9", lambda r: r["amount"] in ("9.00", "10.50")),
        ("amount[gt]=9.00", lambda r: r["amount"] == "10.50"),
        ("amount[lt]=0", lambda r: r["amount"] in ("-10.50", "-9.00")),
        ("amount=9", lambda r: r["amount"] == "9.00"),
        ("amount[null]=true", lambda r: r["amount"] is None),
        ("note[null]=false", lambda r: r["note"] is not None),
        ("note=n1&note=n2", lambda r: r["note"] in ("n1", "n2")),
        ("note[eq]=n1", lambda r: r["note"] == "n1"),
        ("seen[gte]=2026-01-19&seen[lt]=2026-01-20", lambda r: r["seen"].startswith("2026-01-19")),
        ("seen=2026-01-19T01:00:00%2B01:00", lambda r: r["seen"].startswith("2026-01-19")),
        ("system=esa&no[lte]=9", lambda r: r["system"] == "esa" and r["no"] <= 9),
        ("open=true&note=n3", lambda r: r["open"] and r["note"] == "n3"),
    ],
)
def test_filters(app, query, holds):
    """A filter finds the rows that a look at every row finds: decimals by value, times by moment."""
    rows = every(app, "/v1/cases?limit=1000")
    wanted = [r for r in rows if holds(r)]
    assert wanted
    assert every(app, f"/v1/cases?limit=7&{query}") == wanted


@pytest.mark.parametrize("name", ["amount", "seen", "note", "open", "system"])
@pytest.mark.parametrize("down", [False, True])
def test_sort_pages_visit_every_row_once(app, name, down):
    """Pages sorted by a field hold every row once, by value, then by key; null comes last both ways."""
    rows = every(app, "/v1/cases?limit=1000")
    value = (lambda r: float(r["amount"])) if name == "amount" else (lambda r: r[name])
    some = [r for r in rows if r[name] is not None]
    wanted = sorted(some, key=lambda r: (value(r), r["system"], r["no"]), reverse=down)
    wanted += sorted((r for r in rows if r[name] is None), key=lambda r: (r["system"], r["no"]), reverse=down)
    assert every(app, f"/v1/cases?limit=7&sort={'-' if down else ''}{name}") == wanted


def test_fields(app):
    """Sparse fields come alone, pages go on without the field that they are sorted by."""
    assert get(app, "/v1/cases/esa/1?fields=note,no").json == {"no": 1, "note": "n1"}
    found = every(app, "/v1/cases?limit=7&sort=-amount&fields=no")
    assert sorted(r["no"] for r in found) == list(range(60))
    assert all(r.keys() == {"no"} for r in found)
    one, other = (get(app, f"/v1/cases/esa/1?fields={f}").headers["etag"] for f in ("no", "note"))
    assert one != other


def test_rows_that_come_and_go_between_pages(app, links):  # noqa: F811
    """Rows that stay are seen once, whatever is written between pages: a page begins after a key."""
    first = get(app, "/v1/cases?limit=20").json
    write(links, [("aaa", i, None, None, None, 0, 0, 100 + i, 0) for i in range(30)])
    rest = every(app, first["next"])
    seen = [(r["system"], r["no"]) for r in first["items"] + rest]
    assert sorted(seen) == sorted((r[0], r[1]) for r in ROWS)


def test_a_cursor_tells_nothing_and_takes_no_change(app):
    """A cursor shows no key; changed, cut or for another question it is refused with 400."""
    path = get(app, "/v1/cases?limit=7&sort=note&system=esa").json["next"]
    base, cursor = path.split("after=")
    raw = base64.urlsafe_b64decode(cursor + "==")
    assert b"esa" not in raw
    assert get(app, path).status == 200
    flipped = cursor[:-2] + ("A" if cursor[-2] != "A" else "B") + cursor[-1]
    for wrong in (flipped, cursor[:-4], "", "é", "A" * 9000):
        assert get(app, f"{base}after={wrong}").status == 400
    for other in ("sort=-note&system=esa", "sort=note&system=jsa", "sort=note", "system=esa"):
        assert get(app, f"/v1/cases?limit=7&{other}&after={cursor}").status == 400


def test_a_cursor_outlives_the_process_and_not_the_estate(app, links, tmp_path_factory):  # noqa: F811
    """Another process of the estate reads it; one of another estate does not."""
    path = get(app, "/v1/cases?limit=7").json["next"]
    assert get(create_app([CASE], [], links), path).json == get(app, path).json
    state = tmp_path_factory.mktemp("other")
    other = Links("uc", KafkaSettings(bootstrap="127.0.0.1:1"), "http://127.0.0.1:1", state)
    write(other, ROWS)
    assert get(create_app([CASE], [], other), path).status == 400


@pytest.mark.parametrize(
    "query",
    [
        "amount[gte]=a",
        "amount[gte]=9.001",
        "amount[gte]=1e3",
        "amount[gte]=" + "9" * 100,
        "no[gt]=99999999999999999999",
        "no=%D9%A1",
        "seen[gt]=yesterday",
        "seen=2026-01-19T00:00:00.0001Z",
        "seen=0001-01-01T00:00:00%2B23:00",
        "note[like]=a",
        "note[null]=yes",
        "note[gt",
        "nothing[gt]=1",
        "sort=no",
        "sort=amount&sort=note",
        "sort=-",
        "fields=",
        "fields=nothing",
        "limit=0",
        "limit=1001",
        "limit=%D9%A1",
        "wait=forever",
        "&".join(f"note={i}" for i in range(101)),
        "&".join(f"note={i}" for i in range(300)),
    ],
)
def test_what_cannot_be_asked(app, query):
    """What is no filter, value, field or limit is a problem document with 400, whichever store is behind."""
    answer = get(app, f"/v1/cases?{query}", {"Banyan-Min-Offset": "uc.esa.case:0:1"})
    assert (answer.status, answer.kind) == (400, "application/problem+json")
