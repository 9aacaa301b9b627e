"""`--set KEY=VALUE` to the settings of a file format."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from adapters.batch.format_spec import FormatSpec
from adapters.batch.items import suggestion
from schemas.errors import SettingsError

#: Other words for a key.
_ALIASES = {"profile": "dialect"}
_WHERE = "--set"
#: By the names that settings files use.
_FIELDS = {info.alias or name: info for name, info in FormatSpec.model_fields.items()}


def format_of(pairs: Iterable[str], copybook: Path | None) -> FormatSpec:
    """Return the settings that `KEY=VALUE` pairs give; tables by dots: `frame.rdw_inclusive=true`.

    Values are text; true, false and whatever begins with a bracket or a quote is read as TOML. A list may
    be given with commas. An entity's name is made up where there is none.

    Raises:
        SettingsError: no such key, or a value that it cannot have.
    """
    values: dict[str, Any] = {} if copybook is None else {"copybook": str(copybook.resolve())}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise SettingsError(
                f"{_WHERE} {pair}: no value", where=_WHERE, fix=f"write {_WHERE} {pair}=VALUE"
            )
        table, dot, name = key.strip().partition(".")
        table = _ALIASES.get(table, table)
        if table not in _FIELDS:
            raise SettingsError(f"no setting {table!r}", where=_WHERE, fix=_suggestion(table, list(_FIELDS)))
        value = _value(text.strip(), table, name)
        if not dot:
            values[table] = value
        else:
            values.setdefault(table, {})[name] = value
    if values.get("format", "copybook") == "copybook" and "copybook" not in values:
        raise SettingsError(
            "what describes the records?", where="--copybook",
            fix="give --copybook FILE, or --set format=delimited, fixed_text, xml or json with its table",
        )  # fmt: skip
    if not values.get("records"):
        values.setdefault("entity", "record")
        values.setdefault("key", _KEY)
    return checked(values)


#: Stands for a key that nobody named: files that are only looked at need none.
_KEY = ("?",)


def checked(values: dict[str, Any]) -> FormatSpec:
    """Return the settings, or say what is wrong with the first that is wrong.

    Raises:
        SettingsError: see there.
    """
    try:
        return FormatSpec.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            message = "there is no such setting"
        raise SettingsError(
            f"{place}: {message}" if place else message,
            where=_WHERE,
            fix="`banyan adapter about batch` lists the settings",
        ) from None


def keyless(spec: FormatSpec) -> bool:
    """True where no key was named."""
    return spec.key == _KEY


def _value(text: str, table: str, name: str) -> Any:
    if text in ("true", "false") or text[:1] in ("[", "{", '"', "'"):
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(
                f"{table}: {text} is no TOML: {error}", where=_WHERE, fix='write lists as ["A", "B"]'
            ) from None
    kind = str(_FIELDS[table].annotation)
    is_list = kind.startswith("tuple[") or (bool(name) and "tuple[" in kind)
    return text.split(",") if is_list else text


def _suggestion(wrong: str, known: list[str]) -> str:
    # suggestion() compares COBOL names, which are in upper case.
    return suggestion(wrong, [k.upper() for k in known]).lower()
