"""Lists that are asked for on condition, on the wire: servers that keep to it, that lie, and that cannot."""

from __future__ import annotations

import asyncio

import pytest

from adapters.soap.adapter import SoapAdapter
from adapters.soap.errors import BrokenAnswer
from adapters.soap.pace import Pace
from adapters.soap.reading import Reading
from adapters.soap.spec import SoapSpec
from adapters.soap.wire.blocking import BlockingWire
from adapters.soap.wire.client import WireClient
from adapters.soap.wire.validators import Validators
from tests.register import Register, contract
from tests.unit.adapters.soap.wire.conftest import http

LIST = {
    "kind": "soap", "name": "persons", "system": "register", "wsdl": "register.wsdl", "entity": "person",
    "key": ["id"], "operation": "ListPersons", "item": "persons/person",
    "request": {"page": 1, "size": 100}, "unchanged_seconds": 60,
}  # fmt: skip
PAGED = {"request": {}, "paging": {"page": "page", "size": "size", "rows": 3, "more": "more"}}


class Tagged:
    """A register behind HTTP that tells by a counter whether its list is still the same."""

    def __init__(self, *, form: str = '"v{}"', more: tuple[str, ...] = ()) -> None:
        self.register, self.form, self.more = Register(range(1, 4)), form, more
        self.version, self.told = 1, list[str | None]()

    def change(self, number: int, **more) -> None:
        self.register.change(number, **more)
        self.version += 1

    def tag(self, served) -> str:
        return self.form.format(self.version)

    def same(self, asked: str | None, tag: str) -> bool:
        return asked == tag

    async def __call__(self, served, writer) -> None:
        asked = served.header("If-None-Match") or served.header("If-Modified-Since")
        self.told.append(asked)
        tag = self.tag(served)
        if self.same(asked, tag):
            writer.write(http(b"", "304 Not Modified"))
            return
        values = contract().decode_request("ListPersons", served.body)
        body = contract().encode_response("ListPersons", self.register.answer("ListPersons", values))
        writer.write(http(body, "200 OK", *([f"ETag: {tag}"] if tag else []), *self.more))


class Looks:
    """An adapter whose looks are committed where the test says so."""

    def __init__(self, service, tagged: Tagged, fake, **settings) -> None:
        service.handler = tagged
        self.client = WireClient(
            contract(), service.url, SoapSpec.model_validate(LIST).wire, clocks=fake.clocks()
        )
        self.wire = BlockingWire(contract(), self.client)
        self.spec, self.url, self.now_ms = SoapSpec.model_validate(LIST | settings), service.url, 10**12
        self.start()

    def start(self) -> None:
        reading = Reading(self.spec, contract(), self.wire, Pace(1e9), self.url)
        self.adapter = SoapAdapter(reading, now_ms=lambda: self.now_ms)

    async def look(self, *, commit: bool = True):
        return await asyncio.to_thread(self._look, commit)

    def _look(self, commit: bool):
        self.now_ms += 1_000
        (extract,) = self.adapter.poll()
        rows = sum(r.batch.num_rows for c in extract.chunks() for r in c.rows)
        if commit and not extract.problems():
            self.adapter.done(extract)
        return rows, extract.partial, tuple(extract.problems())


@pytest.fixture
async def looks(service, fake):
    made: list[Looks] = []

    def make(tagged: Tagged, **settings) -> Looks:
        made.append(Looks(service, tagged, fake, **settings))
        return made[-1]

    yield make
    for one in made:
        await asyncio.to_thread(one.wire.close)


async def test_an_unchanged_list(looks):
    """A list that is still the same gives no rows, and its silence deletes nothing; a changed one comes."""
    tagged = Tagged()
    persons = looks(tagged)
    assert await persons.look() == (3, False, ())
    assert await persons.look() == (0, True, ())
    assert await persons.look() == (0, True, ())
    del tagged.register.persons[2]
    tagged.version += 1
    assert await persons.look() == (2, False, ())
    assert await persons.look() == (0, True, ())
    assert tagged.told == [None, '"v1"', '"v1"', '"v1"', '"v2"']


async def test_a_server_that_lies(looks):
    """A server that always says "not changed" is believed for so many seconds, not for ever."""
    tagged = Tagged(form='"always"')
    persons = looks(tagged, unchanged_seconds=5)
    await persons.look()
    tagged.change(9)
    assert [(await persons.look())[0] for _ in range(5)] == [0, 0, 0, 0, 4]


async def test_what_was_not_committed_is_read_again(looks):
    """A look that was not committed leaves no condition: neither its own nor the one before."""
    tagged = Tagged()
    persons = looks(tagged)
    await persons.look()
    tagged.change(9)
    assert await persons.look(commit=False) == (4, False, ())  # held by the guard, say
    assert await persons.look(commit=False) == (4, False, ())
    tagged.version = 1  # the list is the committed one again: that must be seen, not told
    assert await persons.look() == (4, False, ())
    assert tagged.told == [None, '"v1"', None, None]


