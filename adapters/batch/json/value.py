"""One JSON text to a tree of exact values: numbers stay the digits that they were written with."""

from __future__ import annotations

import json
from typing import Any

from adapters.batch.fields.documents import Misplaced


class DuplicateKeyError(ValueError):
    """An object with one key twice; the message names no key, as keys may be data."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise DuplicateKeyError("an object has one key twice")
    return made


def _no_number(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


# Numbers become their own digits: a float would change a decimal of more than 15 of them.
_STRICT = json.JSONDecoder(object_pairs_hook=_once, parse_float=str, parse_int=str, parse_constant=_no_number)
_LENIENT = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=_no_number)


def tree(raw: bytes, *, strict: bool) -> Any:
    """Return the value of a JSON text; numbers, like strings, are texts.

    Raises:
        ValueError: no JSON, or (if `strict`) a key twice. The message shows no data.
    """
    try:
        return (_STRICT if strict else _LENIENT).decode(raw.decode())
    except DuplicateKeyError:
        raise
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON: {error.msg.lower()} at character {error.pos + 1}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"byte 0x{raw[error.start]:02X} is no utf-8") from None
    except RecursionError:
        raise ValueError("no JSON: nested too deeply") from None


def get(tree: Any, path: str, many: bool) -> Any:
    """Return what stands at a dotted path; for `many` a list."""
    for name in path.split("."):
        if tree is None:
            return None
        if not isinstance(tree, dict):
            return Misplaced("one value where a record is expected")
        tree = tree.get(name)
    if many and tree is not None and not isinstance(tree, list):
        return Misplaced("one value where a list is expected")
    return tree


def text_of(value: Any) -> Any:
    """Return a value as text; true and false are words."""
    if isinstance(value, (dict, list)):
        return Misplaced("a list or record where one value is expected")
    return str(value).lower() if isinstance(value, bool) else value
