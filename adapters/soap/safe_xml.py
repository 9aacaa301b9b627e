"""XML from outside is hostile: no DTD, no entities, no network, bounded size and depth."""

from __future__ import annotations

from typing import Any

from lxml import etree

from adapters.soap.errors import BrokenAnswer, ContractError
from adapters.soap.prefixes import declared
from adapters.soap.report import Report

#: A WSDL or schema document; the largest public ones are under 5 MB.
MAX_DOCUMENT_BYTES = 16 << 20
#: An answer that is held whole. A list answer is decoded as a stream and may be larger (`stream.py`).
MAX_ANSWER_BYTES = 64 << 20
#: Real documents nest under 40 deep; recursion in a decoder must never reach Python's limit.
MAX_DEPTH = 100


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
    """Return the root of a WSDL or schema document; prefixes without a declaration are repaired and reported.

    Raises:
        ContractError: too large, not well-formed, with a document type declaration, or nested too deep.
    """
    if len(content) > MAX_DOCUMENT_BYTES:
        raise ContractError(
            f"the document has {len(content):,} bytes; {MAX_DOCUMENT_BYTES:,} are allowed",
            where=where,
            fix="check that this is a WSDL or a schema",
        )
    try:
        root = _parse(content, where, report)
    except etree.XMLSyntaxError as error:
        raise ContractError(
            f"not well-formed XML: {_reason(error)}", where=where, fix="mend the document"
        ) from None
    if problem := hostile(root):
        raise ContractError(problem, where=where, fix="remove the document type declaration")
    if depth(root) > MAX_DEPTH:
        raise ContractError(f"nested deeper than {MAX_DEPTH}", where=where, fix="check the document")
    return root


def _parse(content: bytes, where: str, report: Report | None) -> Any:
    try:
        return etree.fromstring(content, etree.XMLParser(**parser_options()))
    except etree.XMLSyntaxError as error:
        if report is None or error.code != etree.ErrorTypes.NS_ERR_UNDEFINED_NAMESPACE:
            raise
    return etree.fromstring(declared(content, where, report), etree.XMLParser(**parser_options()))


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
