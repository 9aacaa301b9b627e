"""multipart/related as a stream, honest and hostile; the store; XOP both ways."""

from __future__ import annotations

import base64
import hashlib
import os
import stat
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.soap.attachments.multipart import Begin, Data, End, Multipart, parameters
from adapters.soap.attachments.receive import receive
from adapters.soap.attachments.store import Attachment, AttachmentStore
from adapters.soap.attachments.xop import INCLUDE, included, packaged, refer, refer_swa
from adapters.soap.errors import BrokenAnswer
from schemas.errors import Transient

XOP_TYPE = 'multipart/related; type="application/xop+xml"; start="<root>"; boundary="b"'
ROOT = b"<r/>"


def part(content: bytes, *headers: str) -> bytes:
    return b"--b\r\n" + "".join(f"{h}\r\n" for h in headers).encode() + b"\r\n" + content + b"\r\n"


def whole(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--b--\r\n"


def root(content: bytes = ROOT, *more: str) -> bytes:
    return part(content, "Content-ID: <root>", "Content-Type: application/xop+xml", *more)


async def received(data: bytes, tmp_path, *, size: int = 7, content_type: str = XOP_TYPE, **limits):
    async def chunks():
        for at in range(0, len(data), size):
            yield data[at : at + size]

    limits = {"max_bytes": 1000, "max_parts": 5, **limits}
    return await receive(chunks(), content_type, AttachmentStore(tmp_path / "a"), where="w", **limits)


def events_of(data: bytes, sizes: list[int]) -> list[tuple[dict[str, str], bytes]]:
    reader, found, at = Multipart("b", max_parts=50, where="w"), [], 0
    open_parts = 0
    for size in [*sizes, len(data)]:
        for event in reader.feed(data[at : at + size]):
            if isinstance(event, Begin):
                open_parts += 1
                found.append((dict(event.headers), b""))
            elif isinstance(event, Data):
                found[-1] = (found[-1][0], found[-1][1] + event.content)
            else:
                assert isinstance(event, End)
                open_parts -= 1
        at += size
    reader.close()
    assert open_parts == 0
    return found


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.binary(max_size=60) | st.sampled_from([b"\r\n--", b"\r\n--bx", b"\r\n--b-", b"--b", b"\r\n\r"])
    ),
    st.lists(st.integers(1, 20), max_size=30),
)
def test_any_content_in_any_pieces(contents, sizes):
    """Whatever the parts hold, near-delimiters too, and however the bytes arrive: the parts come out."""
    contents = [c for c in contents if b"\r\n--b\r\n" not in c and b"\r\n--b--" not in c]
    data = whole(*(part(c, f"Content-ID: <{n}>") for n, c in enumerate(contents)))
    if any(c.endswith(b"\r\n--b") or b"\r\n--b\t" in c or b"\r\n--b " in c for c in contents):
        return
    found = events_of(data, sizes)
    assert [(h["content-id"], c) for h, c in found] == [(f"<{n}>", c) for n, c in enumerate(contents)]


def test_the_standard_library_agrees():
    """Python's own mail parser finds the same parts."""
    data = whole(root(b"<a>1</a>"), part(b"\x00\x01binary", "Content-ID: <x>", "Content-Type: image/png"))
    message = BytesParser(EmailMessage, policy=HTTP).parsebytes(
        b"Content-Type: multipart/related; boundary=b\r\n\r\n" + data
    )
    wanted = [p.get_payload(decode=True) for p in message.iter_parts()]
    assert [content for _, content in events_of(data, [3] * 100)] == wanted


async def test_attachments_go_to_the_store(tmp_path):
    """Each attachment lies under its hash, for its owner only; the same bytes lie there once."""
    content = bytes(range(256))
    data = whole(
        root(),
        part(content, "Content-ID: <one>", "Content-Type: image/png"),
        part(base64.encodebytes(content), "Content-ID: <two>", "Content-Transfer-Encoding: base64"),
    )
    found = await received(data, tmp_path)
    assert found.root == ROOT
    store = AttachmentStore(tmp_path / "a")
    sha256 = hashlib.sha256(content).hexdigest()
    assert found.attachments["one"] == Attachment(sha256, 256, "image/png")
    assert found.attachments["two"].sha256 == sha256
    assert store.path(sha256).read_bytes() == content
    assert stat.S_IMODE(store.path(sha256).stat().st_mode) == 0o600
    assert [p for p in store.folder.rglob("*") if p.is_file()] == [store.path(sha256)]