async def test_a_process_that_died(looks):
    """An answer is known only to the process that has committed it: a new one reads the list whole."""
    tagged = Tagged()
    persons = looks(tagged)
    await persons.look()
    persons.start()
    assert await persons.look() == (3, False, ())
    assert tagged.told == [None, None]


async def test_an_answer_that_no_one_asked_for(looks):
    """A 304 to a call without condition is no answer: nothing is known of the list."""
    tagged = Tagged()
    tagged.same = lambda asked, tag: True
    with pytest.raises(BrokenAnswer, match="304"):
        await looks(tagged, wire={"retry": {"attempts": 1}}).look()


async def test_an_answer_about_another_tag(looks, service):
    """A 304 that names another tag than the one asked about is not believed: the list is read whole."""
    tagged = Tagged()
    persons = looks(tagged)
    await persons.look()

    async def confused(served, writer):
        if served.header("If-None-Match"):
            writer.write(http(b"", "304 Not Modified", 'ETag: "v7"'))
        else:
            await tagged(served, writer)

    service.handler = confused
    assert await persons.look() == (3, False, ())


async def test_weak_tags(looks):
    """A weak tag may stay where a record has changed: it is asked by only where the settings say so."""
    for settings, told in (({}, [None, None]), ({"weak_tags": True}, [None, 'W/"1"'])):
        tagged = Tagged(form='W/"{}"')
        persons = looks(tagged, **settings)
        await persons.look()
        await persons.look()
        assert tagged.told == told


async def test_a_tag_that_goes_away(looks):
    """An answer without tag takes the one before it away."""
    tagged = Tagged()
    persons = looks(tagged)
    await persons.look()
    tagged.form = ""
    tagged.change(9)
    await persons.look()
    await persons.look()
    assert tagged.told == [None, '"v1"', None]


async def test_lists_that_have_no_condition(looks, service):
    """A list of several pages, one with a bad row, and one whose count does not fit are read whole again."""
    tagged = Tagged()
    tagged.register.change(4)
    persons = looks(tagged, **PAGED)
    assert (await persons.look())[:2] == (4, False)
    assert (await persons.look())[:2] == (4, False)
    assert set(tagged.told) == {None}
    for old, new, settings in ((b">1</", b">one</", {}), (b"total>3<", b"total>5<", {"total": "total"})):
        tagged = Tagged()
        persons = looks(tagged, **settings)

        async def broken(served, writer, tagged=tagged, old=old, new=new):
            inner = _Kept()
            await tagged(served, inner)
            _head, _, body = inner.data.partition(b"\r\n\r\n")
            assert old in body
            writer.write(http(body.replace(old, new, 1), "200 OK", 'ETag: "v1"'))

        service.handler = broken
        await persons.look()
        await persons.look()
        assert tagged.told == [None, None]


async def test_a_list_of_one_page_has_a_condition(looks):
    """A list that may have more pages, and comes in one that says that it is the last, has a condition."""
    tagged = Tagged()
    persons = looks(tagged, **PAGED, total="total")
    await persons.look()
    assert await persons.look() == (0, True, ())


class _Kept:
    data = b""

    def write(self, data: bytes) -> None:
        self.data += data


@pytest.mark.parametrize(
    ("etag", "changed", "date", "strong", "weak"),
    [
        ('"a"', "", "", '"a"', '"a"'),
        ('"a"', "Tue, 24 Nov 2026 10:00:00 GMT", "Tue, 24 Nov 2026 11:00:00 GMT", '"a"', '"a"'),
        ('W/"a"', "", "", "", 'W/"a"'),
        ("a", "", "", "", ""),
        ('"a"b"', "", "", "", ""),
        ('"\udce9"', "", "", "", ""),
        ('"' + "a" * 2_000 + '"', "", "", "", ""),
        ("", "Tue, 24 Nov 2026 10:00:00 GMT", "Tue, 24 Nov 2026 10:00:01 GMT", "time", "time"),
        ("", "Tue, 24 Nov 2026 10:00:00 GMT", "Tue, 24 Nov 2026 10:00:00 GMT", "", "time"),
        ("", "Tue, 24 Nov 2026 10:00:00 GMT", "", "", "time"),
        ("", "yesterday", "Tue, 24 Nov 2026 10:00:00 GMT", "", ""),
        ("", "", "", "", ""),
    ],
)
def test_validators(etag, changed, date, strong, weak):
    """Only one that changes whenever the answer does is asked by, and never two."""
    given = Validators.of({"ETag": etag, "Last-Modified": changed, "Date": date})
    for found, wanted in ((given.strong(), strong), (given.strong(weak=True), weak)):
        assert list(found.headers.values()) == (
            [] if not wanted else [changed if wanted == "time" else wanted]
        )
