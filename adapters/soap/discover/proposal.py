"""Settings of an adapter proposed from what a contract's operations look like; what is assumed is marked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from adapters.batch.inspect.file_names import part
from adapters.soap.contract import Contract
from adapters.soap.discover.operations import Guess, base_of, children
from adapters.soap.lexical import BUILTINS
from adapters.soap.xsd_types import Element, SimpleType
from schemas.errors import SettingsError

_KEY = re.compile(
    r"(^|_)(id|key|uuid|guid|nummer|number|no|nr|code|reference|ref)$|(Id|ID|Key|Number|Nr|No|Code|Ref)$"
)
_CHANGED = re.compile(r"chang|modif|updat|timestamp|mutat|wijzig|version|sequence", re.I)
_NEXT = re.compile(r"next|token|cursor|continuation|bookmark", re.I)
_STATUS = re.compile(r"action|kind|type|operation|mutat|event|soort", re.I)
#: A decimal without digits gets room for these, until a person says what it really has.
_OPEN_DECIMAL = "28,10"


@dataclass
class Proposal:
    """Settings in the order in which they are written, and the words beside them.

    Attributes:
        settings: of adapter.toml; tables last.
        comments: setting (with its table) → what is written above it.
        advice: what a person should look at.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    comments: dict[str, str] = field(default_factory=dict)
    advice: list[str] = field(default_factory=list)


def propose(contract: Contract, found: list[Guess], operation: str = "") -> Proposal:
    """Return settings for the operation that suits best, or for `operation`.

    Raises:
        SettingsError: no operation gives lists, changes or messages.
    """
    main = _main(contract, found, operation)
    made = Proposal()
    made.comments["operation" if main.kind in ("list", "search") else "change"] = (
        f"{main.operation}: {'; '.join(main.reasons)}"
    )
    item = contract.element(main.operation, main.item) if main.kind != "receive" else None
    if main.kind == "queue":
        item = _queue(contract, found, main, made)
    elif main.kind == "receive":
        item = _receive(contract, main, made)
    elif main.kind == "changes":
        _since(contract, main, made)
    else:
        _list(contract, found, main, made)
        detail = made.settings.get("detail")
        item = contract.element(detail["operation"], detail["item"]) if detail else item
    assert item is not None
    _entity(contract, main, item, made)
    return made


def _main(contract: Contract, found: list[Guess], operation: str) -> Guess:
    if operation:
        contract.operation(operation)
        for guess in found:
            if guess.operation == operation and guess.kind in (
                "list",
                "search",
                "changes",
                "queue",
                "receive",
            ):
                return guess
        raise SettingsError(
            f"{operation} gives no list, changes or messages", where=contract.location, fix="choose another"
        )
    for kind in ("list", "changes", "queue", "receive"):
        fitting = [g for g in found if g.kind == kind]
        if fitting:
            return max(fitting, key=lambda g: _weight(contract, g))
    searches = ", ".join(g.operation for g in found if g.kind == "search")
    raise SettingsError(
        "no operation of this contract looks like a list, changes or messages",
        where=contract.location,
        fix=f"name one by --operation{f', such as {searches}' if searches else ''}, or write the settings",
    )


def _weight(contract: Contract, guess: Guess) -> tuple[bool, int]:
    if guess.kind == "receive":
        return True, 0
    fields = len(children(contract.schema, contract.element(guess.operation, guess.item)))
    return bool(guess.page), fields


