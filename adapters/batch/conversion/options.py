"""`--set KEY=VALUE` to the settings of a file format."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError, model_validator

from adapters.batch.format_spec import FormatSpec
from adapters.batch.items import suggestion
from schemas.errors import SettingsError

#: Other words for a key.
_ALIASES = {"profile": "dialect"}
WHERE = "--set"
#: Commas that part the items of a list: not those within a type such as decimal(9,2).
_COMMA = re.compile(r",(?![^()]*\))")
_LIST = 'write lists as ["A", "B"] or A,B'


class FileSpec(FormatSpec):
    """The format of a file that is only looked at: it needs no name for its entity, and no key."""

    @model_validator(mode="after")
    def _one_or_several(self) -> FileSpec:
        if self.format == "copybook" and self.copybook is None:
            raise ValueError("what describes the records? Give --copybook FILE, or format")
        if self.records and (self.key or self.group):
            raise ValueError("give either key and group, or records")
        return self


def format_of(pairs: Iterable[str], copybook: Path | None) -> FileSpec:
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
            raise SettingsError(f"{WHERE} {pair}: no value", where=WHERE, fix=f"write {WHERE} {pair}=VALUE")
        _put(values, key.strip().split("."), text.strip())
    if values.get("format", "copybook") == "copybook" and "copybook" not in values:
        raise SettingsError(
            "what describes the records?", where="--copybook",
            fix="give --copybook FILE, or --set format=delimited, fixed_text, xml or json with its table",
        )  # fmt: skip
    if not values.get("records"):
        values.setdefault("entity", "record")
    return checked(values)


def checked(values: Mapping[str, Any]) -> FileSpec:
    """Return the settings, or say what is wrong with the first that is wrong.

    Raises:
        SettingsError: see there.
    """
    try:
        return FileSpec.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list")
        fix = "`banyan adapter about batch` lists the settings"
        if first["type"] == "extra_forbidden":
            message = "there is no such setting"
        if first["type"] == "tuple_type":
            fix = _LIST
        raise SettingsError(f"{place}: {message}" if place else message, where=WHERE, fix=fix) from None


def _put(values: dict[str, Any], path: Sequence[str], text: str) -> None:
    """Put a value where a dotted key says, by what the settings have there.

    Raises:
        SettingsError: no such key, or a text that is no TOML.
    """
    kind, table, read = FormatSpec, values, ""
    for at, given in enumerate(path):
        last = at == len(path) - 1
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            name = _ALIASES.get(given, given) if at == 0 else given
            fields = {info.alias or n: info for n, info in kind.model_fields.items()}
            if name not in fields:
                what = f"no setting '{read}.{name}'" if read else f"no setting {name!r}"
                raise SettingsError(what, where=WHERE, fix=_suggestion(name, list(fields)))
            kind = _plain(fields[name].annotation)
        elif get_origin(kind) is dict:
            # Names of fields may have dots: whatever is left is one of them.
            name, last, kind = ".".join(path[at:]), True, _plain(get_args(kind)[1])
        else:
            fix = f"it is one value: write {WHERE} {read}=VALUE"
            raise SettingsError(f"{read} has no settings of its own", where=WHERE, fix=fix)
        read = f"{read}.{name}" if read else name
        if last:
            table[name] = _value(text, kind, read)
            return
        table = table.setdefault(name, {})
        if not isinstance(table, dict):
            raise SettingsError(f"{read} is given twice", where=WHERE, fix="give it in one place")


def _plain(annotation: Any) -> Any:
    """Return a setting's type without its null branch and remarks."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    if get_origin(annotation) in (Union, UnionType):
        branches = [branch for branch in get_args(annotation) if branch is not type(None)]
        return _plain(branches[0]) if len(branches) == 1 else annotation
    return annotation


def _value(text: str, kind: Any, key: str) -> Any:
    if text in ("true", "false") or text[:1] in ("[", "{", '"', "'"):
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{key}: {text} is no TOML: {error}", where=WHERE, fix=_LIST) from None
    return [part.strip() for part in _COMMA.split(text)] if get_origin(kind) is tuple else text


def _suggestion(wrong: str, known: list[str]) -> str:
    # suggestion() compares COBOL names, which are in upper case.
    return suggestion(wrong, [k.upper() for k in known]).lower()
