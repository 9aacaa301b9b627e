"""SOAP encoding (SOAP 1.1 section 5, SOAP 1.2 part 2): references between elements, and arrays.

An array is a Python list, one of several dimensions a list of lists. References are put in place before
anything is decoded; those that lead back to themselves or grow beyond a limit are refused.
"""

from __future__ import annotations

import re
from copy import deepcopy
from math import prod
from typing import TYPE_CHECKING, Any

from adapters.soap.errors import BadValue
from adapters.soap.raw_xml import XSI, qname
from adapters.soap.safe_xml import MAX_DEPTH
from adapters.soap.xsd_types import ArrayType, Element, local_name, namespace

if TYPE_CHECKING:
    from adapters.soap.decoding import Decoder

ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
ENCODING_12 = "http://www.w3.org/2003/05/soap-encoding"
#: By SOAP version.
ENCODINGS = {"1.1": ENCODING, "1.2": ENCODING_12}
#: A message whose references are put in place has no more elements than this.
MAX_NODES = 200_000
_ENVELOPES = ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")
_TYPE = f"{{{XSI}}}type"
_ARRAY_TYPE = f"{{{ENCODING}}}arrayType"
_ITEM_TYPE, _ARRAY_SIZE = f"{{{ENCODING_12}}}itemType", f"{{{ENCODING_12}}}arraySize"
#: Attributes that say what an array holds.
ARRAY_TYPES = frozenset({_ARRAY_TYPE, _ITEM_TYPE, _ARRAY_SIZE})
_REF = f"{{{ENCODING_12}}}ref"
_NOISE = frozenset(
    {"id", f"{{{ENCODING}}}root", f"{{{ENCODING_12}}}id", *(f"{{{e}}}encodingStyle" for e in _ENVELOPES)}
)
_SIZES = re.compile(r"(.*?)((?:\[[\d,\s]*\])*)\[([\d,\s]*)\]\s*\Z", re.DOTALL)


def inline_references(children: list[Any]) -> Any:
    """Return the root element of an encoded body, with what it refers to put in place; the tree is changed.

    Raises:
        BadValue: a reference leads nowhere, outside, or back to itself, the whole grows too large, or nothing
            refers to an element beside the root.
    """
    roots = [c for c in children if c.get(f"{{{ENCODING}}}root", "1").strip() != "0"]
    if not roots:
        raise BadValue("", "the encoded body has no root")
    targets: dict[str, Any] = {}
    for child in children:
        for node in child.iter("*"):
            _resolve_names(node)
            name = node.get("id") or node.get(f"{{{ENCODING_12}}}id")
            if name and targets.setdefault(name, node) is not node:
                raise BadValue(local_name(node.tag), "an id stands twice")
    inliner = _Inliner(targets)
    inliner.expand(roots[0], (), 0)
    for child in children:
        # Passed over in silence, it would be lost, and the message called faithful (DESIGN 10.7).
        if child is not roots[0] and id(child) not in inliner.used:
            raise BadValue(local_name(child.tag), "an element that nothing refers to")
    return roots[0]


class _Inliner:
    def __init__(self, targets: dict[str, Any]) -> None:
        self._targets, self._left = targets, MAX_NODES
        #: By id(): `targets` keeps them alive, and there may be as many as elements.
        self.used: set[int] = set()

    def expand(self, node: Any, above: tuple[Any, ...], depth: int) -> None:
        if depth > MAX_DEPTH:
            raise BadValue("", f"nested deeper than {MAX_DEPTH}")
        if (reference := node.get("href") or node.get(_REF)) is not None:
            above = (*above, self._fill(node, reference.strip(), above))
        for name in _NOISE & set(node.keys()):
            del node.attrib[name]
        for child in node:
            self.expand(child, above, depth + 1)

    def _fill(self, node: Any, reference: str, above: tuple[Any, ...]) -> Any:
        if not reference.startswith("#") and node.get("href") is not None:
            raise BadValue(local_name(node.tag), "a reference outside the message")
        target = self._targets.get(reference.removeprefix("#"))
        if target is None:
            raise BadValue(local_name(node.tag), "a reference to an id that does not exist")
        if any(target is one for one in above) or any(target is one for one in node.iterancestors()):
            raise BadValue(local_name(node.tag), "a reference that leads back to itself")
        self.used.add(id(target))
        self._left -= sum(1 for _ in target.iter("*"))
        if self._left < 0:
            raise BadValue("", f"more than {MAX_NODES:,} elements through references")
        for name in ("href", _REF):
            node.attrib.pop(name, None)
        for name, text in target.attrib.items():
            if name not in _NOISE:
                node.set(name, text)
        node.text = target.text
        for child in target:
            node.append(deepcopy(child))
        return target


def _resolve_names(node: Any) -> None:
    """Write the QNames of types as Clark names: their prefixes may not be declared where they go."""
    for name in (_TYPE, _ARRAY_TYPE, _ITEM_TYPE):
        text = node.get(name)
        if text is not None and not text.startswith("{"):
            prefix, _, local = text.strip().rpartition(":")
            uri = node.nsmap.get(prefix or None)
            if uri:
                node.set(name, f"{{{uri}}}{local}")


def decode_dimensions(decoder: Decoder, array: ArrayType, node: Any, depth: int) -> list[Any]:
    """Return the items of an array element, nested by its dimensions. Raises BadValue."""
    if node.get(f"{{{ENCODING}}}offset") is not None:
        raise BadValue("", "a partly transmitted array")
    if (node.text or "").strip():
        raise BadValue("", "text between elements is not expected")
    item_type: Any = array.item
    sizes: list[int] = []
    if (said := node.get(_ARRAY_TYPE)) is not None:
        match = _SIZES.match(said.strip())
        if match is None:
            raise BadValue("", "an arrayType without a size")
        sizes = _numbers(match[3].replace(",", " "))
        if not match[2]:
            item_type = decoder.item_type(array, qname(match[1], node))
    elif (size := node.get(_ARRAY_SIZE)) is not None:
        sizes = _numbers(size.replace("*", " "))
    element = Element("item", item_type, nillable=True)
    values = []
    for number, child in enumerate(node):
        if child.get(f"{{{ENCODING}}}position") is not None:
            raise BadValue(f"{number}", "a sparse array")
        try:
            values.append(decoder.item(array, element, child, depth + 1))
        except BadValue as error:
            raise error.below(str(number)) from None
    if sizes and prod(sizes) != len(values):
        raise BadValue("", f"an array of {prod(sizes)} with {len(values)} items")
    for size in reversed(sizes[1:]):
        values = [values[at : at + size] for at in range(0, len(values), size)] if size else []
    return values


def array_sizes(values: Any, dimensions: int) -> tuple[list[int], list[Any]]:
    """Return the sizes of a nested list, and its items in order. Raises BadValue."""
    if not isinstance(values, list | tuple):
        raise BadValue("", "a list is expected")
    if dimensions == 1:
        return [len(values)], list(values)
    inner = [array_sizes(value, dimensions - 1) for value in values]
    if any(sizes != inner[0][0] for sizes, _ in inner):
        raise BadValue("", f"lists of one length are expected, {dimensions} deep")
    below = inner[0][0] if inner else [0] * (dimensions - 1)
    return [len(values), *below], [item for _, items in inner for item in items]


def _numbers(text: str) -> list[int]:
    return [int(part) for part in text.split() if part.isdigit() and len(part) < 9]


def is_encoded_array(name: str) -> bool:
    """Return whether a Clark name is that of SOAP's own array type."""
    return namespace(name) in (ENCODING, ENCODING_12) and local_name(name) == "Array"
