"""The fast half of reading a list: bytes of plain, repeated elements → columns, without a tree.

Services write the elements of a list one like the other. From the schema and the first element that the
parser has read comes a regular expression for such an element (the prefix, the white space, the order of
the columns); as long as what follows has that very form, one pass in C cuts it into columns, and whole
columns are converted by Arrow. Whatever else comes (another form, a character reference in a number, a
value outside its facets) is left to the parser and the per-record codec, which is the reference: this
kernel takes a part of what that takes, and must never give another value.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from adapters.soap.avro_entity import NIL_SUFFIX, EntityShape, Member
from adapters.soap.codec import XmlCodec
from adapters.soap.column_text import Column, Unfit, column
from adapters.soap.content import content_of
from adapters.soap.xsd_types import Attribute, Element, Group, Particle, SimpleType, namespace

_BLANK = rb"[ \t\r\n]*+"
#: A message with one of these is never cut by the kernel: not text in XML, or a noncharacter.
_FORBIDDEN = (b"]]>", b"\xef\xbf\xbe", b"\xef\xbf\xbf")


@dataclass(frozen=True, slots=True)
class _Slot:
    """One capture of the expression.

    Attributes:
        tail: bytes after the text in the capture; None = the capture is the text and nothing else. A capture
            with more tells its form by its first byte: text, an empty tag, nil, or nothing where it is
            absent.
    """

    member: Member
    column: Column
    tail: int | None = None


class RowTemplate:
    """The form of one list's elements. Build with `learn`."""

    def __init__(self, shape: EntityShape, slots: tuple[_Slot, ...], pattern: bytes) -> None:
        self._shape, self._slots = shape, slots
        self._schema = shape.entity.arrow_schema()
        self._find = re.compile(rb"(?:" + _BLANK + pattern + rb")|([\x00-\xff]+)")

    @classmethod
    def learn(
        cls, codec: XmlCodec, element: Element, shape: EntityShape, node: Any, raw: bytes
    ) -> RowTemplate | None:
        """Return the form of elements like `node`, whose bytes are `raw`; None if it has no plain one."""
        kind = codec.schema.complex(element)
        if kind is None or kind.text is not None or kind.free or kind.mixed or kind.any_attribute is not None:
            return None
        prefixes = {child.tag: child.prefix for child in node}
        try:
            writer = _Writer(codec, shape, node, prefixes)
            start = writer.start(kind.attributes, raw)
            body = writer.particle(content_of(kind))
        except Unfit:
            return None
        name = _name(node.prefix, element.local)
        pattern = start + body + _BLANK + rb"</" + name + rb"[ \t\r\n]*>"
        return cls(shape, tuple(writer.slots), pattern)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RowTemplate) and self._find.pattern == other._find.pattern

    def __hash__(self) -> int:
        return hash(self._find.pattern)

    def take(self, data: bytes, at: int) -> tuple[pa.RecordBatch | None, int, bool]:
        """Return the rows of the elements of this form at `at`, where they end, and whether that is all.

        Not all: the element at the end has this form, and a value that the reference has to judge.
        """
        if any(mark in data for mark in _FORBIDDEN):
            return None, at, False
        found = self._find.findall(data, at)
        end = len(data)
        if found and found[-1][-1]:
            end -= len(found.pop()[-1])
        if not found:
            return None, at, True
        try:
            return self._columns(found), end, True
        except Unfit:
            good = self._good(found)
        if not good:
            return None, at, False
        last = deque(islice(self._find.finditer(data, at), good), maxlen=1)[0]
        return self._columns(found[:good]), last.end(), False

    def _good(self, found: list[tuple[bytes, ...]]) -> int:
        """Return how many rows come before the first that is unfit."""
        low, high = 0, len(found)
        while high - low > 1:
            middle = (low + high) // 2
            try:
                self._columns(found[low:middle])
            except Unfit:
                high = middle
            else:
                low = middle
        return low

    def _columns(self, found: list[tuple[bytes, ...]]) -> pa.RecordBatch:
        columns: dict[str, pa.Array] = {}
        for slot, texts in zip(self._slots, zip(*found, strict=True), strict=False):
            name = slot.member.name
            given = pa.array(texts, pa.binary())
            if slot.tail is None:
                columns[name] = slot.column.convert(given)
                continue
            values, nil = _by_form(given, slot.tail)
            columns[name] = slot.column.convert(values)
            if slot.member.marks_nil:
                columns[name + NIL_SUFFIX] = nil
        if any(columns[key].null_count for key in self._shape.entity.key):
            raise Unfit
        arrays = [columns[field.name] for field in self._schema]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)


