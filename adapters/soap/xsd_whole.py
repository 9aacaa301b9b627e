"""What follows from all types of a schema together: who derives from whom, and what leads to a broken one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.soap.documents import XS
from adapters.soap.errors import ContractError
from adapters.soap.xsd_names import ANY_TYPE
from adapters.soap.xsd_places import children
from adapters.soap.xsd_types import ComplexType, SimpleType, local_name

_IDENTITY = (f"{XS}key", f"{XS}keyref", f"{XS}unique")


def trouble(
    start: SimpleType | ComplexType | str,
    types: Mapping[str, ComplexType],
    failed: Mapping[str, ContractError],
) -> ContractError | None:
    """Return why something that a type leads to could not be read; None if all could."""
    seen: set[str] = set()
    waiting = [start] if failed else []
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, str):
            if kind in failed:
                return failed[kind]
            if kind in seen or kind not in types:
                continue
            seen.add(kind)
            kind = types[kind]
        if isinstance(kind, ComplexType):
            waiting += [element.type for element in kind.elements]
            if kind.array is not None:
                waiting.append(kind.array.item)
    return None


def derived(simple: Mapping[str, str], types: Mapping[str, ComplexType]) -> dict[str, frozenset[str]]:
    """Return type → those that derive from it, directly or not; all derive from xs:anyType."""
    bases = dict(simple) | {name: kind.base for name, kind in types.items() if kind.base}
    found: dict[str, set[str]] = {ANY_TYPE: set(bases) | set(types) - {ANY_TYPE}}
    for name in bases:
        base, above = bases[name], {name}
        while base and base not in above:
            found.setdefault(base, set()).add(name)
            above.add(base)
            base = bases.get(base, "")
    return {name: frozenset(types_) for name, types_ in found.items()}


def identities(node: Any) -> tuple[str, ...]:
    """Return the identity constraints of an element in words."""
    return tuple(_identity(child) for child in node.iterchildren(*_IDENTITY))


def _identity(node: Any) -> str:
    paths = {"selector": "", "field": ""}
    for child in children(node):
        kind = local_name(child.tag)
        if kind in paths:
            paths[kind] += (", " if paths[kind] else "") + child.get("xpath", "")
    kind = local_name(node.tag)
    target = f" refers to {node.get('refer', '')}" if kind == "keyref" else ""
    return f"{kind} {node.get('name', '')}: {paths['field']} in {paths['selector']}{target}"
