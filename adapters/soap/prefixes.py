"""Repair of documents that use a prefix which they do not declare."""

from __future__ import annotations

import re

from lxml import etree

from adapters.soap.report import Report

#: What the usual prefixes mean.
USUAL = {
    "xs": "http://www.w3.org/2001/XMLSchema",
    "xsd": "http://www.w3.org/2001/XMLSchema",
    "wsdl": "http://schemas.xmlsoap.org/wsdl/",
    "soap": "http://schemas.xmlsoap.org/wsdl/soap/",
    "soap12": "http://schemas.xmlsoap.org/wsdl/soap12/",
    "http": "http://schemas.xmlsoap.org/wsdl/http/",
    "mime": "http://schemas.xmlsoap.org/wsdl/mime/",
    "soapenc": "http://schemas.xmlsoap.org/soap/encoding/",
    "SOAP-ENC": "http://schemas.xmlsoap.org/soap/encoding/",
    "wsa": "http://www.w3.org/2005/08/addressing",
    "wsaw": "http://www.w3.org/2006/05/addressing/wsdl",
    "wsam": "http://www.w3.org/2007/05/addressing/metadata",
    "wsp": "http://schemas.xmlsoap.org/ws/2004/09/policy",
    "wsu": "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd",
}
_USED = re.compile(r"Namespace prefix ([\w.-]+)")
#: The start tag of the root, after a declaration, comments and white space.
_ROOT = re.compile(rb"\A(?:\xef\xbb\xbf)?(?:\s|<\?.*?\?>|<!--.*?-->)*<[\w.:-]+", re.DOTALL)


def declared(content: bytes, where: str, report: Report) -> bytes:
    """Return the document with its undeclared prefixes declared at the root, each one reported.

    The usual prefixes get their usual meaning; any other one gets a namespace of its own, which nothing else
    uses. A document that is not in an ASCII-based encoding stays as it is.
    """
    options = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}
    parser = etree.XMLParser(recover=True, **options)
    etree.fromstring(content, parser)
    prefixes: dict[str, int] = {}
    for entry in parser.error_log:
        if (match := _USED.match(entry.message)) is not None:
            prefixes.setdefault(match[1], entry.line)
    start = _ROOT.match(content)
    if start is None:
        return content
    added = b""
    for prefix, line in prefixes.items():
        uri = USUAL.get(prefix, f"urn:undeclared:{prefix}")
        added += f' xmlns:{prefix}="{uri}"'.encode()
        report.add(
            "info" if prefix in USUAL else "warning",
            "undeclared-prefix",
            f"the prefix {prefix!r} is used and not declared",
            f"{where}:{line}",
            f"it means {uri!r}",
        )
    return content[: start.end()] + added + content[start.end() :]