async def test_the_root_need_not_be_first(tmp_path):
    """The root is the part that `start` names; without it, the first."""
    data = whole(part(b"x", "Content-ID: <a>"), root())
    assert (await received(data, tmp_path)).root == ROOT
    plain = whole(part(ROOT, "Content-Type: text/xml"), part(b"x"))
    found = await received(plain, tmp_path, content_type="multipart/related; boundary=b")
    assert (found.root, list(found.attachments)) == (ROOT, ["part-1"])


GOOD = whole(root(), part(b"x" * 50, "Content-ID: <a>"))
HOSTILE = {
    "cut off": (GOOD[:-6], {}, "cut off"),
    "cut off in a part": (GOOD[:-30], {}, "cut off"),
    "nothing": (b"", {}, "cut off"),
    "no multipart": (b"<html>" * 5000, {}, "does not begin"),
    "no root": (whole(part(b"x", "Content-ID: <a>")), {}, "no root part"),
    "two roots": (whole(root(), root()), {}, "two root parts"),
    "a root of another type": (
        whole(part(b"x", "Content-ID: <root>", "Content-Type: text/html")),
        {},
        "not a SOAP message",
    ),
    "an id twice": (
        whole(root(), part(b"x", "Content-ID: <a>"), part(b"y", "Content-ID: <a>")),
        {},
        "stands twice",
    ),
    "a header twice": (
        whole(root(), part(b"x", "Content-ID: <a>", "Content-ID: <b>")),
        {},
        "stands twice",
    ),
    "too many parts": (
        whole(root(), *(part(b"", f"Content-ID: <{n}>") for n in range(6))),
        {},
        "more than 6 parts",
    ),
    "too large": (GOOD, {"max_bytes": 49}, "larger than 49"),
    "endless headers": (whole(root(), part(b"", "X: " + "y" * 20_000)), {}, "do not end"),
    "endless header block": (b"--b\r\nX: " + b"y" * 20_000, {}, "do not end"),
    "no header": (whole(part(b"", "nonsense")), {}, "broken header"),
    "broken base64": (
        whole(root(), part(b"?!", "Content-ID: <a>", "Content-Transfer-Encoding: base64")),
        {},
        "broken Base64",
    ),
    "half base64": (
        whole(root(), part(b"AAAAA", "Content-ID: <a>", "Content-Transfer-Encoding: base64")),
        {},
        "broken Base64",
    ),
    "another encoding": (
        whole(root(), part(b"x", "Content-Transfer-Encoding: uuencode")),
        {},
        "uuencode",
    ),
    "no boundary": (GOOD, {"content_type": "multipart/related"}, "no usable boundary"),
    "long boundary": (
        GOOD,
        {"content_type": f"multipart/related; boundary={'x' * 71}"},
        "no usable boundary",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_messages(tmp_path, name):
    """What is broken or too much is refused with its reason, and leaves nothing half-written behind."""
    data, limits, reason = HOSTILE[name]
    with pytest.raises(BrokenAnswer, match=reason):
        await received(data, tmp_path, size=11, **limits)
    assert not list((tmp_path / "a").rglob(".incoming-*"))


async def test_a_store_that_cannot_be_written(tmp_path):
    """A folder that cannot be made is Transient: the call may be repeated when it is mended."""
    (tmp_path / "a").write_text("a file")
    with pytest.raises(Transient, match="cannot be stored"):
        await received(GOOD, tmp_path)


async def test_old_attachments_are_deleted(tmp_path):
    """What came last before a moment goes; what came again since stays."""
    await received(GOOD, tmp_path)
    store = AttachmentStore(tmp_path / "a")
    (path,) = [p for p in store.folder.rglob("*") if p.is_file()]
    os.utime(path, (1000, 1000))
    assert store.prune(1000) == 0
    await received(GOOD, tmp_path)
    assert store.prune(1001) == 0
    os.utime(path, (1000, 1000))
    assert store.prune(1001) == 1
    assert not path.exists()


def test_references():
    """A reference leads back to hash, size and type; any other value is none."""
    found = Attachment("ab" * 32, 7, "image/png; x=y")
    assert Attachment.read(found.reference) == Attachment("ab" * 32, 7, "image/png")
    for value in (b"", b"hello", b"x" + found.reference, found.reference.replace(b"ab", b"AB", 1)):
        assert Attachment.read(value) is None


def test_includes_become_references():
    """Where XOP put a value aside stands its reference, as base64Binary, and so a value of the same type."""
    tree = etree.fromstring(
        '<e xmlns:x="http://www.w3.org/2004/08/xop/include"><p> <x:Include href="cid:a%40b"/> </p></e>'
    )
    attachment = Attachment("cd" * 32, 9, "image/png")
    refer(included(tree, {"a@b": attachment}, "w"))
    assert Attachment.read(base64.b64decode(tree[0].text)) == attachment


@pytest.mark.parametrize(
    "inner",
    [
        '<x:Include href="cid:other"/>',
        '<x:Include href="http://127.0.0.1/"/>',
        '<x:Include href="file:///etc/passwd"/>',
        "<x:Include/>",
        'text<x:Include href="cid:a"/>',
        '<x:Include href="cid:a"/><x:Include href="cid:a"/>',
    ],
)
def test_includes_that_lead_nowhere(inner):
    """An Include names a part of its own message, alone in its element, or the message is refused."""
    tree = etree.fromstring(f'<e xmlns:x="http://www.w3.org/2004/08/xop/include"><p>{inner}</p></e>')
    with pytest.raises(BrokenAnswer, match=r"xop:Include"):
        included(tree, {"a": Attachment("ef" * 32, 1)}, "w")


def test_soap_with_attachments():
    """cid: URLs in texts and href attributes become references; others stay."""
    attachment = Attachment("12" * 32, 3, "text/plain")
    tree = etree.fromstring('<e><a>cid:x</a><b href="cid:x"/><c>cid:other</c><d href="#x"/></e>')
    refer_swa(tree, {"x": attachment})
    assert tree[0].text == tree[1].get("href") == attachment.reference.decode()
    assert (tree[2].text, tree[3].get("href")) == ("cid:other", "#x")


@pytest.mark.parametrize("soap", ["soap", "soap12"])
async def test_mtom_out_and_in(make_contract, tmp_path, soap):
    """Large binary values travel as parts and come back the same; small ones stay in the XML."""
    extra = (
        '<xs:element name="Put"><xs:complexType><xs:sequence>'
        '<xs:element name="small" type="xs:base64Binary"/>'
        '<xs:element name="large" type="xs:base64Binary" maxOccurs="unbounded"/>'
        "</xs:sequence></xs:complexType></xs:element>"
    )
    contract = make_contract(
        '<xs:sequence><xs:element name="a" type="xs:int"/></xs:sequence>', extra, soap=soap
    )
    element = contract.schema.elements["{urn:test}Put"]
    values = {"small": b"tiny", "large": [bytes(range(256)) * 4, b"\r\n--banyan" * 200]}
    uri = (
        "http://www.w3.org/2003/05/soap-envelope"
        if soap == "soap12"
        else "http://schemas.xmlsoap.org/soap/envelope/"
    )
    envelope = etree.Element(f"{{{uri}}}Envelope")
    body = etree.SubElement(envelope, f"{{{uri}}}Body")
    body.append(contract.codec.encode(element, values))
    media = "application/soap+xml" if soap == "soap12" else "text/xml"
    package = packaged(envelope, contract.schema, element, f"{media}; charset=utf-8", "urn:put", 1000)
    assert package is not None
    assert len(envelope.findall(f".//{INCLUDE}")) == 2
    kind, given_parameters = parameters(package.content_type)
    assert (kind, given_parameters["start-info"]) == ("multipart/related", media)
    assert given_parameters.get("action") == ("urn:put" if soap == "soap12" else None)
    found = await received(
        package.body, tmp_path, size=100, content_type=package.content_type, max_bytes=5000
    )
    tree = etree.fromstring(found.root)
    places = included(tree, found.attachments, "w")
    store = AttachmentStore(tmp_path / "a")
    assert [store.path(a.sha256).read_bytes() for _, a in places] == values["large"]
    assert base64.b64decode(tree.findtext(".//{*}small")) == b"tiny"


def test_nothing_to_put_aside(make_contract):
    """A message without large binary values stays plain."""
    contract = make_contract('<xs:sequence><xs:element name="a" type="xs:base64Binary"/></xs:sequence>')
    element = contract.operations["Ask"].response
    envelope = etree.fromstring("<E><B/></E>")
    envelope[0].append(contract.codec.encode(element, {"a": b"x"}))
    assert packaged(envelope, contract.schema, element, "text/xml", "", 10) is None
    assert packaged(etree.fromstring("<E><B/></E>"), contract.schema, element, "text/xml", "", 0) is None