def _list(contract: Contract, found: list[Guess], main: Guess, made: Proposal) -> None:
    made.settings |= {"operation": main.operation, "item": main.item}
    request = contract.operation(main.operation).request
    known = {main.page, main.size}
    needed = [e for e in children(contract.schema, request) if not e.optional and e.local not in known]
    if needed:
        made.settings["request"] = {e.local: "CHECK" for e in needed if base_of(e) == "string"}
        made.comments["request"] = "CHECK: the operation needs these"
        made.advice.append(f"{main.operation} needs request values: {', '.join(e.local for e in needed)}")
    if main.total:
        made.settings["total"] = main.total
    if main.page:
        made.settings["paging"] = _paging(main)
        made.comments["paging"] = "CHECK: where counting begins, and how many rows the service gives at most"
    item = contract.element(main.operation, main.item)
    if detail := _detail(contract, found, item):
        made.settings["detail"] = detail
        made.comments["detail"] = "the list holds little more than keys; each record is asked for by key"
    changes = [g.operation for g in found if g.kind == "changes"]
    if changes:
        made.advice.append(
            f'{", ".join(changes)} may tell changes only: see [change] mode = "since" in docs/soap-changes.md'
        )


def _paging(main: Guess) -> dict[str, Any]:
    paging: dict[str, Any] = {"page": main.page}
    if main.size:
        paging["size"] = main.size
    paging["rows"] = 100
    if main.offset:
        paging |= {"offset": True, "first": 0}
    if main.more:
        paging["more"] = main.more
    return paging


def _detail(contract: Contract, found: list[Guess], item: Element) -> dict[str, Any] | None:
    """Return the detail call of a list whose items are little more than keys."""
    fields = {e.local: e for e in children(contract.schema, item) if base_of(e)}
    best: dict[str, Any] | None = None
    for guess in found:
        if guess.kind != "detail":
            continue
        asked = [
            e
            for e in children(contract.schema, contract.operation(guess.operation).request)
            if not e.optional
        ]
        if not all(e.local in fields for e in asked):
            continue
        record = contract.element(guess.operation, guess.item)
        more = len(children(contract.schema, record)) > len(children(contract.schema, item))
        if more and len(fields) <= 4:
            names = {e.local: e.local for e in asked}
            best = {"operation": guess.operation, "item": guess.item, "parameters": names}
    return best


def _since(contract: Contract, main: Guess, made: Proposal) -> None:
    change: dict[str, Any] = {
        "mode": "since", "operation": main.operation, "item": main.item, "since": main.since
    }  # fmt: skip
    item = contract.element(main.operation, main.item)
    cursor = next(
        (e.local for e in children(contract.schema, item) if _CHANGED.search(e.local) and base_of(e)), ""
    )
    answer = children(contract.schema, contract.operation(main.operation).response)
    token = next((e.local for e in answer if _NEXT.search(e.local) and base_of(e) == "string"), "")
    asked = children(contract.schema, contract.operation(main.operation).request)
    text = any(e.local == main.since and base_of(e) == "string" for e in asked)
    if token and (text or not cursor):
        change["next"] = token
    elif cursor:
        change |= {"cursor": cursor, "overlap": 0 if text else 60}
        made.advice.append("overlap: how late a change may become visible")
    else:
        raise SettingsError(
            f"{main.operation} takes a cursor, but its items hold no time or number of the change",
            where=contract.location,
            fix="write adapter.toml by hand; docs/soap-changes.md says how",
        )
    if main.page:
        change["paging"] = _paging(main)
    made.settings["change"] = change
    made.advice.append("deletes: [change.deleted] (a status) or [change.full] (absence) must tell them")


def _queue(contract: Contract, found: list[Guess], main: Guess, made: Proposal) -> Element:
    acknowledge = next(g.operation for g in found if g.kind == "acknowledge")
    taken = children(contract.schema, contract.operation(acknowledge).request)
    message = contract.element(main.operation, main.item)
    inner = [c for c in children(contract.schema, message) if contract.schema.complex(c) and not c.repeats]
    simple = [c for c in children(contract.schema, message) if base_of(c)]
    own = {e.local for e in taken if base_of(e)}
    number = next((c.local for c in simple if c.local in own), None) or _key(tuple(simple))
    change: dict[str, Any] = {
        "mode": "queue", "operation": main.operation, "item": main.item, "message_id": number
    }  # fmt: skip
    asked = [
        e for e in children(contract.schema, contract.operation(main.operation).request) if not e.optional
    ]
    if asked:
        change["request"] = {e.local: 100 if base_of(e) == "integer" else "CHECK" for e in asked}
    if inner:
        change["record"] = inner[0].local
    id_taken = next((e for e in taken if e.local == number), taken[0] if taken else None)
    change["acknowledge"] = {"operation": acknowledge, "id": id_taken.local if id_taken else ""}
    if id_taken is not None and id_taken.repeats:
        change["acknowledge"]["by"] = "batch"
    made.settings["change"] = change
    _action(simple, made, change)
    return inner[0] if inner else message


