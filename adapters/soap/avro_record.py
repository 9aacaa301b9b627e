"""Complex types as Avro records, and their values both ways: no record loses what leads back to its XML.

A choice is a nullable field for each branch. A type with derived types is one record: their fields beside its
own, and `xsi_type` for which it was. Content whose order counts is a list of records with one field set.
What the schema leaves open is XML text. All of this has an Arrow form and can evolve, which a union of
records has not.

Absent and nil are both null; which one is meant follows from the schema (optional or nillable). An element
that may be either gets a companion field `<name>__nil`, true where the wire said nil.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from adapters.soap.avro_leaf import TEXTS, AvroStyle, Leaf, as_is, each, facets, simple_leaf
from adapters.soap.codec import XmlCodec
from adapters.soap.errors import BadValue
from adapters.soap.plans import (
    ANY,
    CONTENT,
    NIL_KEY,
    TEXT,
    TYPE_KEY,
    XML,
    attribute_keys,
    element_keys,
)
from adapters.soap.raw_xml import outer_xml, parse_element
from adapters.soap.xsd_types import ArrayType, ComplexType, Element, Schema, SimpleType, local_name
from schemas.entity import AvroType, or_null
from schemas.names import avro_names

NIL_SUFFIX = "__nil"
#: Key of what `xs:anyAttribute` took, all in one field.
_OPEN = "@*"
#: Key, element, Avro type and doc of a member before it has a name.
_Part = tuple[str, Element | None, Leaf, str]
#: Names in Avro of keys that are no XML names.
_NAMES = {_OPEN: "any_attributes", TYPE_KEY: "xsi_type", NIL_KEY: "xsi_nil", ANY: "any", XML: "xml"}


@dataclass(frozen=True, slots=True)
class Member:
    """One child (or attribute, or text) of a record: key in the decoded dict and name in Avro."""

    key: str
    name: str
    element: Element | None
    leaf: Leaf
    doc: str = ""

    @property
    def type(self) -> AvroType:
        """The Avro type, without null."""
        return self.leaf.type

    def to_avro(self, value: Any) -> Any:
        """Return the Avro value of one that is not None."""
        return self.leaf.to_avro(value)

    @property
    def repeats(self) -> bool:
        """Whether the value is a list, which is never absent."""
        return self.element is not None and self.element.repeats

    @property
    def marks_nil(self) -> bool:
        """Whether null alone cannot say if the element was absent or nil."""
        element = self.element
        return element is not None and element.optional and element.nillable and not element.repeats


class Record:
    """The members of one record; those of a recursive type are filled in when it is whole."""

    def __init__(self, derived: Mapping[str, frozenset[str]] | None = None) -> None:
        self.members: tuple[Member, ...] = ()
        self._known: frozenset[str] = frozenset()
        #: Keys by actual type, for a type with derived ones.
        self._derived = derived

    def fill(self, members: tuple[Member, ...]) -> None:
        """Set the members."""
        self.members = members
        self._known = frozenset(m.key for m in members)

    def row(self, value: Mapping[str, Any]) -> dict[str, Any]:
        """Return the Avro record of a decoded element. Raises BadValue."""
        return self._row(self.members, value)

    def part(self, value: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
        """Return some fields alone. Raises BadValue."""
        return self._row(tuple(m for m in self.members if m.name in names), value)

    def value(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the decoded value that a record stands for."""
        keys = self._derived.get(row["xsi_type"] or "") if self._derived else None
        value: dict[str, Any] = {}
        for member in self.members:
            if keys is not None and member.key not in keys:
                continue
            given = row.get(member.name)
            if member.key == _OPEN:
                value |= {entry["name"]: entry["value"] for entry in given or ()}
            elif given is not None:
                if member.key != ANY or given:
                    value[member.key] = member.leaf.from_avro(given)
            elif member.repeats or member.key == CONTENT:
                value[member.key] = []
            elif member.element is not None and (
                row.get(member.name + NIL_SUFFIX)
                if member.marks_nil
                else not member.element.optional and member.element.nillable
            ):
                value[member.key] = None
        return value

    def _row(self, members: tuple[Member, ...], value: Mapping[str, Any]) -> dict[str, Any]:
        row: dict[str, Any] = {}
        for member in members:
            given = value.get(member.key)
            if member.key == _OPEN:
                extra = [k for k in value if k.startswith("@") and k not in self._known]
                given = [{"name": k, "value": value[k]} for k in extra] or None
            if given is None:
                row[member.name] = None
            else:
                try:
                    row[member.name] = member.leaf.to_avro(given)
                except BadValue as error:
                    raise error.below(member.key) from None
            if member.marks_nil:
                row[member.name + NIL_SUFFIX] = True if given is None and member.key in value else None
        return row


