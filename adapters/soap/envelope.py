"""The SOAP envelope, 1.1 and 1.2: wrap a body, unwrap an answer, read and write faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from adapters.soap.errors import AnswerMismatch
from adapters.soap.safe_xml import parser_options
from adapters.soap.xsd_types import local_name, namespace

NAMESPACES = {
    "1.1": "http://schemas.xmlsoap.org/soap/envelope/",
    "1.2": "http://www.w3.org/2003/05/soap-envelope",
}
CONTENT_TYPES = {"1.1": "text/xml; charset=utf-8", "1.2": "application/soap+xml; charset=utf-8"}
#: 1.2 codes by the 1.1 code that means the same.
_FIX = "check that the endpoint belongs to this WSDL"
_CODES = {"Sender": "Client", "Receiver": "Server"}


@dataclass(frozen=True, slots=True)
class SoapFault:
    """A fault, as a value: the service did answer.

    Attributes:
        code: local name in SOAP 1.1 terms: `Client`, `Server`, `Server.Database`, `VersionMismatch`…
        text: the faultstring. It may hold personal data: never log it.
        detail_name: Clark name of the first element in the detail, empty if there is none.
        detail: the XML of that element.
        actor: who reports it.
        subcode: Clark name of a code beside SOAP's own (of WS-Security, say), empty if there is none.
        detail_value: the detail's value, where the contract declares its element.
    """

    code: str
    text: str
    detail_name: str = ""
    detail: bytes | None = None
    actor: str = ""
    detail_value: Any = field(default=None, compare=False, repr=False)
    subcode: str = ""

    @property
    def by_caller(self) -> bool:
        """Whether the same call would fail again (Client, VersionMismatch, MustUnderstand)."""
        return self.code.split(".")[0] in (
            "Client",
            "VersionMismatch",
            "MustUnderstand",
            "DataEncodingUnknown",
        )

    def describe(self) -> str:
        """Return what may be logged: code and detail element, no text."""
        detail = f" with detail {local_name(self.detail_name)}" if self.detail_name else ""
        return f"a SOAP fault {self.code}{detail} (its text is withheld: it can hold personal data)"


def wrap(version: str, body: Any, headers: Sequence[Any] = ()) -> bytes:
    """Return a whole envelope around a body element (None = an empty body), or with that Body itself."""
    soap = NAMESPACES[version]
    envelope = etree.Element(f"{{{soap}}}Envelope", nsmap={"soap": soap})
    if headers:
        etree.SubElement(envelope, f"{{{soap}}}Header").extend(headers)
    if body is not None and body.tag == f"{{{soap}}}Body":  # a message of several parts
        envelope.append(body)
        return bytes(etree.tostring(envelope, xml_declaration=True, encoding="UTF-8"))
    holder = etree.SubElement(envelope, f"{{{soap}}}Body")
    if body is not None:
        holder.append(body)
    return bytes(etree.tostring(envelope, xml_declaration=True, encoding="UTF-8"))


def unwrap(root: Any, where: str) -> Any:
    """Return the one element in the body, which may be a Fault; None = an empty body.

    Raises:
        AnswerMismatch: this is no SOAP envelope, or its body holds several elements.
    """
    children = body_elements(root, where)
    if len(children) > 1:
        raise AnswerMismatch("the body holds several elements", where=where, fix=_FIX)
    return children[0] if children else None


def body_elements(root: Any, where: str) -> list[Any]:
    """Return the elements in the body: one, but for encoded messages with references.

    Raises:
        AnswerMismatch: this is no SOAP envelope, it has no body or two, or text stands in it.
    """
    return [child for child in the_body(root, where) if isinstance(child.tag, str)]


def the_body(root: Any, where: str) -> Any:
    """Return the Body of an envelope; errors as in `body_elements`."""
    soap = envelope_namespace(root.tag)
    if soap is None:
        raise AnswerMismatch(f"<{local_name(root.tag)}> is not a SOAP envelope", where=where, fix=_FIX)
    bodies = root.findall(f"{{{soap}}}Body")
    if not bodies:
        raise AnswerMismatch("the envelope has no body", where=where, fix=_FIX)
    if len(bodies) > 1:
        raise AnswerMismatch("the envelope has two bodies", where=where, fix=_FIX)
    return bodies[0]


def header_elements(root: Any) -> list[Any]:
    """Return the elements in the header."""
    soap = envelope_namespace(root.tag)
    header = root.find(f"{{{soap}}}Header")
    return [] if header is None else [child for child in header if isinstance(child.tag, str)]


def envelope_namespace(tag: str) -> str | None:
    """Return the SOAP namespace if `tag` is that of an envelope."""
    for soap in NAMESPACES.values():
        if tag == f"{{{soap}}}Envelope":
            return soap
    return None


def read_fault(node: Any) -> SoapFault | None:
    """Return the fault that a body element is, else None."""
    if node is None:
        return None
    if node.tag == f"{{{NAMESPACES['1.1']}}}Fault":
        prefix, _, code = (node.findtext("faultcode") or "Server").strip().rpartition(":")
        subcode = _foreign(node.find("faultcode"), prefix, code)
        detail = node.find("detail")
        text, actor = node.findtext("faultstring") or "", node.findtext("faultactor") or ""
    elif node.tag == f"{{{NAMESPACES['1.2']}}}Fault":
        ns = {"s": NAMESPACES["1.2"]}
        code = (node.findtext("s:Code/s:Value", namespaces=ns) or "Receiver").strip().rpartition(":")[2]
        inner = node.find("s:Code/s:Subcode/s:Value", ns)
        prefix, _, name = (inner.text or "" if inner is not None else "").strip().rpartition(":")
        subcode = _foreign(inner, prefix, name)
        detail = node.find("s:Detail", ns)
        text, actor = node.findtext("s:Reason/s:Text", "", ns), node.findtext("s:Role", "", ns)
    else:
        return None
    first = (
        next((child for child in detail if isinstance(child.tag, str)), None) if detail is not None else None
    )
    if first is None:
        return SoapFault(_CODES.get(code, code), text.strip(), actor=actor, subcode=subcode)
    xml = bytes(etree.tostring(first, with_tail=False))
    return SoapFault(_CODES.get(code, code), text.strip(), str(first.tag), xml, actor, subcode=subcode)


def _foreign(node: Any, prefix: str, name: str) -> str:
    """Return the Clark name of a code that is not SOAP's own; empty if it is."""
    uri = node.nsmap.get(prefix) if node is not None and prefix else None
    return f"{{{uri}}}{name}" if uri and name and uri not in NAMESPACES.values() else ""


