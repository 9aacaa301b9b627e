"""Recorded exchanges: masked but valid, joined as before, and played again."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.soap.cassette.cassette import Cassette, Exchange
from adapters.soap.cassette.clients import PlayingClient, RecordingClient
from adapters.soap.cassette.masker import Masker
from adapters.soap.cassette.pseudonym import Pseudonyms
from adapters.soap.errors import ServiceUnavailable
from adapters.soap.wire.client import Answer
from adapters.soap.xsd_types import SimpleType
from schemas.errors import SettingsError, Terminal
from tests.unit.adapters.soap.conftest import message

CLAIM = (
    '<xs:sequence><xs:element name="row" maxOccurs="unbounded"><xs:complexType><xs:sequence>'
    '<xs:element name="nino"><xs:simpleType><xs:restriction base="xs:string">'
    '<xs:pattern value="[A-Z]{2}[0-9]{6}[A-D]"/></xs:restriction></xs:simpleType></xs:element>'
    '<xs:element name="born" type="xs:date"/>'
    '<xs:element name="amount" type="xs:decimal"/>'
    '<xs:element name="weeks" type="xs:unsignedByte"/>'
    '<xs:element name="kind"><xs:simpleType><xs:restriction base="xs:string">'
    '<xs:enumeration value="JSA"/><xs:enumeration value="ESA"/></xs:restriction></xs:simpleType></xs:element>'
    '<xs:element name="photo" type="xs:base64Binary" minOccurs="0"/>'
    '<xs:element name="note" type="xs:string" nillable="true" minOccurs="0"/>'
    '</xs:sequence><xs:attribute name="ref" type="xs:string"/></xs:complexType></xs:element>'
    '<xs:element name="total" type="xs:int"/></xs:sequence>'
)
OPEN = {"total": "internal", "kind": "public"}


@pytest.fixture
def contract(make_contract):
    return make_contract(CLAIM)


def reply(contract, *ninos):
    rows = [
        {
            "@ref": f"Mr {nino}",
            "nino": nino,
            "born": date(1980, 2, 29),
            "amount": Decimal("-1234.50"),
            "weeks": 201,
            "kind": "JSA",
            "photo": b"\x00\x01portrait",
            "note": None if n else "Jörg Müller, 12 High St",
        }
        for n, nino in enumerate(ninos)
    ]
    return contract.encode_response("Ask", {"row": rows, "total": len(rows)})


SECRETS = ["QQ123456A", "QQ654321B", "1980-02-29", "1234.50", "201", "portrait", "Müller", "High"]


def test_personal_data_is_replaced(contract):
    """Nothing personal is left, everything is still valid, and what is classified as open stays."""
    masked = Masker(contract, OPEN, b"s").reply("Ask", reply(contract, "QQ123456A", "QQ654321B"))
    for secret in (*SECRETS, base64.b64encode(b"\x00\x01portrait").decode()):
        assert secret not in masked.decode()
    value = contract.decode_response("Ask", masked)
    assert value["total"] == 2
    row = value["row"][0]
    assert (row["kind"], len(row["photo"])) == ("JSA", 10)
    assert row["amount"] < 0
    assert row["amount"].as_tuple().exponent == -2
    assert value["row"][1]["note"] is None
    assert [len(w) for w in row["note"].split()] == [4, 7, 2, 4, 2]


def test_the_same_value_has_one_pseudonym(contract):
    """A key stays the same key in all messages of a recording, and is another in the next recording."""
    masker, other = Masker(contract, OPEN, b"s"), Masker(contract, OPEN, b"t")
    whole = reply(contract, "QQ123456A", "QQ654321B", "QQ123456A")
    rows = contract.decode_response("Ask", masker.reply("Ask", whole))["row"]
    again = contract.decode_response("Ask", masker.reply("Ask", whole))["row"]
    assert rows == again
    assert rows[0]["nino"] == rows[2]["nino"] != rows[1]["nino"]
    assert contract.decode_response("Ask", other.reply("Ask", whole))["row"][0]["nino"] != rows[0]["nino"]


def test_what_no_schema_describes_is_masked_too(contract):
    """Faults keep their code, and lose the text; unknown elements and headers lose everything."""
    fault = message(
        "<s:Fault><faultcode>s:Client</faultcode><faultstring>no claim of Ann</faultstring>"
        '<detail><x who="Ann">Ann<y/>Ann</x></detail></s:Fault>'
    ).replace(b"<s:Body>", b"<s:Header><Security>Ann</Security></s:Header><s:Body>")
    masked = Masker(contract, OPEN, b"s").reply("Ask", fault)
    assert b"Ann" not in masked
    assert contract.decode_response("Ask", masked).code == "Client"


def test_a_bad_value_stays_bad(contract):
    """A value that does not fit its type is masked by its shape: its error can be played again."""
    whole = reply(contract, "QQ123456A").replace(b">QQ123456A<", b">QQ-Ann<")
    masked = Masker(contract, OPEN, b"s").reply("Ask", whole)
    assert b"Ann" not in masked
    with pytest.raises(Exception, match="nino"):
        contract.decode_response("Ask", masked)


def test_a_pattern_that_no_pseudonym_fits(make_contract):
    """Where nothing made up fits, the recording stops and says what to classify."""
    contract = make_contract(
        '<xs:sequence><xs:element name="code"><xs:simpleType><xs:restriction base="xs:string">'
        '<xs:pattern value="ABCDEFGH"/></xs:restriction></xs:simpleType></xs:element></xs:sequence>'
    )
    whole = contract.encode_response("Ask", {"code": "ABCDEFGH"})
    with pytest.raises(SettingsError, match="'code'") as caught:
        Masker(contract, {}, b"s").reply("Ask", whole)
    assert "ABCDEFGH" not in str(caught.value)
    assert Masker(contract, {"code": "internal"}, b"s").reply("Ask", whole) == whole


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40).filter(lambda t: t.isprintable()), st.binary(min_size=1, max_size=8))
def test_shapes(text, secret):
    """A pseudonym has the length of its text, the same marks, and letters and digits where they were."""
    made = Pseudonyms(secret).shape(text)
    assert len(made) == len(text)
    for old, new in zip(text, made, strict=True):
        if old.isdigit():
            assert new.isdigit()
        elif old.isalpha():
            assert new.isalpha()
            assert old.isupper() == new.isupper()
        else:
            assert old == new


@pytest.mark.parametrize(
    "base", ["boolean", "date", "dateTime", "time", "string", "int", "base64Binary", "QName"]
)
@pytest.mark.parametrize("text", ["", "x", "2020-01-01Z", "1", "AAAA", "?"])
def test_any_text_of_any_type(base, text):
    """Every type takes every text, fit or not, without an error."""
    assert isinstance(Pseudonyms(b"s").of(SimpleType(base), text, lambda _: True), str)


class Scripted:
    """A client that answers as told."""

    def __init__(self, *answers):
        self.answers = list(answers)

    @asynccontextmanager
    async def stream(self, operation, values, *, key="", validators=None):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer

        async def parts():
            yield answer[:10]
            yield answer[10:]

        yield Answer(200, parts())

    async def close(self):
        pass


async def read(client, values=None):
    async with client.stream("Ask", values or {}) as answer:
        return b"".join([part async for part in answer.parts])


async def test_recorded_and_played(contract, tmp_path):
    """Who records gets the true answers; who plays gets the masked ones in the same order, failures too."""
    first, second = reply(contract, "QQ123456A"), reply(contract, "QQ123456A", "QQ654321B")
    down = ServiceUnavailable("down")
    recording = RecordingClient(Scripted(first, down, second), contract, Masker(contract, OPEN, b"s"))
    assert await read(recording) == first
    with pytest.raises(ServiceUnavailable):
        await read(recording)
    assert await read(recording) == second
    path = tmp_path / "tape.jsonl"
    assert recording.save(path) == 3
    for secret in SECRETS:
        assert secret not in path.read_text(encoding="utf-8")
    playing = PlayingClient(contract, Cassette.load(path))
    assert contract.decode_response("Ask", await read(playing))["total"] == 1
    with pytest.raises(ServiceUnavailable, match="recorded"):
        await read(playing)
    for _ in range(2):  # the last answer stays
        assert contract.decode_response("Ask", await read(playing))["total"] == 2


async def test_a_request_that_was_not_recorded(contract, tmp_path):
    """Another request than those recorded is an error that names the operation; prefixes do not matter."""
    request = contract.encode_request("Ask", {}).decode()
    other = request.replace("<ns:", "<q:").replace("xmlns:ns=", "xmlns:q=")
    tape = Cassette([Exchange("Ask", other, "<x/>", 200)])
    assert await read(PlayingClient(contract, tape)) == b"<x/>"
    tape = Cassette([Exchange("Ask", message("<Other/>").decode(), "", 200)])
    with pytest.raises(Terminal, match="no recorded request of Ask is this one"):
        await read(PlayingClient(contract, tape))


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "nonsense", '{"banyan_cassette": 2}', '{"banyan_cassette": 1}\n{"a": 1}']
)
def test_files_that_are_no_cassettes(tmp_path, content):
    """A file of another kind, another version or cut off is refused with its place."""
    path = tmp_path / "tape.jsonl"
    path.write_text(content)
    with pytest.raises(SettingsError, match="no cassette"):
        Cassette.load(path)
    with pytest.raises(SettingsError, match="cannot read"):
        Cassette.load(tmp_path / "missing")


def test_the_file_says_what_it_holds(contract, tmp_path):
    """The first line tells that personal data is replaced; each further line is one exchange."""
    path = tmp_path / "tape.jsonl"
    Cassette.save(path, [Exchange("Ask", "<a/>", "<b/>", 200)])
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0]["personal_data"] == "replaced by pseudonyms"
    assert etree.fromstring(lines[1]["reply"]).tag == "b"