class _Writer:
    """Write the expression along the content model."""

    def __init__(
        self, codec: XmlCodec, shape: EntityShape, node: Any, prefixes: dict[str, str | None]
    ) -> None:
        self._codec, self._node, self._prefixes = codec, node, prefixes
        self._members = {member.key: member for member in shape.members}
        self._nil = next(
            (p for p, uri in node.nsmap.items() if p and uri == "http://www.w3.org/2001/XMLSchema-instance"),
            None,
        )
        self.slots: list[_Slot] = []

    def start(self, attributes: Sequence[Attribute], raw: bytes) -> bytes:
        """Return the expression for the start tag, namespace declarations as they stand in `raw`."""
        literal = raw[: raw.index(b">")]
        if literal.endswith(b"/"):
            raise Unfit
        if not attributes:
            return re.escape(literal) + rb"[ \t\r\n]*>"
        if any(namespace(a.name) or a.fixed is not None for a in attributes) or b"xmlns" in literal:
            raise Unfit
        written = list(self._node.keys())
        known = {a.name: a for a in attributes}
        if any(name not in known for name in written):
            raise Unfit
        order = [known[name] for name in written] + [a for a in attributes if a.name not in written]
        tag = rb"<" + _name(self._node.prefix, re.split(r"[}]", self._node.tag)[-1])
        return tag + b"".join(map(self._attribute, order)) + rb"[ \t\r\n]*>"

    def _attribute(self, attribute: Attribute) -> bytes:
        member = self._members[f"@{attribute.name}"]
        kind = column(self._codec, attribute.type, member, quoted=True)
        name = rb"[ \t\r\n]+" + re.escape(attribute.name.encode())
        if attribute.required:
            self.slots.append(_Slot(member, kind))
            return name + rb'="(' + kind.pattern + rb')"'
        self.slots.append(_Slot(member, kind, 1))
        return rb"(?:" + name + rb'=("' + kind.pattern + rb'"))?'

    def particle(self, particle: Particle) -> bytes:
        """Return the expression for a part of the content model."""
        if isinstance(particle, Element):
            return self._element(particle)
        if not isinstance(particle, Group) or particle.kind == "all" or particle.max_occurs != 1:
            raise Unfit
        parts = [self.particle(inner) for inner in particle.particles]
        body = b"".join(parts) if particle.kind == "sequence" else rb"(?:" + b"|".join(parts) + rb")"
        return body if particle.min_occurs else rb"(?:" + body + rb")?"

    def _element(self, element: Element) -> bytes:
        plain = isinstance(element.type, SimpleType) and element.default is None and element.fixed is None
        if element.max_occurs != 1 or not plain:
            raise Unfit
        assert isinstance(element.type, SimpleType)
        member = self._members.get(element.local)
        if member is None or member.element is None or member.element.name != element.name:
            raise Unfit
        if any(slot.member is member for slot in self.slots):
            raise Unfit  # in two branches of a choice
        kind = column(self._codec, element.type, member)
        # One that the first element leaves out takes the prefix that its namespace has there.
        if element.name in self._prefixes:
            prefix = self._prefixes[element.name]
        else:
            prefix = self._prefix(element.name)
        tag = _name(prefix, element.local)
        open_, close = _BLANK + rb"<" + tag, rb"</" + tag
        if not (member.element.optional or element.nillable):
            self.slots.append(_Slot(member, kind))
            full = rb">(" + kind.pattern + rb")" + close + _BLANK
            return open_ + (rb"(?:" + full + rb"|[ ]?/)>" if kind.takes_empty else full + rb">")
        self.slots.append(_Slot(member, kind, len(close)))
        forms = [rb">" + kind.pattern + close]
        if kind.takes_empty:
            forms.append(rb"/")
        if element.nillable and self._nil:
            nil = rb"[ ]" + re.escape(self._nil.encode()) + rb':nil="(?:true|1)"'
            forms.append(nil + rb"(?:[ ]?/|>" + close + rb")")
        body = open_ + rb"(" + rb"|".join(forms) + rb")" + _BLANK + rb">"
        return rb"(?:" + body + rb")?" if element.optional else body

    def _prefix(self, name: str) -> str | None:
        uri = namespace(name)
        for prefix, known in self._node.nsmap.items():
            if known == uri:
                return str(prefix) if prefix else None
        if uri or self._node.nsmap.get(None):
            raise Unfit
        return None


def _by_form(given: pa.Array, tail: int) -> tuple[pa.Array, pa.Array]:
    """Return the texts (null where absent or nil), and true where nil."""
    text = pc.or_(pc.starts_with(given, b">"), pc.starts_with(given, b'"'))
    inner = pc.binary_slice(given, 1, -tail)
    if pc.all(text).as_py():
        return inner, pa.nulls(len(given), pa.bool_())
    nil = pc.starts_with(given, b" ")
    nothing = pc.or_(nil, pc.equal(pc.binary_length(given), 0))
    values = pc.if_else(
        text, inner, pc.if_else(nothing, pa.scalar(None, pa.binary()), pa.scalar(b"", pa.binary()))
    )
    return values, pc.if_else(nil, nil, pa.scalar(None, pa.bool_()))


def _name(prefix: str | None, local: str) -> bytes:
    return re.escape((f"{prefix}:{local}" if prefix else local).encode())
