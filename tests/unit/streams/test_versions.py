"""Versions of a projection beside each other: which one is live, which are held, and who decided it."""

import asyncio
import itertools
import threading
import time
import uuid

import pytest

from connectors.readmodel.store import StoreUnavailable
from connectors.readmodel.stores import Stores
from schemas.errors import SettingsError, Terminal
from streams.api import create_app
from streams.projection import row_projection
from streams.traffic import Traffic
from streams.versions import Versions, open_versions
from tests.postgres import running_postgres
from tests.unit.streams.events import Book, Writer, row
from tests.unit.streams.test_api import get, links, store_rows  # noqa: F401 - a fixture

ONE = row_projection("claim", source="esa.claim", collection="claims")
TWO = row_projection("claim", source="esa.claim", collection="claims", version=2, rename={"N": "number"})
WHO = {"by": "ann", "reason": "test"}


@pytest.fixture(params=["one host", "several hosts"])
def host(request, tmp_path):
    """Opens the versions as a further process or host would: a file, or a row in PostgreSQL."""
    if request.param == "one host":
        return lambda: open_versions(tmp_path, Stores(tmp_path, "uc"))
    stores = Stores(tmp_path, f"t{uuid.uuid4().hex[:8]}", request.getfixturevalue("postgres").url)
    folders = (tmp_path / str(n) for n in itertools.count())
    return lambda: open_versions(next(folders), stores)


def seen(condition):
    """Wait until another host has looked."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_lowest_version_is_live_until_a_switch(host):
    """Without a decision the lowest declared version is live; a switch and its way back are journalled."""
    versions, other = host(), host()
    assert versions.live([TWO, ONE]) == other.live([TWO, ONE]) == ONE
    versions.switch("claim", 2, was=1, **WHO)
    assert versions.live([ONE, TWO]) == TWO
    seen(lambda: other.live([ONE, TWO]) == TWO)
    assert host().standing("claim").previous == 1
    other.switch("claim", 1, was=2, **WHO)
    assert other.live([ONE, TWO]) == ONE
    assert [(e.action, e.was, e.version, e.by) for e in other.document.journal] == [
        ("switch", 1, 2, "ann"),
        ("switch", 2, 1, "ann"),
    ]


def test_a_switch_that_came_too_late_is_refused(host):
    """Of two switches from the same version the second is refused, and nothing is changed."""
    host().switch("claim", 2, was=1, **WHO)
    with pytest.raises(SettingsError, match="live by now"):
        host().switch("claim", 3, was=1, **WHO)
    assert len(host().document.journal) == 1


def test_holding(host):
    """A held version is held for every process until it is released."""
    host().hold("claim", 2, "pause", **WHO)
    assert host().is_held(TWO)
    assert not host().is_held(ONE)
    host().release("claim", 2, "resume", **WHO)
    assert not host().is_held(TWO)


def test_changes_at_once(host):
    """Of many changes from several hosts at once none is lost."""
    threads = [threading.Thread(target=host().hold, args=("claim", v, "pause"), kwargs=WHO) for v in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert host().standing("claim").held == tuple(range(8))
    assert len(host().document.journal) == 8


def test_the_file_of_one_host_is_taken_over(tmp_path, postgres):
    """An estate that goes over to shared versions keeps what was live."""
    Versions(tmp_path).switch("claim", 2, was=1, **WHO)
    stores = Stores(tmp_path, f"t{uuid.uuid4().hex[:8]}", postgres.url)
    assert open_versions(tmp_path, stores).live([ONE, TWO]) == TWO
    open_versions(tmp_path, stores).hold("claim", 1, "pause", **WHO)
    other = open_versions(tmp_path / "other", stores)
    assert other.live([ONE, TWO]) == TWO and other.is_held(ONE)


def test_what_was_read_holds_while_the_server_is_away(tmp_path):
    """A host that cannot reach PostgreSQL goes on with what it knows; a new one says that it cannot."""
    with running_postgres() as server:
        stores = Stores(tmp_path, "uc", server.url)
        versions = open_versions(tmp_path, stores)
        versions.switch("claim", 2, was=1, **WHO)
        assert versions.live([ONE, TWO]) == TWO
    time.sleep(0.5)
    assert versions.live([ONE, TWO]) == TWO
    with pytest.raises(StoreUnavailable):
        _ = open_versions(tmp_path, stores).document


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"projections": {"a": {"live": "x"}}}', b"\xff"])
def test_a_broken_file_is_told(tmp_path, content):
    """A file that is no file of versions is named, not guessed at."""
    versions = Versions(tmp_path)
    versions.file.parent.mkdir()
    versions.file.write_bytes(content)
    with pytest.raises(Terminal, match="no file of versions"):
        versions.live([ONE, TWO])


def test_consumers_notice_nothing_of_a_switch(links):  # noqa: F811
    """While versions are switched to and fro, every request is answered by one of them, whole."""
    for projection in (ONE, TWO):
        book = Book()
        store_rows(links, projection, Writer(book), book, [row("A", 7)])
    app = create_app([ONE, TWO], [], links)
    assert get(app, "/v1/claims/A").json["n"] == 7
    versions, done = Versions(links.state), threading.Event()

    def switching():
        for i in range(40):
            versions.switch("claim", 2 - i % 2, was=1 + i % 2, **WHO)
        done.set()

    thread = threading.Thread(target=switching)
    thread.start()
    seen = set()
    while not done.is_set():
        one = get(app, "/v1/claims/A")
        seen.add((one.status, "n" in one.json, "number" in one.json, one.headers["etag"][:3]))
        assert get(app, "/v1/claims").status == 200
    thread.join()
    assert seen <= {(200, True, False, '"1-'), (200, False, True, '"2-')}
    assert seen


def test_a_build_gives_way(tmp_path):
    """A version that is built waits while a live one has a batch in hand, and not longer than it may."""
    traffic = Traffic([ONE, TWO], Versions(tmp_path))

    async def main():
        order = []

        async def build():
            await traffic.turns(TWO).wait()
            order.append("build")

        with traffic.turns(ONE).working():
            task = asyncio.create_task(build())
            await asyncio.sleep(0.05)
            await traffic.turns(ONE).wait()
            order.append("live")
        await task
        with traffic.turns(TWO).working():
            await build()
        return order

    assert asyncio.run(main()) == ["live", "build", "build"]
