"""XML from outside is hostile: no DTD, no entities, no network, bounded size and depth."""

from __future__ import annotations

from typing import Any

from lxml import etree

from adapters.soap.errors import BrokenAnswer, ContractError, NoContract
from adapters.soap.report import Report

#: A WSDL or schema document; the largest public ones are under 5 MB.
MAX_DOCUMENT_BYTES = 16 << 20
#: An answer that is held whole. A list answer is decoded as a stream and may be larger (`stream.py`).
MAX_ANSWER_BYTES = 64 << 20
#: Real documents nest under 40 deep; recursion in a decoder must never reach Python's limit.
MAX_DEPTH = 100
#: What these prefixes mean wherever nobody has said so.
WELL_KNOWN = {
    "http": "http://schemas.xmlsoap.org/wsdl/http/",
    "mime": "http://schemas.xmlsoap.org/wsdl/mime/",
    "soap": "http://schemas.xmlsoap.org/wsdl/soap/",
    "soap12": "http://schemas.xmlsoap.org/wsdl/soap12/",
    "SOAP-ENC": "http://schemas.xmlsoap.org/soap/encoding/",
    "soapenc": "http://schemas.xmlsoap.org/soap/encoding/",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "wsam": "http://www.w3.org/2007/05/addressing/metadata",
    "wsaw": "http://www.w3.org/2006/05/addressing/wsdl",
    "wsdl": "http://schemas.xmlsoap.org/wsdl/",
    "wsp": "http://schemas.xmlsoap.org/ws/2004/09/policy",
    "wsu": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
    "xs": "http://www.w3.org/2001/XMLSchema",
    "xsd": "http://www.w3.org/2001/XMLSchema",
}
_BLANK = b" \t\r\n"


def parser_options() -> dict[str, Any]:
    """Options of every lxml parser here. `huge_tree=False` keeps libxml2's own text and entity limits."""
    return {
        "resolve_entities": False,
        "no_network": True,
        "load_dtd": False,
        "dtd_validation": False,
        "huge_tree": False,
        "remove_comments": True,
        "remove_pis": True,
    }


def parse_document(content: bytes, where: str, report: Report | None = None) -> Any:
    """Return the root of a WSDL or schema document.

    With a `report`, prefixes that are well known but not declared are repaired and named in it.

    Raises:
        ContractError: too large, not well-formed, with a document type declaration, or nested too deep.
    """
    if len(content) > MAX_DOCUMENT_BYTES:
        raise ContractError(
            f"the document has {len(content):,} bytes; {MAX_DOCUMENT_BYTES:,} are allowed",
            where=where,
            fix="check that this is a WSDL or a schema",
        )
    content = content.lstrip(_BLANK)
    if looks_like_html(content):
        raise NoContract(
            "this is an HTML page", where=where, fix="give the WSDL itself: its address often ends in ?wsdl"
        )
    try:
        root = etree.fromstring(content, etree.XMLParser(**parser_options()))
    except etree.XMLSyntaxError as error:
        root = None if report is None else _without_declarations(content, where, report)
        if root is None:
            raise NoContract(
                f"not well-formed XML: {_reason(error)}", where=where, fix="mend the document"
            ) from None
    if problem := hostile(root):
        raise ContractError(problem, where=where, fix="remove the document type declaration")
    if depth(root) > MAX_DEPTH:
        raise ContractError(f"nested deeper than {MAX_DEPTH}", where=where, fix="check the document")
    return root


def _without_declarations(content: bytes, where: str, report: Report) -> Any:
    """Return the root of a document whose only fault is prefixes that nobody declared, else None."""
    parser = etree.XMLParser(**parser_options(), recover=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        return None
    faults = [entry for entry in parser.error_log if entry.level >= etree.ErrorLevels.ERROR]
    if root is None or any(entry.type != etree.ErrorTypes.NS_ERR_UNDEFINED_NAMESPACE for entry in faults):
        return None
    for node in root.iter("*"):
        prefix, colon, local = node.tag.rpartition("}")[2].partition(":")
        if not colon:
            continue
        uri = WELL_KNOWN.get(prefix)
        assumed = f"{prefix} = {uri}" if uri else "the element is not there"
        report.add(
            "warning" if uri else "error",
            "undeclared-prefix",
            f"{where}:{node.sourceline}",
            f"the prefix {prefix!r} of <{prefix}:{local}> is not declared",
            assumed,
        )
        node.tag = f"{{{uri or 'urn:undeclared-prefix'}}}{local}"
    return root


def parse_answer(content: bytes, where: str, limit: int = MAX_ANSWER_BYTES) -> Any:
    """Return the root of a message from the wire.

    Raises:
        BrokenAnswer: empty, too large, truncated, not XML, hostile, or nested too deep. The text of the
            message is never part of the error.
    """
    fix = "ask the service's owner; the call may be repeated"
    if len(content) > limit:
        raise BrokenAnswer(
            f"the answer has {len(content):,} bytes; {limit:,} are allowed", where=where, fix=fix
        )
    if not content.strip():
        raise BrokenAnswer("the answer is empty", where=where, fix=fix)
    if looks_like_html(content):
        raise BrokenAnswer("an HTML page came instead of a SOAP answer", where=where, fix=fix)
    try:
        root = etree.fromstring(content, etree.XMLParser(**parser_options()))
    except etree.XMLSyntaxError as error:
        raise BrokenAnswer(
            f"the answer is not well-formed XML: {_reason(error)}", where=where, fix=fix
        ) from None
    if problem := hostile(root):
        raise BrokenAnswer(
            problem, where=where, fix="do not trust this endpoint before its owner has explained it"
        )
    if depth(root) > MAX_DEPTH:
        raise BrokenAnswer(f"the answer is nested deeper than {MAX_DEPTH}", where=where, fix=fix)
    return root


def hostile(root: Any) -> str | None:
    """Return why a parsed document must not be used: any DTD, also an empty one."""
    if root.getroottree().docinfo.doctype:
        return "a document type declaration is not accepted (it can carry entities and outside references)"
    return None


def depth(root: Any) -> int:
    """Return the depth of the tree, root = 1, counted without recursion."""
    deepest = level = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        level += 1 if event == "start" else -1
        deepest = max(deepest, level)
    return deepest


def looks_like_html(content: bytes) -> bool:
    """Return whether the first bytes are those of an HTML page."""
    head = content[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith((b"<!doctype html", b"<html"))


def _reason(error: Any) -> str:
    """Return libxml2's error class and line; its message can quote the document."""
    name = getattr(etree.ErrorTypes, "_getName", lambda code: str(code))(error.code)
    line = error.position[0] if error.position else 0
    return f"{str(name).removeprefix('ERR_').replace('_', ' ').lower()} at line {line}"
