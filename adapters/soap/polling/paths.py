"""Ways into decoded values and raw XML: names joined by `/`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lxml import etree

from adapters.soap.safe_xml import parser_options
from adapters.soap.xsd_types import local_name


def at(values: Any, path: str) -> Any:
    """Return what stands at `path`; None where nothing does. An empty path is the value itself."""
    for step in filter(None, path.split("/")):
        if not isinstance(values, Mapping):
            return None
        values = values.get(step)
    return values


def text_at(values: Any, path: str) -> str | None:
    """Return the text at `path`, of an element with attributes too; None where there is none."""
    found = at(values, path)
    if isinstance(found, Mapping):
        found = found.get("#text")
    return None if found is None else str(found)


def count_at(values: Any, path: str) -> int | None:
    """Return the number at `path`, of an element of text too; None where there is none."""
    text = text_at(values, path)
    try:
        return None if text is None else int(text)
    except ValueError:
        return None


def put(values: dict[str, Any], path: str, value: Any) -> None:
    """Set what stands at `path`; tables on the way are copied, so that shared ones stay as they are."""
    *above, last = path.split("/")
    here = values
    for step in above:
        here[step] = dict(here.get(step) or {})
        here = here[step]
    here[last] = value


def text_in(raw: bytes, path: str) -> str | None:
    """Return the text at `path` in the XML of a message that could not be decoded, else None."""
    try:
        node: Any = etree.fromstring(raw, etree.XMLParser(**parser_options()))
    except (etree.XMLSyntaxError, ValueError):
        return None
    for step in filter(None, path.split("/")):
        if step.startswith("@"):
            return next((v for k, v in node.attrib.items() if local_name(k) == step[1:]), None)
        node = next((c for c in node if isinstance(c.tag, str) and local_name(c.tag) == step), None)
        if node is None:
            return None
    return (node.text or "").strip() or None
