"""A list answer as Arrow columns: the kernel and the reference agree."""

# ruff: noqa: E501  (XML is clearer unbroken)

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.soap.contract import Contract
from adapters.soap.envelope import SoapFault
from adapters.soap.errors import BrokenAnswer
from tests.evidence import keep

NS = "urn:test"


XSI = "http://www.w3.org/2001/XMLSchema-instance"
TYPES = """
<xs:simpleType name="Code"><xs:restriction base="xs:token"><xs:enumeration value="A B"/><xs:enumeration value="C"/></xs:restriction></xs:simpleType>
<xs:simpleType name="Money"><xs:restriction base="xs:decimal"><xs:totalDigits value="7"/><xs:fractionDigits value="2"/></xs:restriction></xs:simpleType>
<xs:simpleType name="Small"><xs:restriction base="xs:int"><xs:minInclusive value="-5"/><xs:maxExclusive value="100"/></xs:restriction></xs:simpleType>
<xs:complexType name="Amount"><xs:simpleContent><xs:extension base="t:Money"><xs:attribute name="cur" type="xs:string"/></xs:extension></xs:simpleContent></xs:complexType>
<xs:simpleType name="Short"><xs:restriction base="xs:string"><xs:minLength value="1"/><xs:maxLength value="4"/></xs:restriction></xs:simpleType>
"""
ITEM = """<xs:sequence><xs:element name="i" maxOccurs="unbounded" minOccurs="0"><xs:complexType><xs:sequence>
<xs:element name="k" type="xs:int"/><xs:element name="s" type="xs:string" minOccurs="0" nillable="true"/>
<xs:element name="t" type="xs:token"/><xs:element name="c" type="t:Code" minOccurs="0"/>
<xs:element name="m" type="t:Money" nillable="true"/><xs:element name="n" type="t:Small" minOccurs="0"/>
<xs:choice><xs:element name="d" type="xs:date"/><xs:element name="w" type="xs:dateTime"/></xs:choice>
<xs:element name="b" type="xs:boolean"/><xs:element name="f" type="xs:double" minOccurs="0"/>
<xs:element name="h" type="t:Short" minOccurs="0"/><xs:element name="x" type="xs:hexBinary" minOccurs="0"/>
<xs:element name="a" minOccurs="0"><xs:complexType><xs:sequence><xs:element name="l" type="xs:string"/><xs:element name="p" type="xs:int" minOccurs="0" nillable="true"/>
<xs:element name="g" minOccurs="0"><xs:complexType><xs:sequence><xs:element name="y" type="xs:int"/></xs:sequence></xs:complexType></xs:element></xs:sequence><xs:attribute name="q" type="xs:int" use="required"/></xs:complexType></xs:element>
<xs:element name="u" type="t:Amount"/></xs:sequence><xs:attribute name="v" type="xs:string"/></xs:complexType></xs:element>
<xs:element name="total" type="xs:int" minOccurs="0"/></xs:sequence>"""
TEXTS = {
    "k": ["1", "-7", "+3", " 4 ", "0012", "0x1F", "2147483648", "", "٣"],
    "s": ["", "plain", "M&amp;S", "&#233;&#x1F600;", "a\u00a0b ", "\t x", "<![CDATA[<b>]]>", "<!-- c -->y", "a\r\nb", "&#xD;", "&#0;", "a&b"],
    "t": ["", "a", " a  b ", "\u00a0a\u00a0", "a&#32;b", "a\tb"],
    "c": ["A B", "C", " A   B ", "D", ""],
    "m": ["1", "1.5", "12345.67", "1.500", "1.234", "123456.7", "-0.5", ".5", "1.", "+1", "1e3", ""],
    "n": ["5", "-5", "-6", "99", "100"],
    "d": ["2020-02-29", "2021-02-29", "0000-01-01", "2020-01-01Z", "9999-12-31", " 2020-01-01"],
    "w": ["2020-01-02T03:04:05Z", "2020-01-02T03:04:05.123+01:00", "2020-01-02T03:04:05", "2020-01-02T03:04:05.1234Z",
          "2020-01-02T24:00:00Z", "2020-01-02T03:04:60Z", "0001-01-01T00:00:00+05:00", "2024-03-31T02:30:00"],
    "b": ["true", "false", "1", "0", "TRUE", " true"],
    "f": ["1", "1.5e3", "-0", "INF", "NaN", "1e400", "0.1", "1e-7"],
    "h": ["a", "abcd", "abcde", "", "é&amp;e"],
    "x": ["00FF", "ab", "a", ""],
}  # fmt: skip
OPTIONAL = frozenset("scnfhx")
#: Elements with parts of their own, the usual form first.
NESTED = {
    "a": ['<a q="1"><l>x</l><p>2</p><g><y>3</y></g></a>', '<a q="1"><l>x</l></a>', "", '<a q="1"><l/></a>', '<a q="1"/>', "<a><l>x</l></a>",
          '<a q="x"><l>x</l></a>', "<a q='1'><l>x</l></a>", '<a q="1"> <l>a &amp; b</l>\n</a>', '<a q="1"><l>x</l><p xsi:nil="true"/></a>',
          '<a q="1"><l>x</l><g><y/></g></a>', '<a q="1"><l>x</l><g/></a>', '<a q="1" xsi:nil="true"/>', '<a q="1">text<l>x</l></a>', '<a q="1" z="2"><l>x</l></a>'],
    "u": ["<u>1.5</u>", '<u cur="GBP">1.50</u>', '<u cur="">-1</u>', "<u/>", '<u cur="G" />', "<u>x</u>", '<u cur="a&lt;b"> 2 </u>', "<u>1.234</u>"],
}  # fmt: skip


