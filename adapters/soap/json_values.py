"""Decoded values ↔ JSON: what JSON has no type for is text by the schema, so that the way back is open."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from adapters.soap.codec import XmlCodec
from adapters.soap.errors import BadValue
from adapters.soap.lexical import BUILTINS
from adapters.soap.plans import CONTENT, ITEMS, TEXT, TYPE_KEY, Plan
from adapters.soap.simple_text import render_text
from adapters.soap.xsd_types import ArrayType, ComplexType, Element, SimpleType

#: Kinds whose values JSON holds as they are; a whole number beyond 2⁵³ is one too, Python's JSON keeps it.
_PLAIN = frozenset({"string", "boolean", "integer"})


def to_json(codec: XmlCodec, element: Element, value: Any) -> Any:
    """Return a decoded value of `element` as JSON holds it."""
    return _Json(codec, back=False).element(element, value)


def from_json(codec: XmlCodec, element: Element, value: Any) -> Any:
    """Return the decoded value of `element` that JSON stands for: text becomes what its type says.

    Raises:
        BadValue: text that is not of its type.
    """
    return _Json(codec, back=True).element(element, value)


class _Json:
    """Walk a value along its types."""

    def __init__(self, codec: XmlCodec, *, back: bool) -> None:
        self._codec, self._back = codec, back

    def element(self, element: Element, value: Any) -> Any:
        kind = self._codec.plans.declared(element.type)
        if isinstance(value, Mapping) and isinstance(said := value.get(TYPE_KEY), str):
            kind = self._codec.plans.named(said)
            if isinstance(kind, SimpleType):
                return {k: self._simple(kind, v) if k == TEXT else v for k, v in value.items()}
            if kind.array is not None and ITEMS in value:
                return {**value, ITEMS: self._array(kind.array, value[ITEMS], kind.array.dimensions)}
        if value is None:
            return None
        if isinstance(kind, SimpleType):
            return self._simple(kind, value)
        if kind.array is not None:
            return self._array(kind.array, value, kind.array.dimensions)
        return self._complex(kind, value) if isinstance(value, Mapping) else value

    def _complex(self, kind: ComplexType, value: Mapping[str, Any]) -> dict[str, Any]:
        plan = self._codec.plans.plan(kind)
        attributes = dict(plan.attributes.values())
        out: dict[str, Any] = {}
        for key, given in value.items():
            try:
                if key in attributes:
                    out[key] = self._simple(attributes[key].type, given)
                elif key == TEXT and kind.text is not None:
                    out[key] = self._simple(kind.text, given)
                elif key == CONTENT and isinstance(given, list):
                    out[key] = [self._part(plan, part) for part in given]
                elif key in plan.keys:
                    child = plan.keys[key]
                    many = child.repeats and isinstance(given, list)
                    out[key] = (
                        [self.element(child.element, item) for item in given]
                        if many
                        else self.element(child.element, given)
                    )
                else:
                    out[key] = given
            except BadValue as error:
                raise error.below(key) from None
        return out

    def _part(self, plan: Plan, part: Any) -> Any:
        """Return one part of `#content`: text, or one element by itself."""
        if not isinstance(part, Mapping):
            return part
        return {k: self.element(plan.keys[k].element, v) if k in plan.keys else v for k, v in part.items()}

    def _array(self, array: ArrayType, values: Any, dimensions: int) -> Any:
        if not isinstance(values, list):
            return values
        if dimensions > 1:
            return [self._array(array, inner, dimensions - 1) for inner in values]
        element = Element("item", array.item)
        return [self.element(element, item) for item in values]

    def _simple(self, kind: SimpleType, value: Any) -> Any:
        if kind.variety == "list" and isinstance(value, list):
            item = kind.item or SimpleType("string")
            return [self._simple(item, one) for one in value]
        if kind.variety == "union" or BUILTINS[kind.base].kind in _PLAIN:
            return self._union(kind, value) if kind.variety == "union" else value
        if isinstance(value, float) and isfinite(value):
            return self._codec.decode_text(kind, repr(value)) if self._back else value
        if self._back:
            return self._codec.decode_text(kind, str(value)) if isinstance(value, str | int) else value
        return render_text(kind, value)

    def _union(self, kind: SimpleType, value: Any) -> Any:
        if self._back:
            return self._codec.decode_text(kind, value) if isinstance(value, str) else value
        return value if isinstance(value, str | bool | int) else render_text(kind, value)
