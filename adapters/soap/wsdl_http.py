"""Operations over plain HTTP (WSDL 1.1, sections 4 and 5): form fields in a URL or a body, XML back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from adapters.soap.documents import WSDL
from adapters.soap.errors import ContractError
from adapters.soap.wsdl_tables import Defined, refusal
from adapters.soap.xsd_types import Element, local_name

HTTP = "http://schemas.xmlsoap.org/wsdl/http/"
_MIME = "http://schemas.xmlsoap.org/wsdl/mime/"
_XML = ("text/xml", "application/xml", "")
_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class HttpBinding:
    """How a request travels without SOAP.

    Attributes:
        verb: `GET` or `POST`.
        location: what is put after the port's address; with `path`, `(name)` stands for a part.
        place: where the parts go: the URL's query, its path, a form in the body, or the body as XML.
    """

    verb: Literal["GET", "POST"]
    location: str
    place: Literal["query", "path", "form", "xml"]

    @property
    def safe(self) -> bool:
        """Whether a call may be repeated: GET only reads (RFC 9110, 9.2.1)."""
        return self.verb == "GET"


def read_http(home: Defined, node: Any) -> HttpBinding:
    """Return how an operation of an HTTP binding is called.

    Args:
        home: the binding.
        node: its operation.

    Raises:
        ContractError: by another verb, or in a form that is not known.
    """
    general, special = home.node.find(f"{{{HTTP}}}binding"), node.find(f"{{{HTTP}}}operation")
    verb = (general.get("verb", "") if general is not None else "").strip().upper()
    if verb not in ("GET", "POST"):
        raise refusal(f"the HTTP verb is {verb!r}, neither GET nor POST", home, node)
    location = special.get("location", "").strip() if special is not None else ""
    if "://" in location or location.startswith("//") or any(c.isspace() for c in location):
        raise refusal("the location of an HTTP operation is not relative to the port's address", home, node)
    given = node.find(f"{WSDL}input")
    kinds = [] if given is None else list(given.iterchildren("*"))
    names = {local_name(k.tag) for k in kinds}
    if "urlReplacement" in names:
        return HttpBinding("GET" if verb == "GET" else "POST", location, "path")
    if "urlEncoded" in names or verb == "GET":
        return HttpBinding("GET" if verb == "GET" else "POST", location, "query")
    types = [_media(k) for k in kinds if k.tag == f"{{{_MIME}}}content"]
    if _FORM in types or not kinds:
        return HttpBinding("POST", location, "form")
    if "mimeXml" in names or any(t in _XML for t in types):
        return HttpBinding("POST", location, "xml")
    raise refusal(f"an HTTP request of the kind {types[0] if types else sorted(names)!r}", home, node)


def xml_part(home: Defined, node: Any, side: Literal["input", "output"]) -> str | None:
    """Return the name of the part that is the body as XML, empty if no part is named; None = no body.

    Raises:
        ContractError: the body is something else: HTML, an image, several parts.
    """
    given = node.find(f"{WSDL}{side}")
    kinds = [] if given is None else [k for k in given.iterchildren("*") if not k.tag.startswith(WSDL)]
    if not kinds:
        return None
    for kind in kinds:
        if kind.tag == f"{{{_MIME}}}mimeXml" or (kind.tag == f"{{{_MIME}}}content" and _media(kind) in _XML):
            return str(kind.get("part", ""))
    told = next((k.get("type") for k in kinds if k.get("type")), local_name(kinds[0].tag))
    raise refusal(f"the {side} of an HTTP operation is {told!r}, not XML", home, node)


def _media(content: Any) -> str:
    return str(content.get("type", "")).partition(";")[0].strip().lower()


def check_location(binding: HttpBinding, request: Element | None, home: Defined, node: Any) -> None:
    """Refuse a location that names not every part once, or another.

    Raises:
        ContractError: it does.
    """
    if binding.place != "path":
        return
    kind = request.type if request is not None else None
    wanted = sorted(e.local for e in getattr(kind, "elements", ()))
    found = sorted(piece.partition(")")[0] for piece in binding.location.split("(")[1:])
    if wanted != found:
        raise ContractError(
            f"the location {binding.location!r} does not hold every part of the request once",
            where=home.at(node),
            fix="leave it out",
        )