def _element(name: str) -> st.SearchStrategy[str]:
    usual = st.just(f"<{name}>{TEXTS[name][0] or TEXTS[name][1]}</{name}>")
    forms = [*[usual] * 25, st.sampled_from(TEXTS[name]).map(lambda text: f"<{name}>{text}</{name}>")]
    odd = [
        f"<{name}/>",
        f"<{name} />",
        f'<{name} xsi:nil="true"/>',
        f"<{name}></{name} >",
        f'<{name} xsi:nil="1"></{name}>',
        f'<{name} z="1">1</{name}>',
    ]
    if name in OPTIONAL:
        odd.append("")
    return st.one_of(*forms, st.sampled_from(odd))


ITEMS = st.builds(
    lambda attribute, blank, dated, *parts: (
        f"<i{attribute}>" + blank.join([*parts[:6], parts[6] if dated else parts[7], *parts[8:]]) + f"{blank}</i>"
    ),
    st.sampled_from(["", "", ' v="1"', ' v=""', ' v="a&quot;b"', " v='q'", ' v="a\tb"', ' u="1"']),
    st.sampled_from(["", "", "\n  ", "<!--x-->"]),
    st.booleans(),
    *[_element(name) for name in "kstcmndwbfhx"],
    *[st.one_of(*[st.just(NESTED[name][0])] * 9, st.sampled_from(NESTED[name])) for name in "au"],
)  # fmt: skip
BETWEEN = st.sampled_from(["", "", "", "\n", "<!-- <i><k>9</k></i> -->", "text", "<i/>"])


@pytest.fixture(scope="module", params=[None, "Europe/London"])
def contract(request, tmp_path_factory, wsdl_text) -> Contract:
    path = tmp_path_factory.mktemp("rows") / "service.wsdl"
    path.write_text(wsdl_text(ITEM, TYPES), encoding="utf-8")
    return Contract.from_wsdl(path, zone=request.param)


def _wire(body: str) -> bytes:
    return (
        f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><Answer xmlns="{NS}" xmlns:xsi="{XSI}">'
        f"{body}</Answer></s:Body></s:Envelope>"
    ).encode()


