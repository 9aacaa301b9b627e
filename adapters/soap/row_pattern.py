"""The expression for one element of a list, written along its content model, and what its captures are."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from adapters.soap.avro_record import NIL_SUFFIX, Member, Record
from adapters.soap.codec import XmlCodec
from adapters.soap.column_text import Column, Unfit, column
from adapters.soap.content import content_of
from adapters.soap.plans import TEXT, attribute_keys, element_keys
from adapters.soap.raw_xml import XSI
from adapters.soap.xsd_types import Attribute, ComplexType, Element, Group, Particle, SimpleType, namespace
from schemas.entity import arrow_type

BLANK = rb"[ \t\r\n]*+"


@dataclass(frozen=True, slots=True)
class Slot:
    """One capture that is a column.

    Attributes:
        tail: bytes after the text in the capture; None = the capture is the text and nothing else. A capture
            with more tells its form by its first byte: text, an empty tag, nil, or nothing where it is
            absent.
    """

    member: Member
    column: Column
    tail: int | None = None

    def columns(self, captures: Iterator[tuple[bytes, ...]], count: int) -> dict[str, pa.Array]:
        """Return the column, and the one that marks nil, from the next capture of n rows. Raises Unfit."""
        given = pa.array(next(captures), pa.binary())
        name = self.member.name
        if self.tail is None:
            return {name: self.column.convert(given)}
        values, nil = _by_form(given, self.tail)
        found = {name: self.column.convert(values)}
        return found | {name + NIL_SUFFIX: nil} if self.member.marks_nil else found


@dataclass(frozen=True, slots=True)
class Block:
    """An element with parts of its own: a struct. An optional one has a capture that tells if it is there."""

    member: Member
    parts: tuple[Slot | Block, ...]
    optional: bool

    def columns(self, captures: Iterator[tuple[bytes, ...]], count: int) -> dict[str, pa.Array]:
        """Return the struct from the next captures of n rows. Raises Unfit."""
        absent = None
        if self.optional:
            absent = pc.equal(pc.binary_length(pa.array(next(captures), pa.binary())), 0)
        fields = list(arrow_type(self.member.type))
        arrays = arrays_of(self.parts, fields, captures, count)
        return {self.member.name: pa.StructArray.from_arrays(arrays, fields=fields, mask=absent)}


def arrays_of(
    parts: tuple[Slot | Block, ...],
    fields: list[pa.Field],
    captures: Iterator[tuple[bytes, ...]],
    count: int,
) -> list[pa.Array]:
    """Return n rows of captures as the arrays of these fields; null what has no capture. Raises Unfit."""
    found: dict[str, pa.Array] = {}
    for part in parts:
        found |= part.columns(captures, count)
    return [found[f.name] if f.name in found else pa.nulls(count, f.type) for f in fields]


class Writer:
    """Writes the expression for elements like one that the parser has read.

    Args:
        codec: of the contract.
        node: that element; its prefixes are those that the expression expects.
    """

    def __init__(self, codec: XmlCodec, node: Any) -> None:
        self._codec, self._node, self._nsmap = codec, node, node.nsmap
        self._nil = next((p for p, uri in self._nsmap.items() if p and uri == XSI), None)

    def item(self, kind: ComplexType, record: Record, raw: bytes) -> tuple[bytes, tuple[Slot | Block, ...]]:
        """Return the expression for the whole element, whose bytes are `raw`, and its captures.

        Raises:
            Unfit: elements of this type have no plain form.
        """
        parts: list[Slot | Block] = []
        members = self._members(kind, record)
        if kind.text is not None:
            raise Unfit
        start = self._item_start(kind, members, raw, parts)
        body = self._particle(content_of(kind), members, self._node, parts, maybe=False)
        self._check_whole(kind, parts)
        name = tag(self._node.prefix, self._node.tag)
        return start + body + BLANK + rb"</" + name + rb"[ \t\r\n]*>", tuple(parts)

    def _members(self, kind: ComplexType, record: Record) -> dict[str, Member]:
        if kind.free or kind.mixed or kind.any_attribute is not None or kind.array is not None:
            raise Unfit
        return {member.key: member for member in record.members}

    def _check_whole(self, kind: ComplexType, parts: list[Slot | Block]) -> None:
        """What a derived type would add is null: an element that says it is one has another start tag."""
        own = {key for key, _ in attribute_keys(kind)} | {key for key, _ in element_keys(kind)}
        if kind.text is not None:
            own.add(TEXT)
        if own != {part.member.key for part in parts} or len(own) < len(parts):
            raise Unfit

    # --- start tags -------------------------------------------------------------------------------

    def _item_start(
        self, kind: ComplexType, members: Mapping[str, Member], raw: bytes, parts: list[Slot | Block]
    ) -> bytes:
        """Return the expression for the item's start tag, namespace declarations as they stand in `raw`."""
        literal = raw[: raw.index(b">")]
        if literal.endswith(b"/"):
            raise Unfit
        if not kind.attributes:
            if self._node.keys():
                raise Unfit  # an xsi:type, say
            return re.escape(literal) + rb"[ \t\r\n]*>"
        if b"xmlns" in literal:
            raise Unfit
        return self._start(kind, members, self._node, self._node.prefix, parts, maybe=False) + rb">"

    def _start(
        self,
        kind: ComplexType,
        members: Mapping[str, Member],
        node: Any,
        prefix: str | None,
        parts: list[Slot | Block],
        *,
        maybe: bool,
        name: str = "",
    ) -> bytes:
        """Return a start tag up to its `>`, attributes in the order of `node`."""
        known = {a.name: a for a in kind.attributes}
        if any(namespace(a.name) or a.fixed is not None for a in kind.attributes):
            raise Unfit
        written = [] if node is None else list(node.keys())
        if any(attribute not in known for attribute in written):
            raise Unfit
        order = [known[n] for n in written] + [a for a in kind.attributes if a.name not in written]
        opened = rb"<" + tag(prefix, name or node.tag)
        return opened + b"".join(self._attribute(a, members, parts, maybe=maybe) for a in order) + BLANK

    def _attribute(
        self, attribute: Attribute, members: Mapping[str, Member], parts: list[Slot | Block], *, maybe: bool
    ) -> bytes:
        member = members[f"@{attribute.name}"]
        kind = column(self._codec, attribute.type, member, quoted=True)
        name = rb"[ \t\r\n]+" + re.escape(attribute.name.encode())
        if attribute.required and not maybe:
            parts.append(Slot(member, kind))
            return name + rb'="(' + kind.pattern + rb')"'
        parts.append(Slot(member, kind, 1))
        quoted = name + rb'=("' + kind.pattern + rb'")'
        return quoted if attribute.required else rb"(?:" + quoted + rb")?"

    # --- content ----------------------------------------------------------------------------------

    def _particle(
        self,
        particle: Particle,
        members: Mapping[str, Member],
        node: Any,
        parts: list[Slot | Block],
        *,
        maybe: bool,
    ) -> bytes:
        if isinstance(particle, Element):
            return self._element(particle, members, node, parts, maybe=maybe)
        if not isinstance(particle, Group) or particle.kind == "all" or particle.max_occurs != 1:
            raise Unfit
        inner = [self._particle(p, members, node, parts, maybe=maybe) for p in particle.particles]
        body = b"".join(inner) if particle.kind == "sequence" else rb"(?:" + b"|".join(inner) + rb")"
        return body if particle.min_occurs else rb"(?:" + body + rb")?"

    def _element(
        self,
        element: Element,
        members: Mapping[str, Member],
        node: Any,
        parts: list[Slot | Block],
        *,
        maybe: bool,
    ) -> bytes:
        if element.max_occurs != 1 or element.default is not None or element.fixed is not None:
            raise Unfit
        member = members.get(element.local)
        if member is None or member.element is None or member.element.name != element.name:
            raise Unfit
        first = None if node is None else node.find(element.name)
        prefix = self._prefix(element.name, first)
        if not isinstance(element.type, SimpleType):
            return self._block(element, member, first, prefix, parts, maybe=maybe)
        kind = column(self._codec, element.type, member)
        opened, close = BLANK + rb"<" + tag(prefix, element.name), rb"</" + tag(prefix, element.name)
        if not (member.element.optional or element.nillable or maybe):
            parts.append(Slot(member, kind))
            full = rb">(" + kind.pattern + rb")" + close + BLANK
            return opened + (rb"(?:" + full + rb"|[ ]?/)>" if kind.takes_empty else full + rb">")
        parts.append(Slot(member, kind, len(close)))
        forms = [rb">" + kind.pattern + close]
        if kind.takes_empty:
            forms.append(rb"/")
        if element.nillable and self._nil:
            nil = rb"[ ]" + re.escape(self._nil.encode()) + rb':nil="(?:true|1)"'
            forms.append(nil + rb"(?:[ ]?/|>" + close + rb")")
        body = opened + rb"(" + rb"|".join(forms) + rb")" + BLANK + rb">"
        return rb"(?:" + body + rb")?" if element.optional else body

    def _block(
        self,
        element: Element,
        member: Member,
        node: Any,
        prefix: str | None,
        parts: list[Slot | Block],
        *,
        maybe: bool,
    ) -> bytes:
        """Return the expression for an element with attributes, text or children of its own."""
        kind = self._codec.plans.declared(element.type)
        record = member.leaf.record
        if not isinstance(kind, ComplexType) or not isinstance(record, Record) or kind.abstract:
            raise Unfit
        assert member.element is not None
        optional = maybe or member.element.optional
        inner: list[Slot | Block] = []
        members = self._members(kind, record)
        start = self._start(kind, members, node, prefix, inner, maybe=optional, name=element.name)
        close = rb"</" + tag(prefix, element.name)
        if kind.text is not None:
            text = column(self._codec, kind.text, members[TEXT])
            inner.append(Slot(members[TEXT], text, len(close) if optional else None))
            body = (
                rb"(>" + text.pattern + close + rb")" if optional else rb">(" + text.pattern + rb")" + close
            )
        else:
            content = self._particle(content_of(kind), members, node, inner, maybe=optional)
            body = rb">" + content + BLANK + close
        self._check_whole(kind, inner)
        parts.append(Block(member, tuple(inner), optional))
        if optional:
            start = rb"(<)" + start[1:]
        whole = BLANK + start + body + BLANK + rb">"
        return rb"(?:" + whole + rb")?" if element.optional else whole

    def _prefix(self, name: str, first: Any) -> str | None:
        """Return the prefix that a child has in the first element, else one that its namespace has there.

        One that the child declares for itself says nothing about the next: it must hold for the element.
        """
        uri = namespace(name)
        if first is not None:
            if self._nsmap.get(first.prefix, "") != uri:
                raise Unfit
            return str(first.prefix) if first.prefix else None
        if not uri and not self._nsmap.get(None):
            return None
        for prefix, known in self._nsmap.items():
            if known == uri:
                return str(prefix) if prefix else None
        raise Unfit


def tag(prefix: str | None, name: str) -> bytes:
    """Return the tag of a Clark name as a part of an expression."""
    local = name.rpartition("}")[2]
    return re.escape((f"{prefix}:{local}" if prefix else local).encode())


def _by_form(given: pa.Array, tail: int) -> tuple[pa.Array, pa.Array]:
    """Return the texts (null where absent or nil), and true where nil."""
    text = pc.or_(pc.starts_with(given, b">"), pc.starts_with(given, b'"'))
    inner = pc.binary_slice(given, 1, -tail)
    if pc.all(text).as_py():
        return inner, pa.nulls(len(given), pa.bool_())
    nil = pc.starts_with(given, b" ")
    nothing = pc.or_(nil, pc.equal(pc.binary_length(given), 0))
    empty = pc.if_else(nothing, pa.scalar(None, pa.binary()), pa.scalar(b"", pa.binary()))
    return pc.if_else(text, inner, empty), pc.if_else(nil, nil, pa.scalar(None, pa.bool_()))
