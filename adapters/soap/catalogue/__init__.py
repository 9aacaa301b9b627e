"""Standard schemas that contracts refer to, so that no import of one needs the network.

The files beside this module are Banyan's own, written from the standards: they declare the names and types
that messages use, in the least form, and are not copies of the published schema documents. What they leave
open (`xs:any`, `xs:anyType`) is kept as XML.
"""

from __future__ import annotations

from pathlib import Path

#: Locations of these documents begin so.
SCHEME = "catalogue:"
#: Namespace → file.
FILES = {
    "http://www.w3.org/XML/1998/namespace": "xml.xsd",
    "http://www.w3.org/2001/XMLSchema": "schema.xsd",
    "http://schemas.xmlsoap.org/soap/encoding/": "encoding-1.1.xsd",
    "http://www.w3.org/2003/05/soap-encoding": "encoding-1.2.xsd",
    "http://schemas.xmlsoap.org/soap/envelope/": "envelope-1.1.xsd",
    "http://www.w3.org/2003/05/soap-envelope": "envelope-1.2.xsd",
    "http://www.w3.org/2005/08/addressing": "addressing-1.0.xsd",
    "http://schemas.xmlsoap.org/ws/2004/08/addressing": "addressing-2004-08.xsd",
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd": "wsse.xsd",
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd": "wsu.xsd",
    "http://www.w3.org/2000/09/xmldsig#": "xmldsig.xsd",
    "http://www.w3.org/2004/08/xop/include": "xop.xsd",
    "http://www.w3.org/2005/05/xmlmime": "xmlmime.xsd",
    "http://www.w3.org/ns/ws-policy": "policy.xsd",
    "http://schemas.xmlsoap.org/ws/2004/09/policy": "policy-2004-09.xsd",
    "http://www.w3.org/1999/xlink": "xlink.xsd",
    "http://ws-i.org/profiles/basic/1.1/xsd": "swaref.xsd",
    "http://schemas.microsoft.com/2003/10/Serialization/": "serialization.xsd",
}
#: Addresses under which these documents are commonly imported, other than their namespace.
_ADDRESSES = {
    "http://www.w3.org/2001/xml.xsd": "xml.xsd",
    "http://www.w3.org/2001/03/xml.xsd": "xml.xsd",
    "http://www.w3.org/2009/01/xml.xsd": "xml.xsd",
    "http://www.w3.org/2005/08/addressing/ws-addr.xsd": "addressing-1.0.xsd",
    "http://www.w3.org/TR/2002/REC-xmldsig-core-20020212/xmldsig-core-schema.xsd": "xmldsig.xsd",
    "http://www.w3.org/2006/03/addressing/ws-addr.xsd": "addressing-1.0.xsd",
    "http://www.w3.org/2001/XMLSchema.xsd": "schema.xsd",
    "http://www.w3.org/1999/xlink.xsd": "xlink.xsd",
    "http://www.w3.org/XML/2008/06/xlink.xsd": "xlink.xsd",
    "http://ws-i.org/profiles/basic/1.1/swaref.xsd": "swaref.xsd",
}


def location_of(name: str) -> str | None:
    """Return the location of the standard schema of a namespace or of a well-known address; None if none."""
    plain = name.replace("https://", "http://", 1)
    names = (name, plain, plain + "/", plain.rstrip("/"))
    file = next((FILES[n] for n in names if n in FILES), None) or _ADDRESSES.get(plain)
    return f"{SCHEME}{file}" if file else None


def standard_schema(location: str) -> bytes | None:
    """Return the document at a location of the catalogue, None if the location is no such."""
    name = location.removeprefix(SCHEME)
    if not location.startswith(SCHEME) or name not in FILES.values():
        return None
    return (Path(__file__).parent / name).read_bytes()