def _reference(contract: Contract, shape, wire: bytes):
    rows, bad = [], []
    decoder = contract.list_decoder("Ask", "i", ["k"])
    for number, item in enumerate(decoder.feed(wire)):
        try:
            if item.error:
                raise item.error
            rows.append((number, shape.row(item.value)))
        except Exception as error:
            bad.append((number, str(error)))
    return rows, bad, decoder.rest()


def _columns(contract: Contract, shape, wire: bytes, size: int):
    rows, bad = [], []
    decoder = contract.row_decoder("Ask", "i", shape, ["k"])
    for at in range(0, len(wire), size):
        for batch in decoder.feed(wire[at : at + size]):
            assert batch.count == len(batch.rows) + len(batch.bad)
            rows += zip(batch.numbers.tolist(), batch.rows.to_pylist(), strict=True)
            bad += [(number, str(item.error)) for number, item in batch.bad]
    return rows, bad, decoder.rest()


def _outcome(run, *args):
    try:
        rows, bad, rest = run(*args)
    except Exception as error:
        return type(error)
    return rows, bad, rest


def _same(left, right) -> bool:
    return repr(left) == repr(right)  # NaN is not equal to itself


@settings(max_examples=40, deadline=None)
@given(items=st.lists(st.tuples(ITEMS, BETWEEN), max_size=9), size=st.sampled_from([50, 700, 100_000]))
def test_columns_agree_with_the_reference(contract, items, size):
    """Whatever the elements look like, the columns hold what the per-record codec says, bad ones included."""
    shape = contract.shape("Ask", "i", ["k"], "s", "e")
    wire = _wire("".join((item + between) * 2 for item, between in items) + "<total>3</total>")
    expected = _outcome(_reference, contract, shape, wire)
    got = _outcome(_columns, contract, shape, wire, size)
    if isinstance(expected, tuple) and expected[0]:
        schema = shape.entity.arrow_schema()
        typed = pa.RecordBatch.from_pylist([row for _, row in expected[0]], schema).to_pylist()
        expected = [(n, row) for (n, _), row in zip(expected[0], typed, strict=True)], *expected[1:]
    assert _same(got, expected)


def test_plain_elements_never_reach_the_parser(contract, monkeypatch):
    """Elements like the first are cut by the template: the parser sees one item of a thousand."""
    shape = contract.shape("Ask", "i", ["k"], "s", "e")
    item = '<i><k>{}</k><s>a &amp; b</s><t>t</t><m>1.50</m><w>2020-01-02T03:04:05Z</w><b>true</b><a q="1"><l>x</l></a><u cur="GBP">1</u></i>'
    wire = _wire("".join(item.format(n) for n in range(1000)))
    decoder = contract.row_decoder("Ask", "i", shape)
    seen = []
    parse = decoder._items.feed_nodes
    monkeypatch.setattr(decoder._items, "feed_nodes", lambda data: (seen.append(1), parse(data))[1])
    rows = [row for batch in decoder.feed(wire) for row in batch.rows.to_pylist()]
    assert [row["k"] for row in rows] == list(range(1000))
    assert {row["s"] for row in rows} == {"a & b"}
    assert (rows[0]["a"], rows[0]["u"]) == (
        {"q": 1, "l": "x", "p": None, "p__nil": None, "g": None},
        {"cur": "GBP", "text": 1},
    )
    assert len(seen) == 1
    assert decoder.rest() == {"i": []}


def test_an_odd_value_among_plain_ones(contract):
    """A value outside its facets makes one bad row, between rows that the template takes."""
    shape = contract.shape("Ask", "i", ["k"], "s", "e")
    item = "<i><k>{}</k><t>t</t><m>1.50</m><n>{}</n><d>2020-01-02</d><b>1</b><u>1</u></i>"
    wire = _wire("".join(item.format(n, 101 if n in (500, 501, 777) else 7) for n in range(1000)))
    decoder = contract.row_decoder("Ask", "i", shape, ["k"])
    batches = list(decoder.feed(wire))
    bad = [(number, item.error.path, item.node_keys) for b in batches for number, item in b.bad]
    assert bad == [(500, "n", (500,)), (501, "n", (501,)), (777, "n", (777,))]
    assert sum(len(b.rows) for b in batches) == 997
    good = [number for b in batches for number in b.numbers.tolist()]
    assert good == [n for n in range(1000) if n not in (500, 501, 777)]


