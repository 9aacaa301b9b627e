"""What the operations of a contract look like (lists, details, changes, queues…): guessed, with reasons."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from adapters.soap.contract import Contract
from adapters.soap.lexical import BUILTINS
from adapters.soap.wsdl import Operation
from adapters.soap.xsd_types import Element, Schema, SimpleType

Kind = Literal["list", "changes", "queue", "acknowledge", "detail", "search", "receive", "write", "other"]

_ACKNOWLEDGE = re.compile(r"ack|acknowledge|confirm|bevestig|markas|dequeue|verwijderbericht", re.I)
_QUEUE = re.compile(r"poll|fetch|retrieve|receive|next|pull|inbox|queue|message|bericht|notification", re.I)
_CHANGES = re.compile(r"change|delta|modif|updated|since|mutat|wijzig|incremental", re.I)
_SINCE = re.compile(
    r"since|changed|modif|updated|sinds|vanaf|from(date|time)?$|after|lastsync|delta|start(date|time)", re.I
)
_RECEIVE = re.compile(r"notif|kennisgeving|deliver|push|onevent|outbound|callback", re.I)
_WRITE = re.compile(
    r"^(create|update|delete|remove|set|add|submit|save|insert|put|post|open|close|change|cancel|register|upload|do|"
    r"assign|send|store|merge|replace|approve|reject|start|stop|move|rename)(?=[A-Z_]|$)",
    re.I,
)
_PAGE = re.compile(r"^(page|pagina)(_?(number|no|nr|num|index))?$", re.I)
_OFFSET = re.compile(r"^(offset|skip|start(index|row|record|position)?|first(result|row)?)$", re.I)
_SIZE = re.compile(
    r"^((page|batch)?_?(size|length)|limit|count|max_?(results|rows|records|items|count)?|rows|per_?page|take|top|most)$",
    re.I,
)
_TOKEN = re.compile(r"token|cursor|bookmark|continuation|^next", re.I)
_MORE = re.compile(r"^(has)?_?(more|next)(_?(pages|results|rows|data|items))?$", re.I)
_TOTAL = re.compile(r"total|number_?of|aantal|^count$", re.I)


@dataclass(frozen=True, slots=True)
class Guess:
    """What an operation looks like.

    Attributes:
        operation: its name.
        kind: `list` gives all rows, `search` matching ones, `changes` those since a cursor, `queue` waiting
            messages; `detail` gives one record; `receive` is called by the legacy system.
        reasons: why, for people.
        item: path of the repeating element in the response, where there is one.
        page, offset, size: request elements of paging, where there are.
        more, total: paths in the response.
        since: request element that takes a cursor.
    """

    operation: str
    kind: Kind
    reasons: tuple[str, ...]
    item: str = ""
    page: str = ""
    offset: bool = False
    size: str = ""
    more: str = ""
    total: str = ""
    since: str = ""


def guesses(contract: Contract) -> list[Guess]:
    """Return a guess for each operation, in the contract's order."""
    queue = any(_ACKNOWLEDGE.search(name) for name in contract.operations)
    return [_guess(contract.schema, o, queue=queue) for o in contract.operations.values()]


def lists_in(schema: Schema, element: Element | None) -> list[tuple[str, Element]]:
    """Return the repeating complex elements below one: path and element, outermost first."""
    found: list[tuple[str, Element]] = []
    waiting = [((), element)] if element is not None else []
    paths: list[tuple[tuple[str, ...], Element]] = list(waiting)
    while paths:
        path, above = paths.pop(0)
        kind = schema.complex(above)
        for child in kind.elements if kind else ():
            inner = (*path, child.local)
            if schema.complex(child) is None or len(inner) > 4:
                continue
            if child.repeats:
                found.append(("/".join(inner), child))
            else:
                paths.append((inner, child))
    return found


def children(schema: Schema, element: Element | None) -> tuple[Element, ...]:
    """Return the child elements of an element; none of a simple one."""
    kind = schema.complex(element) if element is not None else None
    return kind.elements if kind else ()


def base_of(element: Element) -> str:
    """Return what kind of Python value a simple element has; empty for a complex one."""
    return BUILTINS[element.type.base].kind if isinstance(element.type, SimpleType) else ""


