"""Read SOAP-encoded arrays: `wsdl:arrayType` (WSDL 1.1, 2.2), or the one element of the content model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.soap.documents import WSDL, XS
from adapters.soap.xsd_model import leaves
from adapters.soap.xsd_names import ANY_TYPE
from adapters.soap.xsd_places import Place
from adapters.soap.xsd_types import ArrayType, ComplexType, Element, Group, SimpleType

Named = Callable[[Any, Place, str], SimpleType | ComplexType | str]
Model = Callable[[Any, Place], Group | None]


def array_type(step: Any, place: Place, named: Named, model: Model) -> ArrayType:
    """Return what an array holds. `xs:int[,]` has two dimensions, `xs:int[][]` holds arrays."""
    for node in step.iter(f"{XS}attribute"):
        if text := node.get(f"{WSDL}arrayType"):
            name, _, sizes = text.partition("[")
            ranks = [rank.count(",") + 1 for rank in f"[{sizes}".split("[")[1:]]
            item: SimpleType | ComplexType | str = named(node, place, name.strip())
            # The rightmost brackets are those of the array itself.
            for rank in ranks[:-1]:
                item = ComplexType("", array=ArrayType(item, rank))
            return ArrayType(item, ranks[-1] if ranks else 1)
    found = model(step, place)
    items = [p for p in leaves(found) if isinstance(p, Element)] if found else []
    return ArrayType(items[0].type if items else ANY_TYPE)