@pytest.mark.parametrize("encoding", ["iso-8859-1", "utf-16"])
def test_other_encodings_are_the_parser_s(contract, encoding):
    """A message that is not UTF-8 gives the same rows."""
    shape = contract.shape("Ask", "i", ["k"], "s", "e")
    item = "<i><k>1</k><s>é</s><t>t</t><m>1</m><d>2020-01-02</d><b>1</b><u>1</u></i>"
    text = f'<?xml version="1.0" encoding="{encoding}"?>' + _wire(item * 50).decode()
    rows = _columns(contract, shape, text.encode(encoding), 1000)[0]
    assert [row["s"] for _, row in rows] == ["é"] * 50


def test_truncation_and_invalid_bytes(contract):
    """Bytes that are no UTF-8, and a list that ends early, are a broken answer in the template's part too."""
    shape = contract.shape("Ask", "i", ["k"], "s", "e")
    item = "<i><k>1</k><s>é</s><t>t</t><m>1</m><d>2020-01-02</d><b>1</b><u>1</u></i>"
    wire = _wire(item * 50)
    at = wire.rindex(b"\xc3\xa9")
    for broken in (
        wire[:-40],
        wire[:at] + b"\xc3" + wire[at + 2 :],
        wire[:at] + b"\xed\xa0\x80" + wire[at + 2 :],
        wire[:at] + b"\xef\xbf\xbe" + wire[at + 2 :],
        wire[:at] + b"\x01" + wire[at + 2 :],
        wire[:at] + b"]]>" + wire[at + 2 :],
    ):
        with pytest.raises(BrokenAnswer):
            _columns(contract, shape, broken, 10_000)


def test_a_fault(contract):
    """A fault instead of a list is a value."""
    shape = contract.shape("Ask", "i", ["k"], "s", "e")
    wire = contract.encode_response("Ask", SoapFault("Server", "secret"))
    assert _columns(contract, shape, wire, 100)[2].code == "Server"


NESTING = """<xs:sequence><xs:element name="i" type="t:Item" maxOccurs="unbounded"/></xs:sequence>"""
DERIVED = """<xs:complexType name="Item"><xs:sequence><xs:element name="k" type="xs:int"/></xs:sequence></xs:complexType>
<xs:complexType name="More"><xs:complexContent><xs:extension base="t:Item"><xs:sequence><xs:element name="m" type="xs:int"/></xs:sequence></xs:extension></xs:complexContent></xs:complexType>"""


def test_derived_items_between_plain_ones(make_contract):
    """Items of a derived type are read by the parser, those of the declared one by the template."""
    contract = make_contract(NESTING, DERIVED)
    shape = contract.shape("Ask", "i", ["k"], "s", "e")
    wire = _wire(
        '<i><k>1</k></i><i><k>2</k></i><i xmlns:p="urn:test" xsi:type="p:More"><k>3</k><m>4</m></i><i><k>5</k></i>'
    )
    rows = [row for _, row in _columns(contract, shape, wire, 10_000)[0]]
    assert rows == [
        {"k": 1, "m": None, "xsi_type": None}, {"k": 2, "m": None, "xsi_type": None},
        {"k": 3, "m": 4, "xsi_type": "{urn:test}More"}, {"k": 5, "m": None, "xsi_type": None},
    ]  # fmt: skip