class Mapper:
    """Map the types of one schema.

    Args:
        codec: of the contract.
        decimals: "precision,scale" by element name.
        arrow: whether the records must have an Arrow form: then a type in itself is XML text, records are
            named by their path and written out each time. Otherwise a type in itself is a named record,
            records are named by their types, and a decimal without a scale is text.
        style: which enumerations and unions have an Avro type of their own.
        plain: keys of the outermost record that have none: those of the business key.
    """

    def __init__(
        self,
        codec: XmlCodec,
        decimals: Mapping[str, str],
        *,
        arrow: bool,
        style: AvroStyle = TEXTS,
        plain: Sequence[str] = (),
    ) -> None:
        self._style, self._plain_keys = style, frozenset(plain)
        self._codec, self._decimals, self._arrow = codec, dict(decimals), arrow
        self._schema: Schema = codec.schema
        self._named: dict[tuple[int, bool], tuple[str, Record]] = {}
        self._kept: list[ComplexType] = []
        self._names: set[str] = set()

    def record(self, kind: ComplexType, local: str, where: str, *, nillable: bool = False) -> Record:
        """Return the record of a type that is not written as XML text. Raises SettingsError."""
        return self._record(kind, local, where, (), nillable=nillable)

    def element(self, element: Element, where: str, above: tuple[str, ...] = ()) -> tuple[Leaf, str]:
        """Return the Avro type of one occurrence of an element, and its doc."""
        kind = self._codec.plans.declared(element.type)
        if isinstance(kind, SimpleType):
            leaf = self._simple(kind, element.local, element.local, where, above)
            return leaf, ". ".join(filter(None, (element.doc, facets(kind))))
        if kind.array is not None:
            return self._array(kind.array, where, above), element.doc
        if self._as_text(kind, above):
            return self._xml(element), element.doc
        return self._complex(kind, element, where, above), element.doc

    def _simple(self, kind: SimpleType, local: str, key: str, where: str, above: tuple[str, ...]) -> Leaf:
        """Return the leaf of a simple type; an enum is named by its path, as records are."""
        own = len(above) == 1 and key in self._plain_keys
        style = TEXTS if own else self._style
        name = self._name("_".join([*where.split("/")[1:], "enum"]), where) if style.enum(local) else ""
        return simple_leaf(kind, local, self._decimals, where, arrow=self._arrow, style=style, named=name)

    def _as_text(self, kind: ComplexType, above: tuple[str, ...]) -> bool:
        if self._codec.plans.plan(kind).anything:
            return True
        return self._arrow and bool(kind.name) and kind.name in above

    def _complex(self, kind: ComplexType, element: Element, where: str, above: tuple[str, ...]) -> Leaf:
        nillable = element.nillable and bool(kind.attributes or kind.any_attribute)
        if self._arrow:
            record = self._record(kind, element.local, where, above, nillable=nillable)
            # The path makes the name unique in the schema of the topic, as Avro demands of named types.
            name = avro_names(["_".join(where.split("/")[1:])], where=where)[0]
            return Leaf(self._schema_of(name, record), record.row, record.value, record)
        if (known := self._named.get((id(kind), nillable))) is not None:
            return Leaf(known[0], known[1].row, known[1].value)
        name = self._name(local_name(kind.name) or "_".join(where.split("/")[1:]) or element.local, where)
        record = Record(self._derived_keys(kind))
        self._kept.append(kind)
        self._named[id(kind), nillable] = name, record
        record.fill(self._members(kind, element.local, where, above, nillable=nillable))
        return Leaf(self._schema_of(name, record), record.row, record.value)

    def _record(
        self, kind: ComplexType, local: str, where: str, above: tuple[str, ...], *, nillable: bool
    ) -> Record:
        record = Record(self._derived_keys(kind))
        record.fill(self._members(kind, local, where, above, nillable=nillable))
        return record

    def _members(
        self, kind: ComplexType, local: str, where: str, above: tuple[str, ...], *, nillable: bool
    ) -> tuple[Member, ...]:
        above = (*above, kind.name)
        parts = self._own(kind, local, where, above)
        derived = [self._schema.types[n] for n in self._derived_types(kind)]
        if derived:
            keys = {key for key, *_ in parts}
            for other in derived:
                for key, element, leaf, doc in self._own(other, local, where, above):
                    if key not in keys:
                        keys.add(key)
                        optional = None if element is None else replace(element, min_occurs=0)
                        parts.append((key, optional, leaf, doc))
            parts.append((TYPE_KEY, None, Leaf("string", as_is, as_is), "the actual type, null = declared"))
        if nillable:
            parts.append((NIL_KEY, None, Leaf("boolean", as_is, as_is), "true where the wire said nil"))
        return _named(parts, where)

    def _own(self, kind: ComplexType, local: str, where: str, above: tuple[str, ...]) -> list[_Part]:
        plan = self._codec.plans.plan(kind)
        parts: list[_Part] = []

        for key, attribute in attribute_keys(kind):
            leaf = self._simple(attribute.type, local_name(attribute.name), key, f"{where}/{key}", above)
            parts.append((key, None, leaf, facets(attribute.type)))
        if kind.any_attribute is not None:
            pair = {"type": "record", "name": "_".join([*where.split("/")[1:], "any_attribute"]), "fields": [
                {"name": "name", "type": "string"}, {"name": "value", "type": "string"}]}  # fmt: skip
            parts.append((_OPEN, None, Leaf({"type": "array", "items": pair}, as_is, as_is), ""))
        if kind.text is not None:
            leaf = self._simple(kind.text, local, TEXT, f"{where}/text", above)
            parts.append((TEXT, None, leaf, facets(kind.text)))
        elif plan.anything:
            parts.append((XML, None, Leaf("string", as_is, as_is), "XML"))
        elif plan.free:
            parts.append((CONTENT, None, self._content(kind, where, above), "in the order of the document"))
        else:
            for key, element in element_keys(kind):
                leaf, doc = self.element(element, f"{where}/{element.local}", above)
                leaf = each(leaf, nullable=element.nillable) if element.repeats else leaf
                parts.append((key, element, leaf, doc))
            if plan.model.wildcards:
                parts.append((ANY, None, each(Leaf("string", as_is, as_is)), "elements as XML"))
        return parts

    def _content(self, kind: ComplexType, where: str, above: tuple[str, ...]) -> Leaf:
        """A list of records with one field set: an element, text, or XML."""
        parts: list[_Part] = []
        for key, element in element_keys(kind):
            leaf, doc = self.element(element, f"{where}/content/{element.local}", above)
            parts.append((key, replace(element, min_occurs=0, max_occurs=1), leaf, doc))
        if self._codec.plans.plan(kind).model.wildcards:
            parts.append((ANY, None, Leaf("string", as_is, as_is), "an element as XML"))
        if kind.mixed:
            parts.append((TEXT, None, Leaf("string", as_is, as_is), ""))
        record = Record()
        record.fill(_named(parts, where))
        name = self._name("_".join([*where.split("/")[1:], "content"]), where)

        def to_avro(value: Any) -> dict[str, Any]:
            return record.row({TEXT: value} if isinstance(value, str) else value)

        def from_avro(row: Mapping[str, Any]) -> Any:
            value = record.value(row)
            return value.get(TEXT, value)

        return each(Leaf(self._schema_of(name, record), to_avro, from_avro))

    def _array(self, array: ArrayType, where: str, above: tuple[str, ...]) -> Leaf:
        leaf, _ = self.element(Element("item", array.item, nillable=True), f"{where}/item", above)
        for _ in range(array.dimensions):
            leaf = each(leaf, nullable=True)
        return leaf

    def _xml(self, element: Element) -> Leaf:
        codec = self._codec

        def to_avro(value: Any) -> str:
            return outer_xml(codec.encode(element, value, nsmap=codec.nsmap(element)))

        return Leaf("string", to_avro, lambda text: codec.decode(element, parse_element(text)))

    def _derived_types(self, kind: ComplexType) -> list[str]:
        names = self._schema.derived.get(kind.name, frozenset()) if kind.name else ()
        return sorted(n for n in names if n in self._schema.types and not self._schema.types[n].abstract)

    def _derived_keys(self, kind: ComplexType) -> dict[str, frozenset[str]] | None:
        derived = self._derived_types(kind)
        if not derived:
            return None
        special = {TYPE_KEY, NIL_KEY, _OPEN, ANY, TEXT, XML, CONTENT}
        keys = {"": frozenset([*self._keys(kind), *special])}
        for name in derived:
            keys[name] = frozenset([*self._keys(self._schema.types[name]), *special])
        return keys

    def _keys(self, kind: ComplexType) -> list[str]:
        return [k for k, _ in attribute_keys(kind)] + [k for k, _ in element_keys(kind)]

    def _name(self, wanted: str, where: str) -> str:
        base = name = avro_names([wanted], where=where)[0]
        number = 1
        while name in self._names and not self._arrow:
            number += 1
            name = f"{base}_{number}"
        self._names.add(name)
        return name

    def _schema_of(self, name: str, record: Record) -> AvroType:
        fields: list[dict[str, Any]] = []
        for member in record.members:
            field: dict[str, Any] = {"name": member.name, "type": or_null(member.type), "default": None}
            if member.key != member.name:
                field["legacy.name"] = member.key
            fields.append(field)
            if member.marks_nil:
                nil = {"name": member.name + NIL_SUFFIX, "type": ["null", "boolean"], "default": None}
                fields.append(nil)
        return {"type": "record", "name": name, "fields": fields}


def _named(parts: list[_Part], where: str) -> tuple[Member, ...]:
    """Return members with their Avro names; an attribute gives way to an element of its name."""
    taken = {_plain(key) for key, *_ in parts if not key.startswith("@")}
    names = []
    for key, *_ in parts:
        name = _NAMES.get(key) or _plain(key)
        names.append(f"{name}_attribute" if key.startswith("@") and name in taken else name)
    legal = avro_names(names, where=where)
    return tuple(Member(part[0], name, *part[1:]) for part, name in zip(parts, legal, strict=True))


def _plain(key: str) -> str:
    return (
        local_name(key.lstrip("@#"))
        if "{" not in key
        else key.lstrip("@#").replace("{", "").replace("}", "_")
    )
