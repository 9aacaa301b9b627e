"""Read a TOML file into a pydantic model; every mistake names file, line, key and the remedy."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from schemas.errors import SettingsError

M = TypeVar("M", bound=BaseModel)
_ENV = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def load(path: Path, model: type[M], *, env: Mapping[str, str] | None = None) -> M:
    """Return the settings in `path` as `model`.

    `${NAME}` and `${NAME:-default}` in any string are replaced from the environment, and a string
    `file:PATH` by that file's content without its last line end (for mounted secrets).

    Raises:
        SettingsError: the file is missing, not TOML, or does not fit the model.
    """
    text = read_text(path)
    return validate(path, text, model, resolve(parse(path, text), path, env))


def read_text(path: Path) -> str:
    """Return the file's text, or say that it is not there."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(
            "no such settings file", where=str(path), fix="check the path of the estate"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"cannot read the settings file: {error}", where=str(path)) from error


def parse(path: Path, text: str) -> dict[str, Any]:
    """Return the TOML document, unresolved."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = match.group(1) if (match := re.search(r"line (\d+)", str(error))) else "1"
        raise SettingsError(
            f"not valid TOML: {error}", where=f"{path}:{line}", fix="mend the syntax"
        ) from None


def resolve(value: Any, path: Path, env: Mapping[str, str] | None = None) -> Any:
    """Replace `${ENV}` and `file:` references in every string below `value`."""
    if isinstance(value, dict):
        return {k: resolve(v, path, env) for k, v in value.items()}
    if isinstance(value, list):
        return [resolve(v, path, env) for v in value]
    if not isinstance(value, str):
        return value
    if value.startswith("file:"):
        return _file_reference(path, value.removeprefix("file:"))
    return _ENV.sub(lambda m: _env_reference(path, m, os.environ if env is None else env), value)


def validate(path: Path, text: str, model: type[M], document: dict[str, Any]) -> M:
    """Return `document` as `model`, turning each mistake into one line with its place."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        problems = [
            _problem(path, text, model, dict(e)) for e in error.errors(include_url=False, include_input=False)
        ]
        first = problems[0]
        more = "".join(f"\n{p}" for p in problems[1:])
        raise SettingsError(f"{first.what}{more}", where=first.where, fix=first.fix) from None


def line_of(text: str, keys: tuple[str | int, ...]) -> int:
    """Return the 1-based line where a key path is set, or of the nearest table above it."""
    names = [str(k) for k in keys if not isinstance(k, int)]
    best = 1
    table: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?", line):
            table = [part.strip(" \"'") for part in header.group(1).split(".")]
            if names[: len(table)] == table:
                best = number
        elif assign := re.match(r"\s*([A-Za-z0-9_.\"'-]+)\s*=", line):
            path = table + [part.strip(" \"'") for part in assign.group(1).split(".")]
            if path == names[: len(path)]:
                return number
    return best


def _env_reference(path: Path, match: re.Match[str], env: Mapping[str, str]) -> str:
    name, default = match.group(1), match.group(2)
    if (value := env.get(name, default)) is None:
        raise SettingsError(
            f"the environment variable {name} is not set",
            where=str(path),
            fix=f"export {name}, or write ${{{name}:-default}}",
        )
    return value


def _file_reference(path: Path, name: str) -> str:
    target = (path.parent / name).expanduser()
    try:
        return target.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise SettingsError(
            f"cannot read the referenced file {target}: {error.strerror}", where=str(path)
        ) from None


def _problem(path: Path, text: str, model: type[BaseModel], error: dict[str, Any]) -> SettingsError:
    keys = tuple(error["loc"])
    where = f"{path}:{line_of(text, keys)}"
    dotted = ".".join(str(k) for k in keys)
    if error["type"] == "extra_forbidden":
        known = _known_keys(model, keys[:-1])
        close = difflib.get_close_matches(str(keys[-1]), known, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(known)}"
        return SettingsError(f"unknown key {dotted!r}", where=where, fix=hint)
    if error["type"] == "missing":
        return SettingsError(f"the key {dotted!r} is missing", where=where, fix=f"add {keys[-1]} = …")
    message = error["msg"].removeprefix("Value error, ")
    text = f"{dotted}: {message}" if dotted else message
    return SettingsError(text, where=where, fix="see the reference in docs/reference")


def _known_keys(model: type[BaseModel], keys: tuple[str | int, ...]) -> list[str]:
    current: Any = model
    for key in keys:
        if isinstance(key, int) or not hasattr(current, "model_fields"):
            continue
        info = current.model_fields.get(key)
        nested = [a for a in _arguments(info.annotation) if hasattr(a, "model_fields")] if info else []
        current = nested[0] if nested else current
    return list(getattr(current, "model_fields", {}))


def _arguments(annotation: Any) -> list[Any]:
    inner = getattr(annotation, "__args__", ())
    return [annotation, *(a for arg in inner for a in _arguments(arg))]