def test_a_prefix_of_one_child_is_not_the_next_one_s(make_contract):
    """A child in another namespace than the declared one is refused, though an earlier one wrote the same name."""
    extra = '<xs:complexType name="Item"><xs:sequence><xs:element name="k" type="xs:int" form="unqualified"/></xs:sequence></xs:complexType>'
    contract = make_contract(NESTING, extra)
    shape = contract.shape("Ask", "i", ["k"], "s", "e")
    wire = _wire('<i><k xmlns="">1</k></i><i><k>2</k></i><i><k xmlns="">3</k></i>')
    rows, bad, _ = _columns(contract, shape, wire, 10_000)
    assert [row["k"] for _, row in rows] == [1, 3]
    assert [number for number, _ in bad] == [1]


def test_namesakes_and_comments_between_items(make_contract):
    """Elements of the item's name elsewhere, in comments and in CDATA are no items, wherever the bytes are cut."""
    model = (
        '<xs:sequence><xs:element name="l"><xs:complexType><xs:sequence><xs:element name="i" type="t:I" maxOccurs="unbounded"/>'
        '</xs:sequence></xs:complexType></xs:element><xs:element name="o"><xs:complexType><xs:sequence>'
        '<xs:element name="i" type="t:I" maxOccurs="unbounded"/></xs:sequence></xs:complexType></xs:element></xs:sequence>'
    )
    extra = '<xs:complexType name="I"><xs:sequence><xs:element name="k" type="xs:string"/></xs:sequence></xs:complexType>'
    contract = make_contract(model, extra)
    shape = contract.shape("Ask", "l/i", ["k"], "s", "e")
    items = "<i><k>1</k></i><i><k>2</k></i><!-- <i><k>9</k></i> --><i><k><![CDATA[</k></i>]]></k></i><i><k>3</k></i>"
    wire = _wire(f"<l>{items}</l><o><i><k>7</k></i><i><k>8</k></i></o>")
    for size in (1, 7, 10_000):
        decoder = contract.row_decoder("Ask", "l/i", shape)
        found = [
            b.rows.to_pylist() for at in range(0, len(wire), size) for b in decoder.feed(wire[at : at + size])
        ]
        assert [row["k"] for rows in found for row in rows] == ["1", "2", "</k></i>", "3"]
        assert [item["k"] for item in decoder.rest()["o"]["i"]] == ["7", "8"]


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (b'<!DOCTYPE x [<!ENTITY e "f">]><x>&e;</x>', "document type"),
        (b"<html><body>down</body></html>", "HTML"),
        (b"", "empty"),
        (b"\x00\x01\x02", "not well-formed"),
        (b"<a>" * 400, "not well-formed"),
    ],
)
def test_hostile_answers(contract, wire, reason):
    """What is no list is refused as by the reference."""
    shape = contract.shape("Ask", "i", ["k"], "s", "e")
    with pytest.raises(BrokenAnswer, match=reason):
        _columns(contract, shape, wire, 10)


def test_an_answer_without_end_is_cut_off(contract, monkeypatch):
    """Bytes that the template takes count too: a list without end is refused."""
    monkeypatch.setattr("adapters.soap.stream.MAX_LIST_BYTES", 20_000)
    shape = contract.shape("Ask", "i", ["k"], "s", "e")
    item = "<i><k>1</k><t>t</t><m>1</m><d>2020-01-02</d><b>1</b><u>1</u></i>"
    with pytest.raises(BrokenAnswer, match="longer than"):
        _columns(contract, shape, _wire(item * 1000), 4_000)


@pytest.mark.soak
@pytest.mark.timeout(3_600)
def test_soak_list_columns(contract, request):
    """The same for many more lists; the result is in docs/evidence."""
    examples = 0

    @settings(max_examples=2_000, deadline=None)
    @given(items=st.lists(st.tuples(ITEMS, BETWEEN), max_size=9), size=st.sampled_from([1, 50, 700, 100_000]))
    def many(items, size):
        nonlocal examples
        examples += 1
        test_columns_agree_with_the_reference.hypothesis.inner_test(contract, items, size)

    many()
    _FOUND[request.node.callspec.id] = {"lists": examples, "differences": 0}
    keep("list_columns", {"by_zone": _FOUND})


_FOUND: dict[str, dict[str, int]] = {}
