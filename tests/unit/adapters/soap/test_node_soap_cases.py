"""node-soap's published cases: request JSON → XML, response XML → JSON (docs/soap-node-soap-cases.md).

node-soap reads no schema when it decodes and writes what it is given, so many of its samples are not valid by
their own WSDL. Banyan refuses what a schema does not allow; each such case is in the table with what it
refuses. `BANYAN_UPDATE_GOLDEN=1` writes the table again.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from adapters.soap import fidelity
from adapters.soap.contract import Contract
from adapters.soap.envelope import body_elements
from adapters.soap.plans import CONTENT, TEXT, TYPE_KEY, attribute_keys
from adapters.soap.xsd_types import ComplexType, Element, SimpleType, local_name
from schemas.errors import BanyanError

CORPORA = os.environ.get("BANYAN_CORPORA", "")
pytestmark = pytest.mark.skipif(
    not CORPORA, reason="BANYAN_CORPORA is not set: the corpora are not in this repo"
)
FOLDER = Path(CORPORA) / "wsdl/node-soap"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
TABLE = Path(__file__).parents[4] / "docs/soap-node-soap-cases.md"
HEAD = """# node-soap's published cases

`tests/unit/adapters/soap/test_node_soap_cases.py` turns each `request.json` into an envelope and compares
its body with `request.xml` (C14N, prefixes aside), decodes each `response.xml` and compares the values with
`response.json` (texts trimmed, a list of one as its item, both as node-soap does). node-soap knows no
schema while it decodes; Banyan refuses what the WSDL of the case does not allow: `refused` says what, by
its path. The test writes this table (`BANYAN_UPDATE_GOLDEN=1`) and compares it.