def _guess(schema: Schema, operation: Operation, *, queue: bool) -> Guess:
    name = operation.name
    asked = children(schema, operation.request)
    lists = lists_in(schema, operation.response)
    if _ACKNOWLEDGE.search(name) and not lists:
        return Guess(name, "acknowledge", ("its name says that it acknowledges",))
    if _RECEIVE.search(name) and not lists and _records(schema, operation.request):
        return Guess(name, "receive", ("its name and its request are those of a message that is sent to us",))
    if lists:
        return _listing(schema, operation, asked, lists, queue=queue)
    if _WRITE.search(name):
        return Guess(name, "write", ("its name says that it changes something",))
    needed = [e for e in asked if not e.optional and base_of(e)]
    answer = _record_in(schema, operation.response)
    if needed and len(needed) == len([e for e in asked if not e.optional]) <= 3 and answer:
        keys = ", ".join(e.local for e in needed)
        return Guess(name, "detail", (f"it returns one {answer.rpartition('/')[2]} for {keys}",), item=answer)
    return Guess(name, "other", ("nothing repeats in its response, and it returns no record by key",))


def _listing(
    schema: Schema,
    operation: Operation,
    asked: tuple[Element, ...],
    lists: list[tuple[str, Element]],
    *,
    queue: bool,
) -> Guess:
    name = operation.name
    path, item = max(lists, key=lambda found: len(children(schema, found[1])))
    reasons = [f"its response repeats {path} ({len(children(schema, item))} elements)"]
    page = next((e.local for e in asked if _PAGE.match(e.local) and base_of(e) == "integer"), "")
    offset = next((e.local for e in asked if _OFFSET.match(e.local) and base_of(e) == "integer"), "")
    size = next((e.local for e in asked if _SIZE.match(e.local) and base_of(e) == "integer"), "")
    token = next((e.local for e in asked if _TOKEN.search(e.local) and base_of(e) == "string"), "")
    since = next((e.local for e in asked if _SINCE.search(e.local) and base_of(e)), "")
    beside = [(p, e) for p, e in _simple_in(schema, operation.response)]
    more = next((p for p, e in beside if _MORE.match(e.local) and base_of(e) == "boolean"), "")
    total = next((p for p, e in beside if _TOTAL.search(e.local) and base_of(e) == "integer"), "")
    if page or offset:
        reasons.append(f"its request takes {' and '.join(filter(None, (page or offset, size)))}")
    paging = {page, offset, size, since}
    needed = [e.local for e in asked if not e.optional and e.local not in paging]
    kind: Kind = "list"
    if queue and _QUEUE.search(name) and not page and not since:
        kind = "queue"
        reasons.append("its name is that of a queue, and the contract can acknowledge")
    elif since and (_CHANGES.search(name) or not needed):
        kind = "changes"
        reasons.append(f"its request takes {since}")
    elif token and any(_TOKEN.search(e.local) for _, e in beside if base_of(e) == "string"):
        kind, since = "changes", token
        reasons.append(f"its request takes {token}, and its response names the next one")
    elif needed:
        kind = "search"
        reasons.append(f"its request needs {', '.join(needed[:4])}")
    elif _WRITE.search(name):
        kind = "write"
        reasons.append("its name says that it changes something")
    return Guess(
        name, kind, tuple(reasons), path, page or offset, bool(offset and not page), size, more, total, since
    )


def _records(schema: Schema, element: Element | None) -> bool:
    return any(schema.complex(child) is not None for child in children(schema, element))


def _record_in(schema: Schema, response: Element | None) -> str:
    """Return the path of the one complex element with simple children in a response."""
    path: list[str] = []
    here = response
    for _ in range(4):
        inner = [c for c in children(schema, here) if schema.complex(c) is not None]
        if len(inner) != 1 or inner[0].repeats:
            break
        here = inner[0]
        path.append(here.local)
        if sum(bool(base_of(c)) for c in children(schema, here)) >= 2:
            return "/".join(path)
    return ""


def _simple_in(
    schema: Schema, element: Element | None, path: str = "", depth: int = 0
) -> Iterator[tuple[str, Element]]:
    for child in children(schema, element):
        inner = f"{path}/{child.local}".lstrip("/")
        if base_of(child):
            yield inner, child
        elif not child.repeats and depth < 2:
            yield from _simple_in(schema, child, inner, depth + 1)
