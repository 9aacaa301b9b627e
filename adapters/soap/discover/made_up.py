"""Values of an element that are made up from its schema: valid, small, and nothing in them real."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from adapters.soap.contract import Contract
from adapters.soap.discover.pattern import matching
from adapters.soap.lexical import BUILTINS
from adapters.soap.xsd_types import ComplexType, Element, Group, Schema, SimpleType
from schemas.errors import SettingsError

#: Deeper than this optional parts are left out: recursive types would never end.
_DEEP = 5
_ANYTHING = "{http://www.w3.org/2001/XMLSchema}anyType"
_NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
#: Texts of built-in types that take no ordinary text.
_TEXTS = {
    "time": "12:00:00", "duration": "P1D", "gYear": "2026", "gYearMonth": "2026-11", "gMonth": "--11",
    "gDay": "---02", "gMonthDay": "--11-02", "language": "en", "QName": "text", "anyURI": "urn:text",
}  # fmt: skip


def made_up(contract: Contract, element: Element, number: int = 1) -> Any:
    """Return a value of an element, with its optional parts; `number` makes texts and numbers differ.

    Raises:
        SettingsError: the schema asks for what cannot be made up (an unreadable pattern, say).
    """
    return _Maker(contract.schema, number).element(element, 0, ())


class _Maker:
    def __init__(self, schema: Schema, number: int) -> None:
        self._schema, self._number = schema, number

    def element(self, element: Element, depth: int, above: tuple[str, ...]) -> Any:
        """Return the value of one element."""
        kind = self._schema.complex(element)
        if kind is None:
            assert isinstance(element.type, SimpleType)
            return self.simple(element.type, element.fixed, element.local)
        if kind.name == _ANYTHING:
            return {"#xml": ""}
        if kind.array is not None:
            item = Element("item", kind.array.item)
            return [self.element(item, depth + 1, above)] if depth < _DEEP else []
        values: dict[str, Any] = {}
        if kind.abstract:
            kind = self._concrete(kind, element.local)
            values["@xsi:type"] = kind.name
        for attribute in kind.attributes:
            if attribute.required:
                values[f"@{attribute.name}"] = self.simple(attribute.type, attribute.fixed, attribute.name)
        if kind.text is not None:
            text = self.simple(kind.text, None, element.local)
            return values | {"#text": text} if values or kind.attributes else text
        inside = (*above, kind.name) if kind.name else above
        if kind.free:
            found = [{c.local: self.element(c, depth + 1, inside)} for c in self._chosen(kind, depth, inside)]
            return values | {"#content": found}
        for child in self._chosen(kind, depth, inside):
            value = self.element(child, depth + 1, inside)
            values[child.local] = [value] * max(1, child.min_occurs) if child.repeats else value
        return values

    def simple(self, kind: SimpleType, fixed: str | None, name: str) -> Any:
        """Return a value of a simple type."""
        if kind.variety == "list" and kind.item is not None:
            return [self.simple(kind.item, None, name)] * max(1, kind.min_length or 0)
        if kind.variety == "union" and kind.members:
            return self.simple(kind.members[0], fixed, name)
        builtin = BUILTINS[kind.base].kind
        if builtin in ("integer", "decimal"):
            return self._figure(kind, fixed, whole=builtin == "integer")
        if builtin == "boolean":
            return fixed in (None, "true", "1")
        if builtin == "float":
            return 1.5
        if builtin == "date":
            return date(2026, 11, 1 + self._number % 28)
        if builtin == "dateTime":
            return _NOON
        if builtin in ("base64", "hex"):
            return b"b" * max(1, kind.min_length or 0)
        return fixed if fixed is not None else self._text(kind, name)

    def _text(self, kind: SimpleType, name: str) -> str:
        if kind.enumeration:
            return kind.enumeration[0]
        steps = kind.patterns or (((kind.pattern,),) if kind.pattern else ())
        if steps:
            for pattern in steps[-1]:
                if (found := matching(pattern)) is not None:
                    return found
            raise SettingsError(
                f"no text can be made up for {name}", where="its pattern", fix="record a real answer instead"
            )
        text = _TEXTS.get(kind.base, f"{name[:1].lower() or 'x'}{self._number}")
        least, most = kind.min_length or 0, kind.max_length
        text = text.ljust(least, "0")
        return text if most is None else text[-most:] if most else ""

    def _figure(self, kind: SimpleType, fixed: str | None, *, whole: bool) -> Any:
        if fixed is not None or kind.enumeration:
            value = Decimal(fixed if fixed is not None else kind.enumeration[0])
        else:
            low = BUILTINS[kind.base].low if whole else None
            value = max(Decimal(self._number), Decimal(low) if low is not None else Decimal(1))
            if kind.minimum is not None:
                value = max(value, kind.minimum + (1 if kind.exclusive_minimum else 0))
            most = kind.maximum if kind.maximum is not None else BUILTINS[kind.base].high
            if most is not None:
                value = min(value, Decimal(most) - (1 if kind.exclusive_maximum else 0))
            if kind.total_digits is not None:
                value = min(value, Decimal(10) ** (kind.total_digits - (kind.fraction_digits or 0)) - 1)
        return int(value) if whole else value

    def _chosen(self, kind: ComplexType, depth: int, above: tuple[str, ...]) -> Iterator[Element]:
        """Yield the elements of a content model: of a choice the first that can be made."""
        if kind.content is None:
            found: Iterator[Element] = iter(kind.elements)
        else:
            found = self._of_group(kind.content, depth)
        for child in found:
            recursive = isinstance(child.type, str) and child.type in above
            if not (child.optional and (recursive or depth >= _DEEP)):
                yield child

    def _of_group(self, group: Group, depth: int) -> Iterator[Element]:
        for particle in group.particles:
            if isinstance(particle, Element):
                yield particle
            elif isinstance(particle, Group):
                yield from self._of_group(particle, depth)
            else:
                continue  # a wildcard: nothing is made up for it
            if group.kind == "choice":
                return

    def _concrete(self, kind: ComplexType, name: str) -> ComplexType:
        for derived in sorted(self._schema.derived.get(kind.name, ())):
            if derived in self._schema.types and not self._schema.types[derived].abstract:
                return self._schema.types[derived]
        raise SettingsError(
            f"{name} is abstract and nothing derives from it", where=kind.name, fix="leave it out"
        )
