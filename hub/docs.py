"""Write `docs/reference/` from the settings classes and the command line: `python -m hub.docs`.

A test fails when the committed pages are not what this module writes.
"""

from __future__ import annotations

import inspect
import json
import sys
import typing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from adapters.about import about_markdown, about_schema
from adapters.catalogue import KINDS
from adapters.soap.security.policy import table
from hub.settings import HubSettings
from strangler.operation import Operation
from streams.document import Document

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
_WORDS = {
    "str": "text",
    "bool": "true or false",
    "float": "number",
    "int": "whole number",
    "SecretStr": "secret",
}
_NOTE = "<!-- Made by `python -m hub.docs`; change the code, not this page. -->\n\n"


def pages() -> dict[str, str]:
    """Return every page of the reference: file name → text."""
    made = {
        "banyan-toml.md": _NOTE + _settings_page("banyan.toml", HubSettings),
        "operation-toml.md": _NOTE + _settings_page("operations/<name>.toml", Operation),
        "document-toml.md": _NOTE + _settings_page("documents/<name>.toml", Document),
        "commands.md": _NOTE + _commands_page(),
        "ws-policy.md": _NOTE + _policy_page(),
        "schema/banyan.schema.json": _json(HubSettings.model_json_schema()),
        "schema/operation.schema.json": _json(Operation.model_json_schema()),
    }
    for kind, spec in sorted(KINDS.items()):
        made[f"adapter-{kind}.md"] = _NOTE + about_markdown(spec).rstrip() + "\n"
        made[f"schema/adapter-{kind}.schema.json"] = _json(about_schema(spec))
    return made


def _policy_page() -> str:
    lines = [
        "# Assertions of WS-Policy",
        "",
        "What becomes of what a WSDL demands: always done, done by a setting, or missing with the reason. An",
        "assertion that is not in this table is told as missing.",
        "",
        "| assertion | state | how |",
        "|---|---|---|",
    ]
    lines += [f"| {name} | {state} | {how.replace('|', chr(92) + '|')} |" for name, state, how in table()]
    return "\n".join(lines) + "\n"


def write(folder: Path = FOLDER) -> None:
    """Write every page below `folder` and take away those that are no longer made."""
    made = pages()
    for name, text in made.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in folder.rglob("*.*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in made:
            path.unlink()


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _settings_page(title: str, model: type[BaseModel]) -> str:
    return f"# {title}\n\n" + "\n".join(_tables(model, ""))


def _tables(model: type[BaseModel], path: str) -> Iterator[str]:
    """Yield one table a settings class: its own keys first, then those of the tables inside it."""
    heading = f"## [{path}]\n\n" if path else ""
    about = (model.__doc__ or "").strip().partition("\n\n")[0]
    rows = "".join(_row(info.alias or name, info) for name, info in model.model_fields.items())
    yield f"{heading}{about}\n\n| key | type | default | meaning |\n|---|---|---|---|\n{rows}"
    for name, info in model.model_fields.items():
        for inner in _models(info.annotation):
            yield from _tables(inner, f"{path}.{name}" if path else name)


def _row(name: str, info: FieldInfo) -> str:
    cells = [f"`{name}`", _type(info.annotation), _default(info), (info.description or "").replace("\n", " ")]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _type(annotation: Any) -> str:
    if annotation is type(None):
        return "absent"
    if typing.get_origin(annotation) is typing.Literal:
        return " or ".join(f"`{a}`" for a in typing.get_args(annotation))
    if typing.get_origin(annotation) is typing.Annotated:
        return _type(typing.get_args(annotation)[0])
    if args := [_type(a) for a in typing.get_args(annotation)]:
        origin = typing.get_origin(annotation)
        if origin in (list, tuple):
            return f"list of {args[0]}"
        if origin is dict:
            return f"table of {args[-1]}"
        return " or ".join(a for a in dict.fromkeys(args) if a != "absent")
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    names = {
        "str": "text",
        "bool": "true or false",
        "float": "number",
        "int": "whole number",
        "SecretStr": "secret",
    }
    name = getattr(annotation, "__name__", str(annotation))
    return names.get(name, name)


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "**required**"
    value = info.default
    if value is PydanticUndefined or value is None or isinstance(value, BaseModel):
        return ""
    return f"`{json.dumps(value, ensure_ascii=False, default=str)}`"


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for inner in typing.get_args(annotation) for model in _models(inner)]


def _commands_page() -> str:
    from hub.cli import app

    parts = [
        "# Commands\n\nExit codes: 0 done, 1 the answer is no (differences, findings), 2 wrong use or "
        "settings, 3 something outside failed. Errors go to stderr as what, where, what to do.\n"
    ]
    for path, info in _commands(app(), "banyan"):
        function: Callable[..., Any] = info.callback
        about = inspect.cleandoc(function.__doc__ or "")
        parts.append(f"## {path}\n\n{about}\n\n{info.epilog}\n")
    return "\n".join(parts)


def _commands(app: typer.Typer, path: str) -> Iterator[tuple[str, Any]]:
    for info in app.registered_commands:
        if info.callback is not None:
            yield f"{path} {info.name or info.callback.__name__}", info
    for group in app.registered_groups:
        if group.typer_instance is not None:
            yield from _commands(group.typer_instance, f"{path} {group.typer_instance.info.name}")


if __name__ == "__main__":
    write(*map(Path, sys.argv[1:2]))
