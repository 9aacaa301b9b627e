"""Versions of a projection beside each other: which one is live, which are held, and who decided it."""

import asyncio
import threading

import pytest

from schemas.errors import SettingsError, Terminal
from streams.api import create_app
from streams.projection import row_projection
from streams.traffic import Traffic
from streams.versions import Versions
from tests.unit.streams.api.test_app import get, links, store_rows  # noqa: F401 - a fixture
from tests.unit.streams.events import Book, Writer, row

ONE = row_projection("claim", source="esa.claim", collection="claims")
TWO = row_projection("claim", source="esa.claim", collection="claims", version=2, rename={"N": "number"})
WHO = {"by": "ann", "reason": "test"}


def test_the_lowest_version_is_live_until_a_switch(tmp_path):
    """Without a decision the lowest declared version is live; a switch and its way back are journalled."""
    versions = Versions(tmp_path)
    assert versions.live([TWO, ONE]) == ONE
    versions.switch("claim", 2, was=1, **WHO)
    assert versions.live([ONE, TWO]) == TWO
    assert Versions(tmp_path).standing("claim").previous == 1
    versions.switch("claim", 1, was=2, **WHO)
    assert versions.live([ONE, TWO]) == ONE
    assert [(e.action, e.was, e.version, e.by) for e in versions.document.journal] == [
        ("switch", 1, 2, "ann"),
        ("switch", 2, 1, "ann"),
    ]


def test_a_switch_that_came_too_late_is_refused(tmp_path):
    """Of two switches from the same version the second is refused."""
    Versions(tmp_path).switch("claim", 2, was=1, **WHO)
    with pytest.raises(SettingsError, match="live by now"):
        Versions(tmp_path).switch("claim", 3, was=1, **WHO)


def test_holding(tmp_path):
    """A held version is held for every process until it is released."""
    Versions(tmp_path).hold("claim", 2, "pause", **WHO)
    assert Versions(tmp_path).is_held(TWO)
    assert not Versions(tmp_path).is_held(ONE)
    Versions(tmp_path).release("claim", 2, "resume", **WHO)
    assert not Versions(tmp_path).is_held(TWO)


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
