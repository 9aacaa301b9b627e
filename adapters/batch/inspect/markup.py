"""XML and JSON: which element or object is the record, and what it holds."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from adapters.batch.inspect.columns import json_columns, xml_columns
from adapters.batch.inspect.guess import Guess

_VALUES = 2000


@dataclass(frozen=True, slots=True)
class Markup:
    """How an XML or JSON file is built.

    Attributes:
        format: `xml` or `json`.
        lines: one JSON document a line.
        record: path of the record: `/a/b` in XML, a dotted path in JSON ('' = the document or its items).
        columns: name, path and type of what a record holds.
        records: records seen.
        namespaces: of the XML document.
        encoding: that the XML declaration names, '' where it names none.
        doctype: the document declares a type, which is refused.
        rows: the texts of single records, by name.
        left_out: why something in the records is no field.
    """

    format: str
    lines: bool = False
    record: str = ""
    columns: tuple[Mapping[str, Any], ...] = ()
    records: int = 0
    namespaces: Mapping[str, str] = field(default_factory=dict)
    encoding: str = ""
    doctype: bool = False
    rows: tuple[Mapping[str, str], ...] = ()
    left_out: tuple[str, ...] = ()


def xml(head: bytes, text: str) -> tuple[list[Guess], Markup] | None:
    """Guess `record` of an XML file; None where it is none."""
    if not re.match(r"\ufeff?\s*<[?!A-Za-z_]", text):
        return None
    declared = re.match(r"\ufeff?\s*<\?xml[^>]*encoding=[\"']([\w.-]+)[\"']", text)
    doctype = "<!DOCTYPE" in text[:10_000]
    reader = etree.XMLPullParser(
        events=("start", "end", "start-ns"), resolve_entities=False, no_network=True, load_dtd=False,
        huge_tree=False, recover=True,
    )  # fmt: skip
    paths: Counter[str] = Counter()
    namespaces: dict[str, str] = {}
    leaves: dict[str, list[str]] = {}
    rows: dict[str, list[dict[str, str]]] = {}
    repeated: set[str] = set()
    stack: list[str] = []
    fault = ""
    try:
        # The text without its declaration: it is decoded already, and what it declares is checked elsewhere.
        reader.feed(re.sub(r"^\ufeff?\s*<\?xml.*?\?>", "", text, flags=re.DOTALL))
        for event, node in reader.read_events():
            if event == "start-ns":
                namespaces.setdefault(node[0] or "", node[1])
            elif event == "start":
                stack.append(_local(node.tag))
                here = "/" + "/".join(stack)
                paths[here] += 1
                for name, value in node.attrib.items():
                    leaves.setdefault(f"{here}/@{_local(name)}", []).append(str(value))
            else:
                path = "/" + "/".join(stack)
                inside = Counter(_local(child.tag) for child in node if isinstance(child.tag, str))
                repeated |= {f"{path}/{name}" for name, n in inside.items() if n > 1}
                if len(node) == 0 and len(leaves.setdefault(path, [])) < _VALUES:
                    leaves[path].append((node.text or "").strip())
                elif len(node) and len(rows.setdefault(path, [])) < _VALUES:
                    rows[path].append(
                        {_local(c.tag): (c.text or "").strip() for c in node if isinstance(c.tag, str)}
                        | {_local(k): str(v) for k, v in node.attrib.items()}
                    )
                stack.pop()
    except etree.XMLSyntaxError as error:
        fault = f"the XML breaks off or is wrong: {type(error).__name__}"
    if not paths:
        return None
    groups = {
        p: n for p, n in paths.items() if any(o.startswith(f"{p}/") for o in paths) and p.count("/") > 1
    }
    # The record is the element that comes most often near the top; its own children come more often still.
    record = max(groups, key=lambda p: (groups[p] > 1, -p.count("/"), groups[p]), default="")
    why = (
        [f"{paths[record]:,} elements {record} in the sample"]
        if record
        else ["no element comes more than once"]
    )
    if fault:
        why.append(fault)
    sure = 0.9 if record and groups[record] > 1 else 0.4
    others = [
        Guess("record", p, 0.2, [f"{n:,} elements"])
        for p, n in sorted(groups.items(), key=lambda g: -g[1])[:3]
        if p != record
    ]
    # An element that is empty here and holds others there is no field, but its parts are.
    texts = {p: cells for p, cells in leaves.items() if not any(o.startswith(f"{p}/") for o in paths)}
    columns = xml_columns(record, texts, repeated)
    made = Markup(
        "xml", False, record, tuple(columns.found), paths[record], namespaces,
        declared[1] if declared else "", doctype, tuple(rows.get(record, ())), tuple(columns.left_out),
    )  # fmt: skip
    return [
        Guess("format", "xml", 0.98, ["the file starts with a tag"]),
        Guess("record", record or None, sure, why, others),
    ], made


def _local(name: object) -> str:
    """Return a name without its namespace, also a broken one such as `a:`."""
    return str(name).rpartition("}")[2]


def json_like(text: str) -> tuple[list[Guess], Markup] | None:
    """Guess whether a text is JSON lines or a JSON document, and where its records are."""
    start = text.lstrip("\ufeff \t\r\n")
    if start[:1] not in ("{", "["):
        return None
    lines = [line for line in start.split("\n") if line.strip()]
    parsed: list[Any] = []
    bad = 0
    for line in lines[:_VALUES] if len(lines) > 1 or text.endswith("\n") else lines[:1]:
        try:
            parsed.append(json.loads(line))
        except (ValueError, RecursionError):
            bad += 1
    objects = [p for p in parsed if isinstance(p, dict)]
    # The sample may cut the last line.
    if len(objects) >= 2 and bad <= max(1, len(objects) // 10):
        return _json_guesses(objects, "", lines=True, why=f"{len(objects):,} lines are JSON objects each")
    try:
        document = json.loads(start)
    except (ValueError, RecursionError):
        document = _cut(start)
    if isinstance(document, list):
        objects = [p for p in document if isinstance(p, dict)]
        return _json_guesses(objects, "", lines=False, why=f"an array of {len(objects):,} objects")
    if isinstance(document, dict):
        path, objects = _longest_list(document, "")
        if objects:
            return _json_guesses(
                objects, path, lines=False, why=f"{path} is an array of {len(objects):,} objects"
            )
        return _json_guesses([document], "", lines=len(lines) == 1, why="one object")
    return None


def _cut(text: str) -> Any:
    """Return a JSON array whose end the sample does not hold, up to its last whole object; else None."""
    opening = text.find("[")
    if opening < 0:
        return None
    decoder, at, found = json.JSONDecoder(), opening + 1, []
    while True:
        while at < len(text) and text[at] in " \t\r\n,":
            at += 1
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        found.append(value)
    if not found:
        return None
    name = re.search(r'"([^"\\]+)"\s*:\s*$', text[:opening])
    return {name[1]: found} if name else found


def _json_guesses(
    objects: list[dict[str, Any]], path: str, *, lines: bool, why: str
) -> tuple[list[Guess], Markup]:
    columns = json_columns(objects[:_VALUES])
    rows = tuple({n: "" if v is None else str(v) for n, v in one.items()} for one in objects[:_VALUES])
    made = Markup(
        "json", lines, path, tuple(columns.found), len(objects), rows=rows, left_out=tuple(columns.left_out)
    )
    kind = "json lines" if lines else "json"
    return [
        Guess("format", "json", 0.97, [f"{kind}: {why}"]),
        Guess("json_lines", lines, 0.95, [why]),
        Guess("record", path, 0.9 if objects else 0.3, [why]),
    ], made


def _longest_list(value: dict[str, Any], path: str) -> tuple[str, list[dict[str, Any]]]:
    best: tuple[str, list[dict[str, Any]]] = (path, [])
    for name, inner in value.items():
        here = f"{path}.{name}" if path else name
        found = (
            (here, [v for v in inner if isinstance(v, dict)])
            if isinstance(inner, list)
            else (_longest_list(inner, here) if isinstance(inner, dict) else (here, []))
        )
        if len(found[1]) > len(best[1]):
            best = found
    return best