| case | request | response |
|---|---|---|
"""
#: What a person found out about a case that is not equal, instead of the error's own words.
_WRAPPER = "the wrapper has the namespace of soap:body; node-soap takes the WSDL's target namespace"
REASONS = {
    ("GET_DATA__should_work_with_more_deeply_nested_XML_messages_and_without_security", "request"): (
        "the sample is not well-formed: `xmlns:ns0:` before a name"
    ),
    ("Login__unsupported_response_name_returned_and_local_xs_schema_missed", "request"): _WRAPPER,
    ("getAttachments__should_handle_MTOM_response", "request"): _WRAPPER,
    ("RetrieveFareQuoteDateRange__should_handle_child_namespaces", "response"): (
        "an element of anyType: XML for us, guessed objects with nulls for node-soap"
    ),
    ("UpdateProfile__correct_namespaces_for_elements_with_base_ignorednamespaces", "request"): (
        "node-soap's option `ignoreBaseNameSpaces` leaves namespaces out that the schema asks for"
    ),
}


def cases() -> Iterator[Path]:
    if CORPORA:
        yield from sorted(p for p in FOLDER.iterdir() if p.is_dir())


def test_table():
    """Each case has the outcome that the table tells."""
    rows = [
        f"| {folder.name.replace('__', ': ').replace('_', ' ')} | {' | '.join(outcome(folder))} |"
        for folder in cases()
    ]
    text = HEAD + "\n".join(rows) + "\n"
    if os.environ.get("BANYAN_UPDATE_GOLDEN"):
        TABLE.write_text(text, encoding="utf-8")
    assert text == TABLE.read_text(encoding="utf-8")


def outcome(folder: Path) -> tuple[str, str]:
    """What becomes of the request and of the response."""
    name = folder.name.partition("__")[0]
    try:
        contract = Contract.from_wsdl(folder / "soap.wsdl", folder=folder, zone="UTC")
        contract.operation(name)
    except BanyanError as error:
        reason = _short(REASONS.get((folder.name, "wsdl")) or error.what)
        return (f"WSDL: {reason}",) * 2
    sides = []
    for side, run in (("request", _request), ("response", _response)):
        try:
            sides.append(run(contract, name, folder))
        except BanyanError as error:
            sides.append(REASONS.get((folder.name, side)) or f"refused: {_short(error.what)}")
        except AssertionError as error:
            said = str(error).partition("\n")[0]
            sides.append(REASONS.get((folder.name, side)) or f"differs: {_short(said)}")
    return sides[0], sides[1]


def _request(contract: Contract, name: str, folder: Path) -> str:
    given, wire = folder / "request.json", folder / "request.xml"
    if not wire.exists():
        return "no XML given"
    element = contract.operations[name].request
    expected = _body(wire.read_bytes())
    assert element is not None, "the WSDL gives no element"
    value = FromNode(contract).element(element, json.loads(given.read_bytes()))
    made = _body(contract.encode_request(name, value))
    if contract.operations[name].use == "encoded":
        for node in (*made.iter("*"), *expected.iter("*")):  # node-soap writes no types
            node.attrib.pop(XSI_TYPE, None)
    left, right = _canonical(made), _canonical(expected)
    if left == right:
        return "equal"
    assert _equal_in_value(contract, element, made, expected), f"made {left} for {right}"
    return "equal in value"


def _equal_in_value(contract: Contract, element: Element, made: Any, expected: Any) -> bool:
    """Whether two messages differ in the form of a number or moment alone, or in a needless type."""
    try:
        return fidelity.same(contract.codec, element, expected, made)
    except BanyanError:
        return False


def _response(contract: Contract, name: str, folder: Path) -> str:
    wire, expected = folder / "response.xml", folder / "response.json"
    if not wire.exists() or not expected.exists():
        return "none given"
    raw = wire.read_bytes()
    if raw.lstrip().startswith(b"--"):  # the root part of a multipart message
        raw = raw[raw.index(b"<") : raw.rindex(b"Envelope>") + 9]
    value = contract.decode_response(name, raw)
    left, right = plain(value), plain(json.loads(expected.read_bytes()))
    assert same(left, right), f"{left} for {right}"
    return "equal"


class FromNode:
    """node-soap's JSON as values: its strings by the schema's types, one item for a list of one."""

    def __init__(self, contract: Contract) -> None:
        self._codec = contract.codec

    def element(self, element: Element, given: Any) -> Any:
        kind: Any = self._codec.plans.declared(element.type)
        said = None
        if isinstance(given, Mapping) and (xsi := given.get("attributes", {}).get("xsi_type")):
            said = f"{{{xsi['xmlns']}}}{xsi['type']}"
            kind = self._codec.plans.named(said)
        value = self._value(kind, given)
        if said is None:
            return value
        return {TYPE_KEY: said, **(value if isinstance(value, dict) else {"#items": value})}

    def _value(self, kind: Any, given: Any) -> Any:
        if isinstance(kind, SimpleType):
            return None if given is None else self._codec.decode_text(kind, _text(given))
        if kind.array is not None:
            items = given["item"] if isinstance(given, Mapping) else given
            element = Element("item", kind.array.item)
            return [self.element(element, item) for item in items]
        return self._complex(kind, given)

    def _complex(self, kind: ComplexType, given: Any) -> dict[str, Any]:
        plan = self._codec.plans.plan(kind)
        if plan.anything:
            return {"#xml": _text(given)}
        if not isinstance(given, Mapping):
            given = {"$value": given}
        value: dict[str, Any] = {}
        attributes = {local_name(a.name): (key, a) for key, a in attribute_keys(kind)}
        for name, text in (given.get("attributes") or given.get("$attributes") or {}).items():
            if name != "xsi_type":
                key, attribute = attributes.get(name, (f"@{name}", None))
                value[key] = self._codec.decode_text(attribute.type, _text(text)) if attribute else text
        if kind.text is not None:
            value[TEXT] = self._codec.decode_text(kind.text, _text(given["$value"]))
            return value
        parts: list[Any] = []
        for name, inner in given.items():
            if name in ("attributes", "$attributes"):
                continue
            local = name.rpartition(":")[2]
            child = plan.keys.get(local)
            if child is None:
                value[name] = inner  # for the codec to refuse
                continue
            items = inner if isinstance(inner, list) else [inner]
            made = [self.element(child.element, item) for item in items]
            parts += [{child.key: item} for item in made]
            value[child.key] = made if child.repeats else made[0]
        if plan.free:
            return {k: v for k, v in value.items() if k.startswith("@")} | {CONTENT: parts}
        return value


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return _text(value.get("$value", ""))
    if isinstance(value, str) and (cdata := re.fullmatch(r"<!\[CDATA\[(.*)\]\]>", value, re.DOTALL)):
        return cdata[1]
    return {True: "true", False: "false"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def _body(raw: bytes) -> Any:
    parser = etree.XMLParser(remove_comments=True, remove_blank_text=True, resolve_entities=False)
    try:
        (body,) = body_elements(etree.fromstring(raw, parser), "")
    except etree.XMLSyntaxError as error:
        raise AssertionError(f"the expected XML is not well-formed: {error.msg}") from None
    for node in body.iter("*"):
        if len(node) == 0 and node.text is not None and not node.text.strip():
            node.text = None
    return body


def _canonical(node: Any) -> str:
    for attribute in node.keys():  # noqa: SIM118
        if attribute.endswith("}encodingStyle"):
            del node.attrib[attribute]
    return etree.canonicalize(
        xml_data=etree.tostring(node).decode(), rewrite_prefixes=True, qname_aware_attrs=[XSI_TYPE]
    )


def plain(value: Any) -> Any:
    """A value in the one form in which both sides are compared."""
    if isinstance(value, Mapping):
        out: dict[str, Any] = {}
        for key, inner in value.items():
            if key == CONTENT:
                for part in inner:
                    for name, given in part.items() if isinstance(part, Mapping) else ():
                        out.setdefault(name, []).append(plain(given))
            elif key in ("attributes", "$attributes"):
                names = {k.rpartition(":")[2]: plain(v) for k, v in inner.items()}
                out |= {f"@{k}": v for k, v in names.items() if k not in ("type", "nil", "arrayType")}
            elif key == "#xml":
                whole = etree.fromstring(f"<x>{inner}</x>")
                if len(whole):
                    for child in whole:
                        out.setdefault(local_name(child.tag), []).append(plain(_generic(child)))
                elif (whole.text or "").strip():
                    out["#text"] = whole.text.strip()
            elif key not in (TYPE_KEY,):
                out["#text" if key in ("$value", "theValue") else local_name(key) if "{" in key else key] = (
                    plain(inner)
                )
        out = {
            k: (v[0] if isinstance(v, list) and len(v) == 1 else v)
            for k, v in out.items()
            if v not in ([], None, {})
        }
        if list(out) in (["#text"], ["item"]):  # an array's item as node-soap has it
            return next(iter(out.values()))
        return out or None
    if isinstance(value, list | tuple):
        items = [plain(item) for item in value]
        return items[0] if len(items) == 1 else items
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value.strip()
    return value


def _generic(node: Any) -> dict[str, Any]:
    found: dict[str, Any] = {f"@{local_name(k)}": v for k, v in node.attrib.items()}
    for child in node:
        found.setdefault(local_name(child.tag), []).append(_generic(child))
    return found if len(node) else found | {"#text": node.text or None}


def same(left: Any, right: Any) -> bool:
    """Whether two plain values say the same: `1.10` and 1.1 do, and so do two moments in two zones."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict | list) or isinstance(right, dict | list):
        return False
    if str(left) == str(right).removesuffix("T00:00:00.000Z"):
        return True
    for read in (Decimal, datetime.fromisoformat):
        try:
            return bool(read(str(left)) == read(str(right)))
        except (ArithmeticError, ValueError, TypeError):
            continue
    return False


def _short(text: str) -> str:
    line = " ".join(text.split()).replace("|", "\\|").replace(str(FOLDER), "")
    return line if len(line) <= 300 else f"{line[:297]}…"