def fault_element(fault: SoapFault, version: str = "1.1") -> Any:
    """Return the Fault element for an answer of our own."""
    soap = NAMESPACES[version]
    nsmap = {"soap": soap} | ({"sub": namespace(fault.subcode)} if fault.subcode else {})
    node = etree.Element(f"{{{soap}}}Fault", nsmap=nsmap)
    if version == "1.1":
        code = f"sub:{local_name(fault.subcode)}" if fault.subcode else f"soap:{fault.code}"
        etree.SubElement(node, "faultcode").text = code
        etree.SubElement(node, "faultstring").text = fault.text
        holder = "detail"
    else:
        back = {old: new for new, old in _CODES.items()}
        holding = etree.SubElement(node, f"{{{soap}}}Code")
        etree.SubElement(holding, f"{{{soap}}}Value").text = f"soap:{back.get(fault.code, fault.code)}"
        if fault.subcode:
            inner = etree.SubElement(holding, f"{{{soap}}}Subcode")
            etree.SubElement(inner, f"{{{soap}}}Value").text = f"sub:{local_name(fault.subcode)}"
        reason = etree.SubElement(etree.SubElement(node, f"{{{soap}}}Reason"), f"{{{soap}}}Text")
        reason.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
        reason.text = fault.text
        holder = f"{{{soap}}}Detail"
    if fault.detail is not None:
        etree.SubElement(node, holder).append(
            etree.fromstring(fault.detail, etree.XMLParser(**parser_options()))
        )
    return node
