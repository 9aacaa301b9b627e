"""Standard schemas that contracts import, so that no import ever has to leave this machine.

The files are our own short writings of what the standards define, as far as contracts use them. Names that a
standard places elsewhere (old addresses, mirrors) lead to the same file.
"""

from __future__ import annotations

from importlib.resources import files

_PREFIX = "catalogue:"
_FILES = {
    "http://www.w3.org/XML/1998/namespace": "xml.xsd",
    "http://schemas.xmlsoap.org/soap/envelope/": "envelope11.xsd",
    "http://www.w3.org/2003/05/soap-envelope": "envelope12.xsd",
    "http://schemas.xmlsoap.org/soap/encoding/": "encoding11.xsd",
    "http://www.w3.org/2003/05/soap-encoding": "encoding12.xsd",
    "http://www.w3.org/2005/08/addressing": "addressing10.xsd",
    "http://schemas.xmlsoap.org/ws/2004/08/addressing": "addressing0408.xsd",
    "http://www.w3.org/2004/08/xop/include": "xop.xsd",
    "http://www.w3.org/2005/05/xmlmime": "xmlmime.xsd",
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd": "wsse.xsd",
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd": "wsu.xsd",
    "http://www.w3.org/1999/xlink": "xlink.xsd",
    "http://ws-i.org/profiles/basic/1.1/xsd": "swaref.xsd",
}
_ALIASES = {
    "http://www.w3.org/2001/xml.xsd": "http://www.w3.org/XML/1998/namespace",
    "http://www.w3.org/2009/01/xml.xsd": "http://www.w3.org/XML/1998/namespace",
    "http://www.w3.org/2005/08/addressing/ws-addr.xsd": "http://www.w3.org/2005/08/addressing",
    "http://www.w3.org/2006/03/addressing/ws-addr.xsd": "http://www.w3.org/2005/08/addressing",
    "http://schemas.xmlsoap.org/ws/2004/08/addressing/": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "http://www.w3.org/1999/xlink.xsd": "http://www.w3.org/1999/xlink",
    "http://www.w3.org/XML/2008/06/xlink.xsd": "http://www.w3.org/1999/xlink",
    "http://ws-i.org/profiles/basic/1.1/swaref.xsd": "http://ws-i.org/profiles/basic/1.1/xsd",
}


def location_of(name: str) -> str | None:
    """Return the location here of a namespace or a well-known address; None if it is no standard one."""
    name = name.replace("https://", "http://", 1)
    for candidate in (name, name.rstrip("/"), name.rstrip("/") + "/"):
        uri = _ALIASES.get(candidate, candidate)
        if uri in _FILES:
            return _PREFIX + _FILES[uri]
    return None


def holds(location: str) -> bool:
    """Return whether a location is one of these files."""
    return location.startswith(_PREFIX)


def read(location: str) -> bytes:
    """Return a standard schema by its location here."""
    return files(__package__).joinpath(location.removeprefix(_PREFIX)).read_bytes()