def _receive(contract: Contract, main: Guess, made: Proposal) -> Element:
    operation = contract.operation(main.operation)
    asked = children(contract.schema, operation.request)
    record = max(
        (e for e in asked if contract.schema.complex(e)), key=lambda e: len(children(contract.schema, e))
    )
    simple = [e for e in asked if base_of(e)]
    if not simple:
        raise SettingsError(
            f"the message of {main.operation} has no id",
            where=contract.location,
            fix="write adapter.toml by hand",
        )
    number = _key(tuple(simple))
    reply: dict[str, Any] = {}
    for element in children(contract.schema, operation.response):
        if base_of(element) == "boolean":
            reply[element.local] = True
        elif base_of(element) == "string" and not element.optional:
            reply[element.local] = "{message_id}"
    change: dict[str, Any] = {
        "mode": "receive", "operation": main.operation, "port": 8620, "path": "/",
        "message_id": number, "record": record.local, "reply": reply,
    }  # fmt: skip
    made.settings["change"] = change
    _action([e for e in simple if e.local != number], made, change)
    made.advice.append("reply: what the sender expects as an acknowledgement")
    return record


def _action(simple: list[Element], made: Proposal, change: dict[str, Any]) -> None:
    found = next((e for e in simple if _STATUS.search(e.local) and e.local != change["message_id"]), None)
    if found is None:
        return
    values = list(found.type.enumeration) if isinstance(found.type, SimpleType) else []
    gone = [v for v in values if re.match(r"del|rem|v$|d$|gone|verw", v, re.I)]
    change["action"] = {
        "element": found.local,
        "upsert": [v for v in values if v not in gone] or ["CHECK"],
        "delete": gone,
    }
    made.advice.append(
        f"action: which values of {found.local} mean created or changed, and which mean deleted"
    )


def _entity(contract: Contract, main: Guess, item: Element, made: Proposal) -> None:
    made.settings["entity"] = part(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", item.local))
    key = _key(tuple(e for e in children(contract.schema, item) if base_of(e)))
    if not key:
        raise SettingsError(
            f"<{item.local}> has no simple element that could be its key",
            where=contract.location,
            fix="choose another operation by --operation",
        )
    made.settings["key"] = [key]
    made.comments["key"] = "CHECK: what identifies a record for good"
    if decimals := dict.fromkeys(sorted(_open_decimals(contract, item)), _OPEN_DECIMAL):
        made.settings["decimals"] = decimals
        made.comments["decimals"] = "CHECK: the schema gives no digits; precision and scale are assumed"


def _key(simple: tuple[Element, ...]) -> str:
    """Return the element that looks most like an identifier: one that must be there, first named so."""
    sure = [e for e in simple if not e.optional and not e.nillable] or list(simple)
    named = [e for e in sure if _KEY.search(e.local)]
    return (named or sure)[0].local if sure else ""


def _open_decimals(contract: Contract, item: Element) -> set[str]:
    found: set[str] = set()
    waiting, seen = [item], set[str]()
    while waiting:
        here = waiting.pop()
        if isinstance(here.type, str):
            if here.type in seen:
                continue
            seen.add(here.type)
        if isinstance(here.type, SimpleType):
            if BUILTINS[here.type.base].kind == "decimal" and here.type.fraction_digits is None:
                found.add(here.local)
            continue
        waiting += children(contract.schema, here)
        kind = contract.schema.complex(here)
        for attribute in kind.attributes if kind else ():
            if BUILTINS[attribute.type.base].kind == "decimal" and attribute.type.fraction_digits is None:
                found.add(attribute.name)
    return found
