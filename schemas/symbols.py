"""Codes of a legacy system as Avro enums: a legal symbol for each, stable for ever, and the way back.

Symbols of an enum are names (Avro 1.11, "Names"); codes such as `01` or `N/A` are not. The symbol of a code
follows from the code alone, never from its neighbours: a code that is added later changes no other symbol.
The codes whose symbol differs stand in the schema's property `legacy.symbols`, from which our codec gives
the code itself, so that only a foreign reader ever sees a symbol.

Each enum has the default `_unknown` (Avro 1.11, "Enums"): a reader with an older schema sees it for a code
that it does not know yet, which is what makes a new code compatible (FULL_TRANSITIVE).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

#: Property of an enum: symbol → code, where the two differ.
PROPERTY = "legacy.symbols"
#: What a reader with an older schema sees for a code that it does not know; never written.
UNKNOWN = "_unknown"
_EMPTY = "_empty"
#: An underscore that would read as one of ours, and whatever is no character of a name.
_ESCAPED = re.compile(r"\A_(?=[0-9]|unknown\Z|empty\Z)|_(?=x)|[^A-Za-z0-9_]")


def symbol(code: str) -> str:
    """Return the symbol of a code: itself if that is legal, else with `_x2f_` for `/`, `_` before a digit."""
    name = _ESCAPED.sub(lambda found: f"_x{ord(found[0]):x}_", code) or _EMPTY
    return f"_{name}" if name[0].isdigit() else name


def enum_type(name: str, codes: Sequence[str]) -> dict[str, Any] | None:
    """Return the Avro enum of these codes, in their order; None where one of them is `_unknown` itself."""
    pairs = {symbol(code): code for code in codes}
    if UNKNOWN in pairs.values():
        return None
    renamed = {made: code for made, code in pairs.items() if made != code}
    schema = {"type": "enum", "name": name, "symbols": [*pairs, UNKNOWN], "default": UNKNOWN}
    return schema | ({PROPERTY: renamed} if renamed else {})


def codes_of(enum: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the code of each symbol of an enum, in order."""
    renamed = enum.get(PROPERTY) or {}
    return tuple(str(renamed.get(made, made)) for made in enum["symbols"])
