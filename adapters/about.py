"""An adapter kind explained from its spec: Markdown for people, JSON Schema for editors."""

from __future__ import annotations

import inspect
import json
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from adapters.spec import AdapterSpec


def about_markdown(spec: type[AdapterSpec]) -> str:
    """Return the docs page of a kind: summary, then every setting with type, default and meaning."""
    kind = _kind(spec)
    tables: list[tuple[str, type[BaseModel]]] = [("", spec)]
    lines = [f"# Adapter kind `{kind}`", "", inspect.cleandoc(spec.summary or spec.__doc__ or "")]
    seen: set[type[BaseModel]] = set()
    while tables:
        path, model = tables.pop(0)
        if model in seen:
            continue
        seen.add(model)
        lines += ["", f"## `[{path}]`" if path else "## Settings", ""]
        if path and model.__doc__:
            lines += [inspect.cleandoc(model.__doc__), ""]
        lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
        for name, field in model.model_fields.items():
            lines.append(_row(field.alias or name, field))
            inner = f"{path}.{field.alias or name}" if path else field.alias or name
            tables += [(inner, nested) for nested in _models(field.annotation)]
    return "\n".join(lines) + "\n"


def about_schema(spec: type[AdapterSpec]) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the kind's `adapter.toml`."""
    schema = spec.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"adapter.toml, kind {_kind(spec)}",
        **{k: v for k, v in schema.items() if k != "title"},
    }


def _kind(spec: type[AdapterSpec]) -> str:
    arguments = getattr(spec.model_fields["kind"].annotation, "__args__", ())
    default = spec.model_fields["kind"].default
    return str(arguments[0] if arguments else default)


def _row(name: str, field: FieldInfo) -> str:
    if field.is_required():
        default = "*required*"
    elif field.default is PydanticUndefined:
        default = "see its table" if _models(field.annotation) else "empty"
    else:
        default = f"`{json.dumps(field.default, default=str, ensure_ascii=False)}`"
    meaning = (field.description or "").replace("|", "\\|").replace("\n", " ")
    return f"| `{name}` | {_type(field.annotation)} | {default} | {meaning} |"


def _type(annotation: Any) -> str:
    """Return a type in a reader's words; choices are spelled out."""
    arguments = getattr(annotation, "__args__", ())
    origin = getattr(annotation, "__origin__", None)
    if inspect.isclass(annotation) and origin is None:
        return "table" if issubclass(annotation, BaseModel) else annotation.__name__
    if arguments and all(isinstance(a, (str, int, bool)) for a in arguments):
        return " or ".join(f"`{a}`" for a in arguments)
    parts = [_type(a) for a in arguments if a is not type(None) and a is not Ellipsis and not _is_metadata(a)]
    if origin in (list, tuple, set, frozenset):
        return f"list of {parts[0]}"
    if origin is dict:
        return f"table of {parts[-1]}"
    return " or ".join(dict.fromkeys(parts)) or str(annotation)


def _is_metadata(argument: Any) -> bool:
    return isinstance(argument, FieldInfo)


def _models(annotation: Any) -> list[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for a in getattr(annotation, "__args__", ()) for m in _models(a)]
